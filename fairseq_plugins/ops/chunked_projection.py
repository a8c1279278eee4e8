"""The three products of an output projection whose logits are made and used chunk by chunk."""

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from .packed_linear import Product, pack_linear

CHUNK = 256  # rows for which weights are packed; any number is right
HALF_SCALE = 32.0  # keeps the small gradients of a softmax among float16's normal numbers


class Gradients(NamedTuple):
    """Gradients, or whatever there is one of for each of a projection's tensors."""

    features: Tensor | None  # (rows, features_dim)
    weight: Tensor | None  # (vocabulary, features_dim)
    bias: Tensor | None  # (vocabulary,)


def wide_dtype(features: Tensor, weight: Tensor) -> torch.dtype:
    """In which a softmax is made and a gradient is summed: float32 at least."""
    both = torch.promote_types(features.dtype, weight.dtype)
    return torch.promote_types(both, torch.float32)


class ChunkedProjection:
    r"""Logits :math:`x = W h + b` of some rows at a time, and what their gradients lead to.

    .. math::
        \partial h = W^\top \partial x, \quad \partial W = \sum_t \partial x_t h_t^\top, \quad
        \partial b = \sum_t \partial x_t

    On a CPU the weight is packed for the first two products. Elsewhere, and in half precision, the
    logits stand in one buffer that every chunk reuses; operands of another type than the buffer's
    are rounded to it, as are a chunk's products; sums over chunks are not.

    Args:
        features: the h (rows, features_dim)
        weight: W (vocabulary, features_dim)
        bias: b (vocabulary,), or None
        chunk: rows at a time
        dtype: of the products' operands
    """

    def __init__(
        self,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        *,
        chunk: int,
        dtype: torch.dtype,
    ) -> None:
        self.features, self.weight, self.bias = features.to(dtype), weight.to(dtype), bias
        self.wide = wide_dtype(features, weight)
        shape = min(chunk, max(len(features), 1)), len(weight)
        self.scale = HALF_SCALE if dtype == torch.float16 else 1.0
        self.to_logits = self.rounded = None
        if dtype == self.wide and features.device.type == "cpu":
            self.to_logits = pack_linear(self.weight, rows=CHUNK)
            return
        self.buffer = features.new_empty(shape, dtype=self.wide)
        if dtype != self.wide:
            self.rounded = features.new_empty(shape, dtype=dtype)

    @cached_property
    def to_features(self) -> Product:
        """The second product, packed when the first gradient asks for it."""
        return pack_linear(self.weight.t(), rows=CHUNK)

    def logits(self, rows: slice) -> Tensor:
        """The logits (chunk, vocabulary) of some rows, which may be overwritten."""
        features = self.features[rows]
        if self.to_logits is not None:
            logits = self.to_logits(features)
            return logits if self.bias is None else logits.add_(self.bias)
        logits = self.buffer[: len(features)]
        if self.rounded is None:
            torch.mm(features, self.weight.t(), out=logits)
        else:
            rounded = self.rounded[: len(features)]
            logits.copy_(torch.mm(features, self.weight.t(), out=rounded))
        return logits if self.bias is None else logits.add_(self.bias)

    def add_gradients(
        self, of_logits: Tensor, rows: slice, real: Tensor, gradients: Gradients
    ) -> None:
        """Add to ``gradients`` what the gradient of some rows' logits leads to.

        Rows that are not ``real`` (chunk,) add nothing to the bias; to the weight they add
        nothing if their features are 0.
        """
        if gradients.bias is not None:
            gradients.bias.addmv_(of_logits.t(), real.to(self.wide))
        if self.rounded is not None:
            rounded = self.rounded[: len(of_logits)]
            of_logits = torch.mul(of_logits, self.scale, out=rounded)
        if gradients.features is not None and self.to_logits is not None:
            gradients.features[rows] += self.to_features(of_logits)
        elif gradients.features is not None:
            self._add_product(gradients.features[rows], of_logits, self.weight)
        if gradients.weight is not None:
            self._add_product(gradients.weight, of_logits.t(), self.features[rows])

    def _add_product(self, total: Tensor, left: Tensor, right: Tensor) -> None:
        if self.rounded is None:
            total.addmm_(left, right)
        else:
            total.add_(torch.mm(left, right), alpha=1 / self.scale)
