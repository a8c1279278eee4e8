"""Learning curves: how the loss fell, update by update and minute by minute."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray

from . import training_log
from .section import Chart, Section, Table
from .style import COLOURS, MARKERS, style
from .subject import Subject
from .training_log import Log, Point

AXES = {"updates": "updates", "minutes": "training time (minutes)"}


def section(subjects: Sequence[Subject]) -> Section | None:
    """Two charts and a table of the models that have a log; None where none has."""
    logs = {each.name: training_log.read(each.log) for each in subjects if each.log}
    logs = {name: log for name, log in logs.items() if log.valid}
    if not logs:
        return None
    parts: list[Chart | Table] = []
    for against, label in AXES.items():
        caption = (
            f"Loss against {label}: validation thick, training thin, in bits per target token; on "
            "the right as perplexity, 2 to the power of the loss."
        )
        if shown := {name: log for name, log in logs.items() if _points(log.valid, against)}:
            chart = Chart(f"curves-{against}", caption, draw(shown, against))
            parts.append(chart)
    parts.append(_table(logs))
    data = {name: _data(log) for name, log in logs.items()}
    return Section("curves", "Learning curves", _text(subjects, logs), parts, data)


def draw(logs: Mapping[str, Log], against: str) -> Figure:
    """The losses of all models on one chart, against ``updates`` or ``minutes``."""
    with style():
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.subplots()
        for place, (name, log) in enumerate(logs.items()):
            colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
            training = _points(log.inner or log.epochs, against)
            if training:
                axes.plot(*zip(*training, strict=True), color=colour, linewidth=0.7, alpha=0.6)
            valid = _points(log.valid, against)
            every = max(1, len(valid) // 15)
            axes.plot(
                *zip(*valid, strict=True),
                **{"color": colour, "linewidth": 2, "label": name},
                **{"marker": marker, "markersize": 4, "markevery": every},
            )
        axes.set_title("Validation loss (thick) and training loss (thin)")
        axes.set_xlabel(AXES[against])
        axes.set_ylabel("loss (bits per token)")
        axes.set_xlim(left=0)
        axes.set_ylim(top=_top(logs))  # a training's first steps would press all else together
        right = axes.secondary_yaxis("right", functions=(_power, _logarithm))
        right.set_ylabel("perplexity")
        right.set_yscale("log", base=2)
        right.yaxis.set_major_formatter(ScalarFormatter())
        axes.legend()
    return figure


def _points(points: Sequence[Point], against: str) -> list[tuple[float, float]]:
    if against == "updates":
        return [(point.updates, point.loss) for point in points]
    return [(point.seconds / 60, point.loss) for point in points if point.seconds is not None]


def _top(logs: Mapping[str, Log]) -> float:
    """A little above the first validation."""
    return 0.5 + max(point.loss for log in logs.values() for point in log.valid)


def _best(log: Log) -> Point:
    return min(log.valid, key=lambda point: point.loss)


def _table(logs: Mapping[str, Log]) -> Table:
    rows = []
    for name, log in logs.items():
        best = _best(log)
        minutes = "–" if best.seconds is None else round(best.seconds / 60, 1)
        rows.append([name, round(best.loss, 3), round(2**best.loss, 2), best.updates, minutes])
    columns = ["model", "loss (bits per token)", "perplexity", "updates", "minutes"]
    best_of = {1: "min", 2: "min"} if len(logs) > 1 else {}
    caption = "The best validation loss of each model, and when it was reached."
    return Table(caption, columns, rows, best_of)


def _data(log: Log) -> dict[str, Any]:
    kinds = {"validation": log.valid, "training": log.inner, "epochs": log.epochs}
    return {kind: [point._asdict() for point in points] for kind, points in kinds.items()}


def _text(subjects: Sequence[Subject], logs: Mapping[str, Log]) -> list[str]:
    told = [
        "Loss without label smoothing. It compares models of one vocabulary only: with other "
        "pieces, a token holds another share of a sentence."
    ]
    if lacking := [each.name for each in subjects if each.name not in logs]:
        told.append(f"Without a log (train.log beside the checkpoint): {', '.join(lacking)}.")
    return told


def _power(loss: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2.0**loss


def _logarithm(perplexity: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log2(np.maximum(perplexity, 1e-9))
