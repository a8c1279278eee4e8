r"""One step of additive attention in buffers of the caller, forward and backward.

.. math::
    a = \mathrm{softmax}(e + b), \quad c = \sum_j a_j h_j

with the energies e of ``additive_score`` and a bias b that is 0 on words and minus infinity on
padding (Bahdanau et al., 2015, arXiv:1409.0473, section 3.1).
"""

from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from .additive_score import ExponentialScore, TanhScore, in_range

SCORES = {"tanh": TanhScore, "exponential": ExponentialScore}


class Step(Protocol):
    """What the recurrence calls; see :class:`AttentionStep`."""

    def prepare(self, query: Tensor) -> None: ...

    def forward(self, query: Tensor, alignment: Tensor, context: Tensor) -> None: ...

    def start_backward(self) -> None: ...

    def backward(
        self,
        query: Tensor,
        alignment: Tensor,
        d_context: Tensor,
        d_alignment: Tensor | None,
        d_query: Tensor,
    ) -> None: ...

    def gradients(self) -> tuple[Tensor, Tensor]: ...


def best_form(keys: Tensor) -> str:
    """How to attend to these keys: ``"tanh"``, ``"exponential"`` or ``"triton"``."""
    if keys.is_cuda and keys.dtype == torch.float32 and has_triton():
        return "triton"
    # On a CPU exponentials pay, and to look at the numbers costs nothing.
    return "exponential" if keys.device.type == "cpu" and in_range(keys) else "tanh"


def make_step(form: str, keys: Tensor, energy: Tensor, bias: Tensor, values: Tensor) -> Step:
    """The step over these keys (batch, src_len, attention_dim); see :class:`AttentionStep`."""
    if form == "triton":
        from .triton_attention import TritonAttentionStep

        return TritonAttentionStep(*(x.contiguous() for x in (keys, energy, bias, values)))
    return AttentionStep(SCORES[form](keys, energy), bias, values)


def padding_bias(padding_mask: Tensor, dtype: torch.dtype) -> Tensor:
    """b (batch, src_len), of a mask that is True on padding."""
    bias = torch.zeros_like(padding_mask, dtype=dtype)
    return bias.masked_fill_(padding_mask, float("-inf"))


@cache
def has_triton() -> bool:
    """Whether Triton is installed, as it is with torch for CUDA."""
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return True


class AttentionStep:
    """Attends with one query for each row.

    Args:
        score: gives the energies
        bias: (batch, src_len), 0 on words, minus infinity on padding
        values: h (batch, src_len, memory_dim)
    """

    def __init__(self, score: TanhScore, bias: Tensor, values: Tensor) -> None:
        self.score, self.bias, self.values = score, bias, values
        self.energies = torch.empty_like(bias)
        self.prepare = score.prepare
        self.start_backward = score.start_backward
        self.gradients = score.gradients

    def forward(self, query: Tensor, alignment: Tensor, context: Tensor) -> None:
        """Attend.

        Args:
            query: (batch, attention_dim), prepared
            alignment: (batch, src_len), is filled
            context: (batch, memory_dim), is filled
        """
        self.score.forward(query, self.energies)
        torch.softmax(self.energies.add_(self.bias), dim=-1, out=alignment)
        # Row vectors times a matrix: the other order is an order of magnitude slower in MKL.
        torch.bmm(alignment.unsqueeze(1), self.values, out=context.unsqueeze(1))

    def backward(
        self,
        query: Tensor,
        alignment: Tensor,
        d_context: Tensor,
        d_alignment: Tensor | None,
        d_query: Tensor,
    ) -> None:
        """Fill ``d_query``; keys and energy vector are summed over the steps by the score.

        The gradient of the values is left to the caller: one product for all steps.
        """
        d_energies = torch.bmm(d_context.unsqueeze(1), self.values.transpose(1, 2)).squeeze(1)
        if d_alignment is not None:
            d_energies.add_(d_alignment)
        d_energies.mul_(alignment)  # through the softmax: a (d - sum a d)
        d_energies.addcmul_(alignment, d_energies.sum(1, keepdim=True), value=-1)
        self.score.backward(query, d_energies, d_query)
