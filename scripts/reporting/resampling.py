"""Corpus scores with their uncertainty: sacreBLEU's counts for each sentence, drawn again.

The bootstrap (Koehn 2004, "Statistical significance tests for machine translation evaluation"):
draw as many sentences as there are, with replacement, and score what was drawn; the middle 95 % of
many such scores are the interval. Counts are taken from each sentence once and only summed again.

Where sentences share text (``TestSet.blocks``), whole blocks are drawn instead of sentences: the
cluster bootstrap (Davison and Hinkley 1997, "Bootstrap Methods and their Application", 3.8).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Metric
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from .subject import TestSet
from .testset import without_spaces

SAMPLES = 1000
SEED = 12345  # sacreBLEU's own

Counts = NDArray[np.float64]


def tokenizer(test: TestSet) -> str:
    """sacreBLEU's tokenizer for the references: 13a, zh, or char for Japanese."""
    if not without_spaces(test.target_language, test.references):
        return "13a"
    return "char" if test.target_language.lower().startswith(("ja", "jp")) else "zh"


def metrics(test: TestSet) -> dict[str, Metric]:
    """BLEU and chrF for a test set, by name; both in percent."""
    return {"BLEU": BLEU(tokenize=tokenizer(test), force=True), "chrF": CHRF()}


def count(metric: Metric, texts: Sequence[str], references: Sequence[str]) -> Counts:
    """What a metric counts in each sentence, (sentences, counts)."""
    return np.array(metric._extract_corpus_statistics(list(texts), [list(references)]), float)


def score(metric: Metric, counts: Counts) -> float:
    """The corpus score of sentences by their counts (sentences, counts)."""
    return metric._compute_score_from_stats(counts.sum(0).tolist()).score


def by_block(counts: Counts, blocks: Sequence[int] | None) -> Counts:
    """The counts of each block's sentences together, (blocks, counts); without, as they are."""
    if blocks is None:
        return counts
    names, places = np.unique(blocks, return_inverse=True)
    sums = np.zeros((len(names), counts.shape[1]))
    np.add.at(sums, places, counts)
    return sums


def resample(
    metric: Metric, counts: Counts, samples: int = SAMPLES, seed: int = SEED
) -> NDArray[np.float64]:
    """The scores of ``samples`` corpora drawn from the rows of one, (samples,).

    Those of two models with the same ``seed`` are drawn alike, and can be compared one by one.
    """
    rng = np.random.default_rng(seed)
    size = len(counts)
    scores = np.empty(samples)
    for sample in range(samples):
        times = np.bincount(rng.integers(size, size=size), minlength=size)
        scores[sample] = metric._compute_score_from_stats((times @ counts).tolist()).score
    return scores


def interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """The middle 95 % of bootstrap scores."""
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def measured(
    metric: Metric, counts: Counts, blocks: Sequence[int] | None = None
) -> dict[str, float]:
    """Score and interval, as they stand in ``report.json``."""
    low, high = interval(resample(metric, by_block(counts, blocks)))
    return {"score": round(score(metric, counts), 2), "low": round(low, 2), "high": round(high, 2)}
