"""Energies of many queries against the one formula."""

import pytest
import torch
from torch import Tensor, autograd

from fairseq_plugins.ops.additive_energies import additive_energies, plain_additive_energies

from .largest import LargestTensor


def draw(
    batch: int, tgt_len: int, src_len: int, dim: int, *, scale: float = 1.0, dtype=torch.float64
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        tensor = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
        return tensor.to(dtype).requires_grad_()

    return normal(batch, tgt_len, dim), normal(batch, src_len, dim), normal(dim)


def assert_equal(tensors: tuple[Tensor, ...], relative: float) -> None:
    found, expected = additive_energies(*tensors), plain_additive_energies(*tensors)
    scale = float(expected.abs().max())
    assert float((found - expected).abs().max()) <= relative * scale
    factor = torch.randn(found.shape, generator=torch.Generator().manual_seed(2)).to(found.dtype)
    pairs = [autograd.grad((energies * factor).sum(), tensors) for energies in (found, expected)]
    for ours, theirs in zip(*pairs, strict=True):
        scale = max(float(theirs.abs().max()), 1e-3)
        assert float((ours - theirs).abs().max()) <= 10 * relative * scale


@pytest.mark.parametrize("scale", [1, 30, 1000])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 4, 5), (3, 1, 7, 2), (2, 100, 3, 8)])
def test_energies_are_those_of_the_formula(shape, scale):
    assert_equal(draw(*shape, scale=scale), 1e-11)
    assert_equal(draw(*shape, scale=scale, dtype=torch.float32), 1e-5)


def test_gradients_are_those_of_finite_differences():
    tensors = draw(2, 3, 4, 2)
    assert autograd.gradcheck(additive_energies, tensors)
    assert autograd.gradgradcheck(additive_energies, tensors)


def test_half_precision_and_autocast_compute_in_single_precision():
    tensors = draw(2, 3, 4, 5, dtype=torch.float32)
    expected = additive_energies(*tensors)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(additive_energies(*tensors), expected)
    rounded = additive_energies(*(tensor.bfloat16() for tensor in tensors))
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, expected, atol=0.1, rtol=0)


def test_the_hidden_layers_of_all_queries_never_exist_together():
    tensors = draw(2, 60, 30, 16, dtype=torch.float32)
    with LargestTensor() as largest:
        additive_energies(*tensors).sum().backward()
    assert largest.numel < 2 * 60 * 30 * 16 / 4
