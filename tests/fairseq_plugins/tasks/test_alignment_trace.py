"""The alignments of a search, against moving all of them at every step as fairseq does."""

import pytest
import torch

from fairseq_plugins.tasks._alignment_trace import AlignmentTrace


@pytest.mark.parametrize("steps", [1, 2, 6])
def test_following_the_rows_back_equals_moving_every_step_along(steps):
    torch.manual_seed(steps)
    trace, moved, rows = AlignmentTrace(), torch.empty(12, 4, 0), 12
    for step in range(steps):
        alignment = torch.rand(rows, 4)
        trace.record(alignment)
        moved = torch.cat([moved, alignment.unsqueeze(2)], dim=2)
        if step + 1 < steps:
            order = torch.randint(rows, (rows - 1,))  # the batch shrinks on the way
            trace.move(order)
            moved, rows = moved[order], rows - 1
    chosen = torch.tensor([2, 0, 2])
    found = torch.stack(list(trace.collect(chosen)))
    torch.testing.assert_close(found, moved[chosen], rtol=0, atol=0)


def test_without_alignments_there_are_empty_ones():
    trace = AlignmentTrace()
    trace.record(None)
    trace.move(torch.tensor([1, 0]))
    trace.record(None)
    assert [alignment.shape for alignment in trace.collect(torch.tensor([0, 1]))] == [(0,), (0,)]
