"""What a reader wants of a run beside its metrics: every system on every shape, and the growth."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from .shapes import LENGTHS, OURS
from .systems import BASE
from .verdict import Refused, of, speed_ratios, spread

Summary = dict[str, dict[str, dict[str, float]]]


def summarise(run: Mapping[str, Any]) -> Summary:
    """By system and shape: the ratio to fairseq's ``lstm``, the speed, the peak memory."""
    summary: Summary = {}
    for system, shape in sorted({(r["system"], r["shape"]) for r in run["rounds"]}):
        measured = list(of(run["rounds"], system, shape).values())
        entry: dict[str, float] = {}
        if any(r["tokens"] for r in measured):
            speeds = [r["tokens"] / r["cpu"] for r in measured]
            entry["tokens_per_second"] = round(median(speeds), 1)
            entry |= ratios(run, system, shape)
        if any("flops" in r for r in measured):
            entry["gigaflops"] = round(median(r["flops"] / r["cpu"] for r in measured) / 1e9, 1)
        peak = run["memory"].get(shape, {}).get(system)
        if peak is not None:
            entry["peak_mb"] = peak
        summary.setdefault(system, {})[shape] = entry
    return summary


def ratios(run: Mapping[str, Any], system: str, shape: str) -> dict[str, float]:
    """How many times as fast as fairseq's ``lstm``; nothing where that did not take part."""
    try:
        over = spread(speed_ratios(run["rounds"], system, BASE, shape))
    except Refused:
        return {}
    names = ("ratio_med", "ratio_min", "ratio_max")
    return {name: round(x, 4) for name, x in zip(names, over, strict=True)}


def growth(summary: Summary) -> dict[str, dict[str, dict[str, float]]]:
    """Microseconds per target token: with the target at 50 source words, and the other way."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for system in (BASE, OURS):
        speeds = {
            shape: entry["tokens_per_second"]
            for shape, entry in summary.get(system, {}).items()
            if "tokens_per_second" in entry
        }
        for axis, name in (("target", "src50_tgt{}"), ("source", "src{}_tgt50")):
            found.setdefault(system, {})[axis] = {
                str(n): round(1e6 / speeds[name.format(n)], 1)
                for n in LENGTHS
                if name.format(n) in speeds
            }
    return found
