"""Interleaved rounds: the same batch for all, in turn, without garbage collection inside."""

import gc
import time
from functools import partial

import pytest

from scripts.benchmarking.measure import Work, interleave, timed


def spies(names: str, calls: list):
    def spy(name: str):
        def step(batch):
            calls.append((name, batch))
            return Work(tokens=batch)

        return step

    return {name: spy(name) for name in names}


@pytest.mark.slow
def test_every_round_gives_all_systems_the_same_batch_and_turns_the_order() -> None:
    calls = []
    measured = interleave(spies("abc", calls), [7, 8], 3)
    assert calls == [(name, 7) for name in "abc"] + [(name, 8) for name in "cba"] + [
        (name, 7) for name in "abc"
    ]
    assert [(m["system"], m["round"], m["tokens"]) for m in measured[:4]] == [
        ("a", 0, 7),
        ("b", 0, 7),
        ("c", 0, 7),
        ("c", 1, 8),
    ]


def test_a_limited_system_takes_part_in_the_first_rounds_only() -> None:
    calls = []
    interleave(spies("ab", calls), [0, 1, 2], 3, limits={"b": 1})
    assert [batch for name, batch in calls if name == "b"] == [0]
    assert [batch for name, batch in calls if name == "a"] == [0, 1, 2]


def test_nothing_is_collected_inside_and_collecting_goes_on_after_a_failure() -> None:
    inside = []

    def fails() -> Work:
        inside.append(gc.isenabled())
        raise ValueError

    try:
        timed(fails)
    except ValueError:
        inside.append(gc.isenabled())
    assert inside == [False, True]


def test_both_clocks_are_read_around_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {"process_time": [5.0, 7.5], "perf_counter": [100.0, 104.0]}
    for name, readings in clocks.items():
        monkeypatch.setattr(time, name, partial(readings.pop, 0))

    def step() -> Work:
        assert clocks == {"process_time": [7.5], "perf_counter": [104.0]}
        return Work(tokens=3, flops=4.0)

    assert timed(step) == {"cpu": 2.5, "wall": 4.0, "tokens": 3, "flops": 4.0}
