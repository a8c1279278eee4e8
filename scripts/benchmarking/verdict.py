"""From rounds to ratios, and from ratios to a verdict, which noise can refuse."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from .measure import Round
from .metrics import METRICS, Memory, Roofline, Speed

LARGEST_SPREAD = 0.4


class Spread(NamedTuple):
    """Median, minimum and maximum of the rounds."""

    median: float
    minimum: float
    maximum: float

    @property
    def relative(self) -> float:
        """(maximum - minimum) / median."""
        return (self.maximum - self.minimum) / self.median


class Refused(Exception):
    """Why a metric has no value, in one sentence."""


def spread(values: Sequence[float]) -> Spread:
    """Of at least one value."""
    return Spread(median(values), min(values), max(values))


def of(rounds: Iterable[Round], system: str, shape: str) -> dict[int, Round]:
    """A system's rounds on a shape, by number."""
    return {r["round"]: r for r in rounds if (r["system"], r["shape"]) == (system, shape)}


def speed_ratios(rounds: Iterable[Round], system: str, base: str, shape: str) -> list[float]:
    """How many times as fast as ``base`` a system is, round by round, on the same batch.

    Raises:
        Refused: where they have no round in common
    """
    rounds = list(rounds)
    mine, other = of(rounds, system, shape), of(rounds, base, shape)
    for name, measured in ((system, mine), (base, other)):
        if not measured:
            raise Refused(f"{name} was not measured on {shape}")
    return [other[k]["cpu"] / mine[k]["cpu"] for k in sorted(mine.keys() & other.keys())]


def roofline_shares(rounds: Iterable[Round], metric: Roofline) -> list[float]:
    """The rate of a step's matrix products over the best of the large products of the same run.

    Raises:
        Refused: where one of the two was not measured
    """
    rounds = list(rounds)
    rates = {
        name: [
            r["flops"] / r["cpu"] for r in of(rounds, name, metric.shape).values() if "flops" in r
        ]
        for name in (metric.system, metric.roofline)
    }
    for name, measured in rates.items():
        if not measured:
            raise Refused(f"{name} was not measured on {metric.shape}")
    best = max(rates[metric.roofline])
    return [rate / best for rate in rates[metric.system]]


def value(metric: Speed | Memory | Roofline, run: Mapping[str, Any]) -> float:
    """A metric of one run.

    Raises:
        Refused: where its systems were not measured, or too unevenly
    """
    if isinstance(metric, Memory):
        peaks = [run["memory"].get(shape, {}).get(name) for name, shape in metric.pairs]
        for peak, (name, shape) in zip(peaks, metric.pairs, strict=True):
            if not peak:
                raise Refused(f"the memory of {name} on {shape} was not measured")
        return peaks[0] / peaks[1]
    if isinstance(metric, Speed):
        values = speed_ratios(run["rounds"], metric.system, metric.base, metric.shape)
    else:
        values = roofline_shares(run["rounds"], metric)
    over = spread(values)
    if over.relative > LARGEST_SPREAD:
        raise Refused(
            f"the rounds lie between {over.minimum:.2f} and {over.maximum:.2f} around "
            f"{over.median:.2f}, further apart than {LARGEST_SPREAD:.0%}: run again when the "
            "machine is quiet"
        )
    return over.median


def evaluate(run: Mapping[str, Any]) -> tuple[dict[str, float | None], dict[str, str]]:
    """Every metric of one run, and why some have no value."""
    metrics: dict[str, float | None] = {}
    why: dict[str, str] = {}
    for name, metric in METRICS.items():
        try:
            metrics[name] = round(value(metric, run), 4)
        except Refused as reason:
            metrics[name], why[name] = None, str(reason)
    return metrics, why


def combine(runs: Sequence[Mapping[str, Any]]) -> tuple[dict[str, float | None], dict[str, str]]:
    """The median over the runs that measured a metric; refused where half of them or more did."""
    metrics: dict[str, float | None] = {}
    why: dict[str, str] = {}
    for name in METRICS:
        given = [v for v in (run["metrics"].get(name) for run in runs) if v is not None]
        refusals = [run["why"][name] for run in runs if name in run["why"]]
        tried = [reason for reason in refusals if "not measured" not in reason]
        if given and len(given) > len(tried):
            metrics[name] = round(median(given), 4)
        else:
            metrics[name] = None
            why[name] = (tried or refusals or ["there is no run yet"])[-1]
    return metrics, why
