"""How long, varied and generic texts are, and BLEU-n without smoothing: ``Ruler``.

Texts are lower-cased and cut by sacreBLEU's tokenizer, 13a for English, zh for Chinese (a character
is a word). BLEU-n is corpus BLEU over the n-grams up to n with one reference, without smoothing.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics.bleu import BLEU

TOKENIZERS = {"en": "13a", "zh": "zh"}
GENERIC = 10  # of a system's replies, the most frequent ones; one that was said once is not generic
HAN = re.compile("[\u4e00-\u9fff]")


class Ruler:
    """What measures replies in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.metric = BLEU(
            lowercase=True, tokenize=TOKENIZERS[language], smooth_method="none", force=True
        )

    def words(self, text: str) -> list[str]:
        """The words of a text, as BLEU counts them."""
        return self.metric.tokenizer(text.lower().strip()).split()

    def bleu(self, replies: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """BLEU-1 to BLEU-4, in percent."""
        score = self.metric.corpus_score(list(replies), [list(references)])
        shares = [c / t if t else 0.0 for c, t in zip(score.counts, score.totals, strict=True)]
        return {
            f"bleu-{n}": round(100 * score.bp * _geometric_mean(shares[:n]), 2)
            for n in range(1, len(shares) + 1)
        }

    def describe(self, replies: Sequence[str]) -> dict[str, Any]:
        """How long, how varied and how generic replies are; a person's or a system's."""
        said = [self.words(reply) for reply in replies]
        between = "" if self.language == "zh" else " "
        texts = Counter(between.join(words) for words in said)
        frequent = dict(texts.most_common(GENERIC))
        repeated = sum(number for number in frequent.values() if number > 1)
        han = sum(bool(HAN.search(reply)) for reply in replies)
        return {
            "mean length": round(sum(map(len, said)) / len(said), 2),
            "distinct-1": round(distinct(said, 1), 4),
            "distinct-2": round(distinct(said, 2), 4),
            "different replies": round(len(texts) / len(said), 4),
            "generic share": round(repeated / len(said), 4),
            "generic replies": frequent,
            "replies in Chinese": round(han / len(replies), 4),
        }

    def perplexity(
        self, scores: Sequence[Sequence[float]], references: Sequence[str]
    ) -> dict[str, float]:
        """Of the references, for each piece and for each word, the end of a reply included.

        Args:
            scores: binary logarithm of each piece's probability, the end's too
        """
        bits = -sum(map(sum, scores))
        pieces = sum(map(len, scores))
        words = sum(len(self.words(reference)) + 1 for reference in references)
        return {"piece": _power(bits / pieces), "word": _power(bits / words)}


def distinct(said: Sequence[Sequence[str]], n: int) -> float:
    """Different n-grams over all n-grams; 0 where there is none."""
    grams = [tuple(words[i : i + n]) for words in said for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _power(bits: float) -> float:
    return round(float(np.exp2(bits)), 2)  # infinite for what no number holds


def _geometric_mean(shares: Sequence[float]) -> float:
    if not all(shares):
        return 0.0
    return math.exp(sum(map(math.log, shares)) / len(shares))
