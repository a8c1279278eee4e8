"""Dropout on sequences."""

import pytest
import torch

from fairseq_plugins.modules.dropout import Dropout


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
