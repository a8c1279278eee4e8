"""The alignments of a search, put together for finished hypotheses only."""

from collections.abc import Sequence

import torch
from torch import Tensor


class AlignmentTrace:
    """The alignments of all steps, which fairseq's search moves along with every hypothesis.

    Here those of a step (rows, src_len) stay as they are; ``orders`` tells where the next step's
    rows stand among them.
    """

    def __init__(self) -> None:
        self.steps: list[Tensor] = []
        self.orders: list[Tensor] = []

    def record(self, alignment: Tensor | None) -> None:
        """Add a step; a copy, since a decoder may use its memory again."""
        if alignment is not None:
            self.steps.append(alignment.to(torch.float32, copy=True))

    def move(self, rows: Tensor) -> None:
        """The next step's rows come from these."""
        self.orders.append(rows)

    def collect(self, rows: Tensor) -> Sequence[Tensor]:
        """The alignment of each of the last step's ``rows``, (src_len, steps), or empty ones."""
        if not self.steps:
            return [torch.empty(0) for _ in rows]
        columns = [self.steps[-1].index_select(0, rows)]
        for alignments, order in zip(self.steps[-2::-1], self.orders[::-1], strict=True):
            rows = order.index_select(0, rows)
            columns.append(alignments.index_select(0, rows))
        return torch.stack(columns[::-1], dim=2).unbind()
