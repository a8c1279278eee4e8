"""Dropout on sequences, with one mask per step or one for all steps."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn import functional

from ..ops.dropout_mask import dropout_mask, has_mask
from .fast import may_be_fast


class Dropout(nn.Module):
    r"""Dropout on (batch, len, dim): :math:`y_{bt} = m_{bt} \odot x_{bt} / (1 - p)`.

    With ``variational`` the mask of a row is the same at every step, :math:`m_{bt} = m_b` (Gal
    and Ghahramani, 2016, arXiv:1512.05287, section 4). One call draws one mask; whoever goes step
    by step in training does so within :func:`one_mask`.

    Args:
        p: probability of dropping an activation, at least 0 and below 1
        variational: one mask for all steps

    Raises:
        ValueError: for a ``p`` outside these bounds
    """

    fast = True  # see may_be_fast

    def __init__(self, p: float, variational: bool = False) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout ({p}) must be at least 0 and below 1")
        self.p = p
        self.variational = variational
        self.held: list[Tensor] | None = None  # the mask of the steps of one sequence

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, len, dim) -> (batch, len, dim); the identity outside training."""
        if not (self.training and self.p):
            return inputs
        if not self.variational:
            if may_be_fast(self) and has_mask(inputs, self.p):
                return inputs * dropout_mask(inputs, self.p)
            return functional.dropout(inputs, self.p)
        if self.held:
            return inputs * self.held[0]
        mask = functional.dropout(inputs.new_ones(len(inputs), 1, inputs.size(-1)), self.p)
        if self.held is not None:
            self.held.append(mask)
        return inputs * mask

    def extra_repr(self) -> str:
        """What ``print(model)`` shows."""
        return f"p={self.p}, variational={self.variational}"


@contextmanager
def one_mask(module: nn.Module) -> Iterator[None]:
    """Within this block each variational dropout of ``module`` draws one mask, at its first call.

    A decoder that goes word by word keeps it so for a whole target; nothing outlives the block.
    Outside training there is no mask and nothing to do, so a step of generation pays nothing.
    """
    if not module.training:
        yield
        return
    dropouts = [part for part in module.modules() if isinstance(part, Dropout)]
    for dropout in dropouts:
        dropout.held = []
    try:
        yield
    finally:
        for dropout in dropouts:
            dropout.held = None
