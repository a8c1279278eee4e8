"""Autocast is seen where it is on, and gone within the block, on every device."""

import pytest
import torch

from fairseq_plugins.ops.autocast import autocast_dtype, without_autocast

# "meta" knows no autocast at all.
DEVICES = ["cpu", "cuda", "meta"]


@pytest.mark.parametrize("device", DEVICES)
def test_none_where_it_is_off(device):
    assert autocast_dtype(device) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_type_is_that_of_the_device_alone(dtype):
    with torch.autocast("cpu", dtype):
        assert autocast_dtype("cpu") == dtype
        assert autocast_dtype("cuda") is None
        assert autocast_dtype("meta") is None
    assert autocast_dtype("cpu") is None


def test_a_product_within_the_block_is_of_the_operands_type():
    ones = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert (ones @ ones).dtype == torch.bfloat16
        with without_autocast("cpu"):
            assert (ones @ ones).dtype == torch.float32
            assert autocast_dtype("cpu") is None
        assert (ones @ ones).dtype == torch.bfloat16


@pytest.mark.parametrize("device", DEVICES)
def test_the_block_can_be_entered_on_every_device(device):
    with without_autocast(device):
        assert autocast_dtype(device) is None
