"""A chart of points with long names: a line leads from each point to its name beside the axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .style import COLOURS, style

HUMAN = "human replies"
RING = COLOURS[1]


@dataclass(frozen=True)
class Point:
    """Where a setting lies: generic share in percent, distinct-2, and BLEU-2 if it has one."""

    generic: float
    distinct: float
    bleu: float | None


def draw(
    title: str, points: Mapping[str, Point], human: Point, ringed: Mapping[str, str]
) -> Figure:
    """distinct-2 against the generic share; the shade is BLEU-2, the human replies are a star.

    Args:
        title: of the figure
        points: the settings by name
        human: the star
        ringed: the names that stand out, and what is added to them
    """
    with style():
        figure, axes = plt.subplots(figsize=(10, 6.2), layout="constrained")
        dots = axes.scatter(
            [point.generic for point in points.values()],
            [point.distinct for point in points.values()],
            c=[point.bleu for point in points.values()],
            cmap="viridis_r",
            s=70,
            edgecolors="#333333",
            linewidths=0.6,
            zorder=3,
        )
        axes.scatter(
            [human.generic], [human.distinct], marker="*", s=330, c=COLOURS[3], ec="black", zorder=4
        )
        for name in ringed:
            _ring(axes, points[name])
        axes.set_title(title)
        axes.set_xlabel("generic share: replies that are among the ten most frequent, %")
        axes.set_ylabel("distinct-2: different pairs of words, share of all")
        axes.set_xlim(0, 1.08 * max(point.generic for point in [*points.values(), human]))
        axes.set_ylim(0, 1.1 * max(point.distinct for point in [*points.values(), human]))
        figure.colorbar(
            dots, ax=axes, location="bottom", shrink=0.5, aspect=40, label="BLEU-2, validation set"
        )
        _names(axes, {**points, HUMAN: human}, ringed)
        plt.close(figure)
    return figure


def _ring(axes: Axes, point: Point) -> None:
    axes.scatter(
        [point.generic],
        [point.distinct],
        s=230,
        facecolors="none",
        edgecolors=RING,
        linewidths=2,
        zorder=3,
    )


def _names(axes: Axes, points: Mapping[str, Point], ringed: Mapping[str, str]) -> None:
    """Names in a column on the right, in the order of the points' heights."""
    order = sorted(points, key=lambda name: (points[name].distinct, -points[name].generic))
    low, high = axes.get_ylim()
    wanted = [(points[name].distinct - low) / (high - low) for name in order]
    for name, place in zip(order, spread(wanted, 0.052), strict=True):
        bold = name in ringed or name == HUMAN
        axes.annotate(
            f"{name} ({ringed[name]})" if name in ringed else name,
            xy=(points[name].generic, points[name].distinct),
            xytext=(1.04, place),
            textcoords="axes fraction",
            va="center",
            fontsize=9.5,
            fontweight="bold" if bold else "normal",
            arrowprops={
                "arrowstyle": "-",
                "color": "#999999",
                "lw": 0.7,
                "relpos": (0, 0.5),
                "shrinkB": 4,
            },
            annotation_clip=False,
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Places from 0 to 1, in the same order, near to those wanted and at least ``gap`` apart.

    Where places would touch, they move apart about their mean: the least squares, by pooling
    adjacent violators of the order.

    Args:
        wanted: ascending, from 0 to 1
        gap: smaller where so many would not fit
    """
    gap = min(gap, 1 / max(1, len(wanted) - 1))
    pools: list[list[float]] = []  # of places that are to stand one gap apart, less those gaps
    for index, place in enumerate(wanted):
        pools.append([place - index * gap])
        while len(pools) > 1 and fmean(pools[-2]) >= fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    starts = [fmean(pool) for pool in pools for _ in pool]
    highest = 1 - gap * (len(wanted) - 1)
    return [min(max(start, 0.0), highest) + index * gap for index, start in enumerate(starts)]
