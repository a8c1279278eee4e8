"""Time of interleaved steps: every round runs each system on the same batch, one after another."""

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Work:
    """What a step has done.

    Attributes:
        tokens: target tokens trained on, or words chosen by a search
        flops: of its matrix products, where they are counted
    """

    tokens: int = 0
    flops: float = 0.0


Step = Callable[[Any], Work]
Round = dict[str, Any]


def timed(step: Callable[[], Work]) -> Round:
    """CPU seconds of this process, wall seconds and the work of one step; no collection inside."""
    gc.collect()
    gc.disable()
    try:
        cpu, wall = time.process_time(), time.perf_counter()
        work = step()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    finally:
        gc.enable()
    counted = {"flops": work.flops} if work.flops else {}
    return {"cpu": round(cpu, 6), "wall": round(wall, 6), "tokens": work.tokens, **counted}


def interleave(
    steps: Mapping[str, Step],
    batches: Sequence[Any],
    rounds: int,
    limits: Mapping[str, int] | None = None,
) -> list[Round]:
    """``rounds`` measurements of each system, in turn; every other round in the opposite order.

    Args:
        steps: by the system's name
        batches: round k has ``batches[k % len(batches)]``, the same for all systems
        rounds: how many
        limits: systems that take part in so many rounds only
    """
    measured = []
    for number in range(rounds):
        order = list(steps.items())[:: -1 if number % 2 else 1]
        for name, step in order:
            if number < (limits or {}).get(name, rounds):
                batch = batches[number % len(batches)]
                measured.append({"system": name, "round": number, **timed(lambda: step(batch))})  # noqa: B023
    return measured


def load_average() -> list[float] | None:
    """Of the machine, over 1, 5 and 15 minutes; None where it is not told."""
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None
