"""The next word of each row: the likeliest that is allowed, or a fair draw."""

import math
from collections import Counter

import pytest
import torch

from fairseq_plugins._word_choice import History, RowOptions, choose, draw

PAD, EOS = 1, 2


def rows(*options, words=()):
    found = []
    for each in options:
        history = History(RowOptions(**each))
        for word in words:
            history.say(word)
        found.append(history)
    return found


def lprobs(*probabilities):
    return torch.tensor(probabilities).log()


def test_the_likeliest_word_is_taken_and_never_padding():
    scores = lprobs([0.1, 0.6, 0.1, 0.2], [0.1, 0.1, 0.5, 0.3])
    words, found = choose(scores, rows({}, {}, words=[3]), PAD, EOS)
    assert words.tolist() == [3, EOS]
    assert found.exp().tolist() == pytest.approx([0.2, 0.5])


def test_a_reply_has_its_least_and_its_greatest_length():
    scores = lprobs([0.0, 0.0, 0.9, 0.1], [0.0, 0.0, 0.1, 0.9])
    short, full = rows({"min_len": 3}, {"max_len": 2}, words=[0, 3])
    words, _ = choose(scores, [short, full], PAD, EOS)
    assert words.tolist() == [3, EOS]


@pytest.mark.parametrize(
    ("size", "said", "banned"),
    [(0, [3, 3, 3], []), (1, [3, 4], []), (2, [3, 4, 3], [4]), (3, [3, 4, 5, 3, 4], [5])],
)
def test_an_n_gram_is_not_said_twice(size, said, banned):
    (row,) = rows({"no_repeat_ngram": size}, words=said)
    found = row.banned()
    assert sorted(found) == (sorted(said) if size == 1 else banned)


def test_where_nothing_may_be_said_the_row_ends():
    scores = torch.full((1, 4), -math.inf)
    words, _ = choose(scores, rows({}, words=[3]), PAD, EOS)
    assert words.tolist() == [EOS]


def test_draws_have_the_models_probabilities():
    (row,) = rows({"sampling": True, "seed": 1})
    scores = lprobs([0.5, 0.0, 0.2, 0.3])
    found = Counter(int(draw(scores, [row])) for _ in range(4000))
    assert set(found) == {0, 2, 3}
    assert found[0] / 4000 == pytest.approx(0.5, abs=0.04)
    assert found[2] / 4000 == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize(
    ("options", "kept"),
    [({"topk": 2}, {0, 3}), ({"topp": 0.5}, {0}), ({"topp": 0.79}, {0, 3}), ({"topk": 1}, {0})],
)
def test_only_the_likeliest_words_are_drawn_from(options, kept):
    (row,) = rows({"sampling": True, "seed": 1, **options})
    scores = lprobs([0.5, 0.0, 0.2, 0.3])
    assert {int(draw(scores, [row])) for _ in range(300)} == kept


def test_a_low_temperature_is_nearly_greedy_and_a_high_one_nearly_fair():
    scores = lprobs([0.4, 0.1, 0.2, 0.3])
    cold, hot = rows(*({"sampling": True, "seed": 1, "temperature": t} for t in (0.05, 50.0)))
    assert {int(draw(scores, [cold])) for _ in range(100)} == {0}
    found = Counter(int(draw(scores, [hot])) for _ in range(2000))
    assert min(found.values()) > 350 and len(found) == 4


def test_a_rows_draws_depend_on_its_seed_alone():
    scores = lprobs([0.25] * 4)
    alone = [int(draw(scores, rows({"sampling": True, "seed": s}))) for s in range(20)]
    together = draw(scores.expand(20, 4), rows(*({"sampling": True, "seed": s} for s in range(20))))
    assert together.tolist() == alone and len(set(alone)) > 1
