"""The memory probe sees what was allocated, and only that."""

import pytest
import torch

from scripts.benchmarking.memory import peak_of, resident, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
MEGABYTE = 2**18  # float32 values


def small() -> None:
    """What the steps call, so that the pages of its code are there before the measurement."""
    torch.ones(8).sum()


def test_a_known_allocation_is_seen_even_when_it_is_freed_at_once() -> None:
    def step() -> None:
        torch.ones(40 * MEGABYTE)  # freed
        torch.ones(100 * MEGABYTE)  # freed too

    assert peak_of(step, small) == pytest.approx(100, rel=0.1)


def test_buffers_that_live_together_add_up() -> None:
    peak = peak_of(lambda: [torch.ones(60 * MEGABYTE), torch.ones(60 * MEGABYTE)], small)
    assert peak == pytest.approx(120, rel=0.1)


def test_memory_that_was_there_before_does_not_count() -> None:
    held = torch.ones(80 * MEGABYTE)
    assert peak_of(held.sum, small) < 10


def test_the_step_leaves_this_process_as_it_was() -> None:
    before, values = resident("VmRSS"), []
    peak_of(lambda: values.append(torch.ones(100 * MEGABYTE)))
    assert values == []
    assert resident("VmRSS") < before + 50


def test_a_step_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match="a step failed"):
        peak_of(lambda: 1 / 0)
