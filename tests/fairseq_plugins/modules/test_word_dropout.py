"""Word dropout: how many words go, which never do, and when none."""

import math

import pytest
import torch

from fairseq_plugins.modules.word_dropout import WordDropout

PAD, EOS, UNK = 1, 2, 3


def test_each_word_becomes_unk_with_its_own_chance_and_no_other_changes():
    torch.manual_seed(1)
    tokens = torch.arange(4, 20_004).reshape(200, 100)
    result = WordDropout(0.3, UNK)(tokens)
    dropped = result.eq(UNK)
    assert torch.equal(result[~dropped], tokens[~dropped])
    deviation = math.sqrt(0.3 * 0.7 / tokens.numel())
    assert abs(dropped.double().mean().item() - 0.3) < 4 * deviation


def test_kept_symbols_survive_a_dropout_of_all():
    tokens = torch.tensor([[5, EOS, PAD, PAD], [EOS, 6, 7, EOS]])
    result = WordDropout(1.0, UNK, keep=[PAD, EOS])(tokens)
    assert result.tolist() == [[UNK, EOS, PAD, PAD], [EOS, UNK, UNK, EOS]]


def test_the_tokens_given_are_not_written_to():
    tokens = torch.tensor([[5, 6, 7]])
    WordDropout(1.0, UNK)(tokens)
    assert tokens.tolist() == [[5, 6, 7]]


@pytest.mark.parametrize(("p", "training"), [(1.0, False), (0.0, True)])
def test_evaluation_and_a_probability_of_0_change_nothing_and_draw_nothing(p, training):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    tokens = torch.tensor([[5, 6, 7]])
    assert WordDropout(p, UNK).train(training)(tokens) is tokens
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_no_probability_is_refused_quoting_it(p):
    with pytest.raises(ValueError, match=f"between 0 and 1, but was given {p}$"):
        WordDropout(p, UNK)


def test_a_checkpoint_holds_nothing_of_it():
    assert not WordDropout(0.1, UNK, keep=[PAD]).state_dict()
