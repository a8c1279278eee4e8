"""Dropout on sequences."""

import pytest
import torch
from torch import nn

from fairseq_plugins.modules.dropout import Dropout, one_mask


def dropped(variational, shape=(64, 9, 32)):
    torch.manual_seed(1)
    return Dropout(0.25, variational)(torch.ones(shape))


def test_a_variational_mask_is_the_same_at_every_step_and_another_in_every_row():
    output = dropped(variational=True)
    assert torch.equal(output, output[:, :1].expand_as(output))
    assert len(output[:, 0].unique(dim=0)) == len(output)


def test_a_plain_mask_differs_between_steps():
    output = dropped(variational=False)
    assert len(output[0].unique(dim=0)) == output.size(1)


@pytest.mark.parametrize("variational", [False, True])
def test_what_is_kept_is_scaled_so_that_the_mean_stays(variational):
    output = dropped(variational, shape=(512, 2, 256))
    torch.testing.assert_close(output.unique(), torch.tensor([0, 1 / 0.75]))
    assert float(output.mean()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("variational", [False, True])
def test_nothing_is_dropped_outside_training_or_with_probability_0(variational):
    inputs = torch.randn(2, 3, 4)
    assert Dropout(0.5, variational).eval()(inputs) is inputs
    assert Dropout(0.0, variational)(inputs) is inputs


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_an_impossible_probability_is_refused(p):
    with pytest.raises(ValueError, match=str(p)):
        Dropout(p)


def test_one_mask_lasts_for_a_block_of_calls_and_no_longer():
    torch.manual_seed(1)
    dropout, ones = Dropout(0.5, variational=True), torch.ones(2, 1, 64)
    with one_mask(dropout):
        first, second = dropout(ones), dropout(ones)
    assert torch.equal(first, second)
    assert not torch.equal(dropout(ones), first)
    with one_mask(dropout):
        assert not torch.equal(dropout(ones), first)


def test_one_mask_ends_with_an_error_too():
    dropout, ones = Dropout(0.5, variational=True), torch.ones(2, 1, 64)
    both = nn.Sequential(dropout, nn.Linear(3, 3))  # the second refuses the first's size
    with pytest.raises(RuntimeError), one_mask(both):
        both(ones)
    assert not torch.equal(dropout(ones), dropout(ones))


def test_a_plain_dropout_draws_anew_at_every_call_whatever_block_it_is_in():
    dropout, ones = Dropout(0.5), torch.ones(2, 1, 64)
    with one_mask(dropout):
        assert not torch.equal(dropout(ones), dropout(ones))
