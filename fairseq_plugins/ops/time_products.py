"""Matrix products over all steps of a recurrence at once; tensors are (len, batch, dim)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .packed_linear import pack_linear


def flat_product(inputs: Tensor, matrix: Tensor, precision: str = "fp32") -> Tensor:
    """Each vector times a matrix: (len, batch, dim), (dim, out_dim) -> (len, batch, out_dim)."""
    flat = inputs.flatten(0, 1)
    multiply = pack_linear(matrix.t(), rows=len(flat), precision=precision)
    return multiply(flat).unflatten(0, inputs.shape[:2])


def input_gradient(parts: Sequence[Tensor], weight: Tensor, precision: str = "fp32") -> Tensor:
    """Of the inputs x in y = W x, where the gradient of y stands in parts, side by side."""
    sizes = [part.size(-1) for part in parts]
    first, *others = zip(parts, weight.split(sizes), strict=True)
    total = flat_product(*first, precision)
    for part, rows in others:
        total += flat_product(part, rows, precision)
    return total


def weight_gradient(parts: Sequence[Tensor], inputs: Tensor, precision: str = "fp32") -> Tensor:
    """Of the weight W in y = W x at every step: one product for all steps."""
    flat = inputs.flatten(0, 1)
    return torch.cat([_multiply(part.flatten(0, 1).t(), flat, precision) for part in parts])


def _multiply(left: Tensor, right: Tensor, precision: str) -> Tensor:
    """A matrix product with operands of a precision, in the type of the left."""
    if precision == "fp32":
        return left @ right
    return (left.bfloat16() @ right.bfloat16()).type_as(left)
