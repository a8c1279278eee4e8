"""The mask keeps the right share, scales it so that the mean stays, and repeats with the seed."""

import math

import pytest
import torch

from fairseq_plugins.modules.dropout import Dropout
from fairseq_plugins.modules.fast import set_fast
from fairseq_plugins.ops.dropout_mask import LEVELS, dropout_mask, has_mask

SHAPE = (61, 7, 129)  # an odd number of activations


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_the_share_that_is_dropped_is_p_and_the_mean_stays(p):
    torch.manual_seed(1)
    mask = dropout_mask(torch.empty(SHAPE), p)
    deviation = math.sqrt(p * (1 - p) / mask.numel())
    assert float((mask == 0).double().mean()) == pytest.approx(p, abs=4 * deviation + 1 / LEVELS)
    assert float(mask.double().mean()) == pytest.approx(1, abs=4 * deviation / (1 - p))
    assert len(mask.unique()) == 2


def test_every_level_is_as_likely_as_every_other():
    """The one half of the bits is independent of the other: neighbours are not alike."""
    torch.manual_seed(1)
    kept = (dropout_mask(torch.empty(2**18), 0.5) > 0).double()
    for distance in (1, 2, 3, 4, 8):
        both = float((kept[distance:] * kept[:-distance]).mean())
        assert both == pytest.approx(0.25, abs=0.005)


def test_a_seed_gives_the_same_mask_again_and_the_next_call_another():
    torch.manual_seed(3)
    first, second = dropout_mask(torch.empty(SHAPE), 0.5), dropout_mask(torch.empty(SHAPE), 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropout_mask(torch.empty(SHAPE), 0.5), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_shape_and_type_are_the_inputs(dtype):
    inputs = torch.empty(3, 5, 2, dtype=dtype).transpose(0, 1)
    mask = dropout_mask(inputs, 0.5)
    assert mask.shape == inputs.shape and mask.dtype == dtype


def test_a_probability_below_the_resolution_is_the_librarys_business():
    inputs = torch.empty(1)
    assert not has_mask(inputs, 1e-6) and not has_mask(inputs, 1 - 1e-6)
    assert has_mask(inputs, 1e-4)


def test_the_gradient_goes_through_what_was_kept():
    inputs = torch.randn(SHAPE, requires_grad=True)
    dropped = Dropout(0.5)(inputs)
    dropped.sum().backward()
    assert torch.equal(inputs.grad != 0, dropped != 0)
    torch.testing.assert_close(dropped, inputs * inputs.grad)


def test_the_plain_form_stays_selectable():
    plain = Dropout(0.5)
    set_fast(plain, False)
    torch.manual_seed(1)
    found = plain(torch.ones(SHAPE))
    torch.manual_seed(1)
    assert torch.equal(found, torch.nn.functional.dropout(torch.ones(SHAPE), 0.5))
