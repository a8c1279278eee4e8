"""Whether one model is better than another by more than chance: paired bootstrap resampling.

Koehn 2004, "Statistical significance tests for machine translation evaluation": both outputs are
scored on the same 1,000 drawn test sets. p is that of Efron and Tibshirani 1993, chapter 16, on
both sides: the drawn differences are shifted to a mean of zero, as if the models were equal, and p
is how often one is as far from zero as the observed difference. sacreBLEU's test asks on one side
only, the side that it was the data's to choose, and so finds p < 0.05 in a tenth of the cases in
which nothing differs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics.base import Metric
from tqdm import tqdm

from . import resampling
from .section import Section, Table
from .subject import Answers, TestSet

LEVEL = 0.05


def section(answers: Sequence[Answers], test: TestSet) -> Section:
    """A table with every pair of models; for at least two."""
    pairs = compare(answers, test)
    rows = []
    for pair in pairs:
        cells = [pair["first"], pair["second"]]
        for name in resampling.metrics(test):
            found = pair[name]
            cells += [f"{found['difference']:+.2f}", f"{found['p']:.3f}{_star(found['p'])}"]
        rows.append(cells)
    columns = ["first", "second"]
    for name in resampling.metrics(test):
        columns += [f"{name} difference", f"{name} p"]
    table = Table(
        "Difference: the second model's score less the first one's, in points. p: the share of "
        "drawn test sets in which chance alone makes as large a difference, either way; * below "
        f"{LEVEL}.",
        columns,
        rows,
    )
    data = {"samples": resampling.SAMPLES, "seed": resampling.SEED, "pairs": pairs}
    return Section("significance", "Significance", _text(len(pairs)), [table], data)


def compare(answers: Sequence[Answers], test: TestSet) -> list[dict[str, Any]]:
    """Scores, differences and p-values of each pair of models."""
    places = [(i, j) for j in range(len(answers)) for i in range(j)]
    names = [each.subject.name for each in answers]
    pairs: list[dict[str, Any]] = [
        {"first": names[i], "second": names[j]} for i, j in sorted(places)
    ]
    with tqdm(total=2 * len(answers), desc="significance", unit=" scores") as bar:
        for name, metric in resampling.metrics(test).items():
            drawn = []
            for each in answers:
                drawn.append(_draw(metric, each, test))
                bar.update()
            for pair, (i, j) in zip(pairs, sorted(places), strict=True):
                pair[name] = _pair(drawn[i], drawn[j])
    return pairs


def p_value(difference: float, drawn: Sequence[float]) -> float:
    """How often drawn differences, shifted to a mean of 0, are as far from it as ``difference``.

    Args:
        difference: of the scores on the whole test set
        drawn: of the scores on each drawn one
    """
    shifted = np.abs(np.asarray(drawn) - np.mean(drawn))
    return float((np.sum(shifted >= abs(difference)) + 1) / (len(shifted) + 1))


def _draw(metric: Metric, answers: Answers, test: TestSet) -> tuple[float, Sequence[float]]:
    """The score on the whole test set, and those on the drawn ones."""
    counts = resampling.count(metric, answers.texts, test.references)
    counts = resampling.by_block(counts, test.blocks)
    return resampling.score(metric, counts), resampling.resample(metric, counts)


def _pair(
    first: tuple[float, Sequence[float]], second: tuple[float, Sequence[float]]
) -> dict[str, float]:
    difference = second[0] - first[0]
    drawn = np.subtract(second[1], first[1])
    return {
        "first": round(first[0], 2),
        "second": round(second[0], 2),
        "difference": round(difference, 2),
        "p": round(p_value(difference, drawn), 4),
    }


def _star(p: float) -> str:
    return " *" if p < LEVEL else ""


def _text(pairs: int) -> list[str]:
    told = [
        f"Paired bootstrap resampling (Koehn 2004), {resampling.SAMPLES:,} samples: both models of "
        "a pair are scored on the same drawn test sets. It tells chance in the choice of the test "
        "sentences, not in the training: for that, train with several seeds."
    ]
    if pairs > 1:
        told.append(
            f"With {pairs} pairs, some p falls below {LEVEL} by chance more easily: hold each "
            f"against {LEVEL / pairs:.3f} (Bonferroni) to be on the safe side."
        )
    return told
