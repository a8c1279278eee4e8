"""Products of all steps at once against those of each step."""

import pytest
import torch
from torch import Tensor, autograd

from fairseq_plugins.ops.time_products import (
    flat_product,
    input_gradient,
    weight_gradient,
)

STEPS, BATCH, IN, OUT = 3, 2, 4, 5


def draw(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs x, a weight W, and the gradient of y = W x at each step."""
    torch.manual_seed(1)
    shapes = ((STEPS, BATCH, IN), (OUT, IN), (STEPS, BATCH, OUT))
    return tuple(torch.randn(shape, dtype=dtype) for shape in shapes)


def by_autograd(inputs: Tensor, weight: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
    """The gradients of inputs and weight, step by step."""
    leaves = [inputs.requires_grad_(), weight.requires_grad_()]
    outputs = torch.stack([step @ weight.t() for step in inputs])
    return autograd.grad(outputs, leaves, gradient)


def test_each_vector_meets_the_matrix():
    inputs, weight, _ = draw()
    found = flat_product(inputs, weight.t())
    for t in range(STEPS):
        for row in range(BATCH):
            torch.testing.assert_close(found[t, row], weight @ inputs[t, row])


@pytest.mark.parametrize("sizes", [[OUT], [2, 3], [1, 1, 3]])
def test_gradients_in_parts_are_those_of_autograd(sizes):
    inputs, weight, gradient = draw()
    expected = by_autograd(inputs, weight, gradient)
    parts = gradient.split(sizes, dim=2)
    torch.testing.assert_close(input_gradient(parts, weight.detach()), expected[0])
    torch.testing.assert_close(weight_gradient(parts, inputs.detach()), expected[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_less_precision_rounds_the_operands_only(dtype):
    """A bfloat16 has 8 bits: 1 + 2^-9 is 1, and a sum of many products is not rounded so."""
    gradient = torch.full((512, 1, 1), 1 + 2**-9, dtype=dtype)
    inputs = torch.ones(512, 1, 1, dtype=dtype)
    assert weight_gradient([gradient], inputs).item() == 513
    found = weight_gradient([gradient], inputs, "bf16")
    assert found.dtype == dtype and found.item() == 512


def test_every_product_takes_the_precision():
    inputs, weight, gradient = draw(torch.float32)
    rounded = [tensor.bfloat16() for tensor in (inputs, weight, gradient)]
    parts, rounded_parts = (x.split([2, 3], dim=2) for x in (gradient, rounded[2]))
    pairs = [
        (flat_product(inputs, weight.t(), "bf16"), flat_product(rounded[0], rounded[1].t())),
        (input_gradient(parts, weight, "bf16"), input_gradient(rounded_parts, rounded[1])),
        (weight_gradient(parts, inputs, "bf16"), weight_gradient(rounded_parts, rounded[0])),
    ]
    exact = [
        flat_product(inputs, weight.t()),
        input_gradient(parts, weight),
        weight_gradient(parts, inputs),
    ]
    for (found, expected), full in zip(pairs, exact, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected.float(), rtol=0.02, atol=0.02)
        assert not torch.equal(found, full)
