"""A sentence that stands once serves its hypotheses as its copies would."""

import random

import pytest
import torch
from torch import Tensor

from fairseq_plugins.modules.hypotheses import EncoderOut, reorder, repeat, rows_of, select

from ..builders import build_model
from ..test_fast import BATCH

SENTENCES = 4


def make_output(sentences: int = SENTENCES) -> EncoderOut:
    """An encoder's output in which every number tells its sentence and its place."""
    memory = torch.arange(sentences * 6.0).view(sentences, 3, 2)
    return {
        "memory": [memory],
        "padding_mask": [memory[:, :, 0] % 4 == 0],
        "src_tokens": [memory[:, :, 1].long()],
        "several": [memory + 100, memory[:, 0] + 200],
    }


def copies(encoder_out: EncoderOut) -> EncoderOut:
    """One row for each row of the decoder, as fairseq keeps them."""
    rows = rows_of(encoder_out)
    sentence = torch.empty(rows.numel(), dtype=torch.long)
    for index, of_sentence in enumerate(rows):
        sentence[of_sentence] = index
    return select(encoder_out, sentence)


def pointers(encoder_out: EncoderOut) -> list[int]:
    return [t.data_ptr() for name in make_output() for t in encoder_out[name]]


def assert_equal(found: EncoderOut, expected: EncoderOut) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        for mine, other in zip(found[name], expected[name], strict=True):
            assert torch.equal(mine, other), name


def permuted(rng: random.Random, sentences: int, k: int) -> list[int]:
    """The best continuations: each row continues any hypothesis of its own sentence."""
    return [k * s + rng.randrange(k) for s in range(sentences) for _ in range(k)]


def some_left(rng: random.Random, sentences: int, k: int) -> list[int]:
    """Some sentences go, and the rest change places among their own hypotheses."""
    left = sorted(rng.sample(range(sentences), rng.randint(1, sentences)))
    return [k * s + rng.randrange(k) for s in left for _ in range(k)]


def repeated(rng: random.Random, sentences: int, k: int) -> list[int]:
    """Each row so many times."""
    times = rng.randint(1, 3)
    return [row for row in range(sentences * k) for _ in range(times)]


def anything(rng: random.Random, sentences: int, k: int) -> list[int]:
    """Any rows in any order."""
    rows = sentences * k
    return [rng.randrange(rows) for _ in range(rng.randint(1, rows))]


def shuffled(rng: random.Random, sentences: int, k: int) -> list[int]:
    """The sentences in another order, and twice some of them, each with all of its rows."""
    chosen = [rng.randrange(sentences) for _ in range(sentences)]
    return [k * s + h for s in chosen for h in range(k)]


MOVES = [permuted, permuted, some_left, repeated, anything, shuffled]


@pytest.mark.parametrize("seed", range(50))
def test_after_any_orders_each_row_sees_what_its_copy_would_be(seed):
    rng = random.Random(seed)
    found = make_output()
    expected = copies(found)
    for _ in range(10):
        rows = rows_of(found)
        assert rows.flatten().tolist() == list(range(len(expected["memory"][0])))
        order = torch.tensor(rng.choice(MOVES)(rng, *rows.shape))
        found, expected = reorder(found, order), select(expected, order)
        assert len(found["memory"][0]) == len(rows_of(found))
        assert_equal(copies(found), expected)


def test_each_sentence_stands_once_before_and_during_a_search():
    encoder_out = make_output()
    before = pointers(encoder_out)
    encoder_out = reorder(encoder_out, torch.arange(SENTENCES).repeat_interleave(3))
    assert rows_of(encoder_out).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    for order in ([2, 2, 0, 3, 5, 4, 8, 8, 8, 9, 10, 11], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]):
        encoder_out = reorder(encoder_out, torch.tensor(order))
        assert pointers(encoder_out) == before
        assert len(rows_of(encoder_out)) == SENTENCES


def test_a_search_with_one_hypothesis_copies_nothing_either():
    encoder_out = make_output()
    assert pointers(reorder(encoder_out, torch.arange(SENTENCES))) == pointers(encoder_out)


def test_finished_sentences_go_with_all_their_hypotheses():
    encoder_out = reorder(make_output(), torch.arange(SENTENCES).repeat_interleave(3))
    left = reorder(encoder_out, torch.tensor([5, 3, 3, 9, 11, 10]))
    assert left["memory"][0].tolist() == make_output()["memory"][0][[1, 3]].tolist()
    assert rows_of(left).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("order", [[0, 3, 1, 2], [0, 1, 2], [3, 1], [0, 1, 2, 3, 1, 4]])
def test_hypotheses_of_several_sentences_side_by_side_get_a_row_each(order):
    encoder_out = reorder(make_output(), torch.arange(SENTENCES).repeat_interleave(2))
    mixed = reorder(encoder_out, torch.tensor(order))
    assert len(mixed["memory"][0]) == len(order)
    assert_equal(copies(mixed), select(make_output(), torch.tensor(order) // 2))


def test_what_is_given_stays_as_it_is():
    encoder_out, expected = make_output(), make_output()
    for order in (torch.arange(SENTENCES).repeat_interleave(2), torch.tensor([2, 0])):
        reorder(encoder_out, order)
        assert_equal(encoder_out, expected)


def test_rows_of_a_state_made_once_for_each_sentence_are_repeated_in_place():
    state = torch.arange(6.0).view(3, 2)
    assert repeat(state, 3) is state
    assert repeat(state, 6).tolist() == [row for row in state.tolist() for _ in range(2)]


@pytest.mark.parametrize("no_fast", [True, False])
def test_an_encoder_keeps_sentences_single_unless_it_must_not(no_fast):
    model = build_model("s2s_attn_tiny", no_fast=no_fast)
    net_input = BATCH["net_input"]
    encoder_out = model.encoder(net_input["src_tokens"], net_input["src_lengths"])
    order = torch.arange(len(net_input["src_tokens"])).repeat_interleave(2)
    twice: dict[str, list[Tensor]] = model.encoder.reorder_encoder_out(encoder_out, order)
    assert len(twice["memory"][0]) == len(net_input["src_tokens"]) * (2 if no_fast else 1)
    assert_equal(copies(twice), select(encoder_out, order))
