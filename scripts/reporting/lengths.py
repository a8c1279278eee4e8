"""Scores by source length: where models without attention fall, and those with it do not.

After Cho et al. 2014 (arXiv:1409.1259, Fig. 4) and Bahdanau et al. 2015 (arXiv:1409.0473, Fig. 2).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric
from tqdm import tqdm

from . import resampling
from .section import Chart, Section, Table
from .style import COLOURS, MARKERS, style
from .subject import Answers, TestSet
from .testset import without_spaces

FEWEST = 50  # sentences in a bucket: with fewer, a corpus score says little
ENOUGH = 150  # sentences in a bucket, for which there may be fewer buckets, but not below FEW
FEW, MOST = 4, 10  # buckets
LONG = 20  # words, from which on a bucket's edge is a multiple of 5

Bucket = tuple[int, int]  # the shortest and the longest length in it


def section(answers: Sequence[Answers], test: TestSet) -> Section:
    """A chart and a table for BLEU and for chrF."""
    unit = "characters" if without_spaces(test.source_language, test.sources) else "words"
    lengths = measure(test.sources, unit)
    found = buckets(lengths)
    facts = [_fact(lengths, bucket) for bucket in found]
    scores = _scores(answers, test, lengths, found)
    parts: list[Chart | Table] = []
    for name, of_models in scores.items():
        caption = (
            f"{name} on sentences of similar source length, at their mean length, against that "
            f"length in {unit}; bands: 95 % bootstrap intervals ({resampling.SAMPLES} samples). "
            "Below: the sentences behind each point."
        )
        parts.append(Chart(f"length-{name.lower()}", caption, draw(name, unit, facts, of_models)))
        parts.append(_table(name, unit, facts, of_models))
    data = {"unit": unit, "buckets": facts, "scores": scores}
    return Section("lengths", "Quality by source length", _text(facts, scores, unit), parts, data)


def measure(sources: Sequence[str], unit: str) -> NDArray[np.int64]:
    """The length of each source in words, or in characters without the spaces."""
    split = str.split if unit == "words" else lambda text: "".join(text.split())
    return np.array([len(split(source)) for source in sources])


def buckets(lengths: NDArray[np.int64]) -> list[Bucket]:
    """Neighbouring ranges of length with about equally many sentences, from short to long.

    Their edges are quantiles, rounded to multiples of 5 where sentences are long. None has less
    than :data:`FEWEST` sentences but an only one.
    """
    count = min(MOST, max(len(lengths) // ENOUGH, min(FEW, len(lengths) // FEWEST), 1))
    quantiles = np.quantile(lengths, np.arange(1, count) / count)
    edges = sorted({_round(edge) for edge in quantiles if lengths.min() <= edge < lengths.max()})
    found: list[Bucket] = []
    low = int(lengths.min())
    for edge in [*edges, int(lengths.max())]:
        if edge >= low and _inside(lengths, (low, edge)).sum() >= FEWEST:
            found.append((low, edge))
            low = edge + 1
    if not found:
        return [(int(lengths.min()), int(lengths.max()))]
    found[-1] = (found[-1][0], int(lengths.max()))  # what is left joins the longest
    return found


def draw(
    name: str,
    unit: str,
    facts: Sequence[dict[str, Any]],
    scores: dict[str, list[dict[str, float]]],
) -> Figure:
    """All models on one chart, and how many sentences stand behind each point."""
    with style():
        figure = Figure(figsize=(6.4, 5), layout="constrained")
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        centres = [fact["mean length"] for fact in facts]
        for (model, points), colour, marker in zip(
            scores.items(), _cycle(COLOURS), _cycle(MARKERS), strict=False
        ):
            low, high = ([point[end] for point in points] for end in ("low", "high"))
            axes.fill_between(centres, low, high, color=colour, alpha=0.15, linewidth=0)
            middle = [point["score"] for point in points]
            axes.plot(centres, middle, color=colour, marker=marker, label=model)
        axes.set_title(f"{name} by source length")
        axes.set_ylabel(f"{name} (%)")
        axes.legend()
        _bars(below, facts)
        below.set_xlabel(f"source length ({unit})")
    return figure


def _round(edge: float) -> int:
    return round(edge) if edge < LONG else 5 * round(edge / 5)


def _inside(lengths: NDArray[np.int64], bucket: Bucket) -> NDArray[np.bool_]:
    return (lengths >= bucket[0]) & (lengths <= bucket[1])


def _fact(lengths: NDArray[np.int64], bucket: Bucket) -> dict[str, Any]:
    inside = lengths[_inside(lengths, bucket)]
    mean = round(float(inside.mean()), 2)
    return {"from": bucket[0], "to": bucket[1], "sentences": len(inside), "mean length": mean}


def _scores(
    answers: Sequence[Answers],
    test: TestSet,
    lengths: NDArray[np.int64],
    found: Sequence[Bucket],
) -> dict[str, dict[str, list[dict[str, float]]]]:
    """By metric and model, for each bucket."""
    metrics = resampling.metrics(test)
    scores: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in metrics}
    for each in tqdm(answers, desc="scores by length", unit=" models"):
        for name, metric in metrics.items():
            counts = resampling.count(metric, each.texts, test.references)
            scores[name][each.subject.name] = _points(metric, counts, lengths, found, test.blocks)
    return scores


def _points(
    metric: Metric,
    counts: resampling.Counts,
    lengths: NDArray[np.int64],
    found: Sequence[Bucket],
    blocks: Sequence[int] | None,
) -> list[dict[str, float]]:
    points = []
    for bucket in found:
        inside = _inside(lengths, bucket)
        of_these = None if blocks is None else np.asarray(blocks)[inside]
        points.append(resampling.measured(metric, counts[inside], of_these))
    return points


def _table(
    name: str,
    unit: str,
    facts: Sequence[dict[str, Any]],
    scores: dict[str, list[dict[str, float]]],
) -> Table:
    rows = []
    for place, fact in enumerate(facts):
        cells = [
            "{score:.1f} ({low:.1f}–{high:.1f})".format(**points[place])
            for points in scores.values()
        ]
        rows.append([_range(fact), fact["sentences"], fact["mean length"], *cells])
    caption = f"{name} (%) by source length, with 95 % bootstrap intervals."
    return Table(caption, [f"source {unit}", "sentences", "mean length", *scores], rows)


def _range(fact: dict[str, Any]) -> str:
    return f"{fact['from']}–{fact['to']}" if fact["from"] < fact["to"] else str(fact["from"])


def _bars(axes: Axes, facts: Sequence[dict[str, Any]]) -> None:
    """The number of sentences of each bucket, over the lengths that it holds."""
    for fact in facts:
        width = fact["to"] - fact["from"] + 1
        left, height = fact["from"] - 0.5, fact["sentences"]
        axes.bar(left, height, width, align="edge", color="#bbbbbb", edgecolor="white")
        middle = left + width / 2
        axes.text(middle, height / 2, str(height), ha="center", va="center", rotation=90, size=8)
    axes.set_ylabel("sentences")
    axes.grid(visible=False)


def _cycle(choices: Sequence[str]) -> list[str]:
    return list(choices) * 4


def _text(
    facts: Sequence[dict[str, Any]],
    scores: dict[str, dict[str, list[dict[str, float]]]],
    unit: str,
) -> list[str]:
    told = ["The sentences in ranges of source length, each range scored as a corpus of its own."]
    if len(facts) > 1:
        falls = [
            f"{model} from {points[0]['score']:.1f} to {points[-1]['score']:.1f}"
            for model, points in scores["BLEU"].items()
        ]
        told.append(
            f"From the shortest sentences ({_range(facts[0])} {unit}) to the longest "
            f"({_range(facts[-1])} {unit}) BLEU goes: {'; '.join(falls)}."
        )
    return told
