"""Drawing a segmentation of a text into pieces, by chance but repeatably.

SentencePiece draws too, but not repeatably: before 0.2.3 it ignores every seed but the first, since
0.2.3 the same seed draws differently in another process. Here chance is a ``random.Random``.
"""

import math
from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate, pairwise
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

SPACE = "\u2581"  # how SentencePiece writes a space, at the beginning of a word
MAX_TABLES = 1 << 14  # kept, of words mostly; some tens of megabytes


class UnigramSampling:
    r"""Draws from all segmentations (Kudo 2018, arXiv:1804.10959, section 3.3).

    .. math::
        P(\mathbf{x} \mid X) \propto P(\mathbf{x})^\alpha = \exp(\alpha \sum_i \mathrm{score}(x_i))

    by forward filtering, :math:`f_e = \log \sum_{b<e} \exp(f_b + \alpha\, \mathrm{score}(X_{b:e}))`
    from :math:`f_0 = 0` on, and backward sampling of each piece's beginning :math:`b` given its
    end :math:`e`. A smaller alpha draws more freely.

    Args:
        scores: the log-probability of each piece that may be drawn
        alpha: the smoothing, at least 0
    """

    def __init__(self, scores: Mapping[str, float], alpha: float) -> None:
        self.scores = scores
        self.alpha = alpha
        self.by_word = not _any_across_words(scores)
        self._longest = max(map(len, scores))
        self._tables: dict[str, list[tuple[list[int], list[float]]]] = {}

    def draw(self, surface: str, rng: Random) -> list[str] | None:
        """The pieces of ``surface``, or None where it has no segmentation."""
        table = self._tables.get(surface)
        if table is None:
            if len(self._tables) >= MAX_TABLES:
                self._tables.clear()
            table = self._tables[surface] = self._table(surface)
        pieces, end = [], len(surface)
        while end > 0:
            begins, cumulative = table[end]
            if not begins:
                return None
            begin = begins[min(bisect(cumulative, rng.random()), len(begins) - 1)]
            pieces.append(surface[begin:end])
            end = begin
        return pieces[::-1]

    def _table(self, surface: str) -> list[tuple[list[int], list[float]]]:
        """For each end: where its piece may begin, and the cumulative probability of that."""
        forward: list[float] = [0.0]
        table: list[tuple[list[int], list[float]]] = [([], [])]
        for end in range(1, len(surface) + 1):
            begins, weights = [], []
            for begin in range(max(0, end - self._longest), end):
                score = self.scores.get(surface[begin:end])
                if score is not None and forward[begin] > -math.inf:
                    begins.append(begin)
                    weights.append(forward[begin] + self.alpha * score)
            highest = max(weights, default=-math.inf)
            shares = [math.exp(weight - highest) for weight in weights]
            total = sum(shares)
            forward.append(highest + math.log(total) if begins else -math.inf)
            table.append((begins, [share / total for share in accumulate(shares)]))
        return table


class NBestSampling:
    r"""Draws from the ``nbest`` likeliest segmentations of a whole sentence (Kudo 2018, 3.3).

    .. math::
        P(\mathbf{x}_i \mid X) = P(\mathbf{x}_i)^\alpha \big/ \sum_{j \le l} P(\mathbf{x}_j)^\alpha

    Args:
        processor: gives the segmentations
        scores: the log-probability of each piece that may be drawn
        alpha: the smoothing, at least 0
        nbest: their number :math:`l`
    """

    by_word = False

    def __init__(
        self,
        processor: "SentencePieceProcessor",
        scores: Mapping[str, float],
        alpha: float,
        nbest: int,
    ) -> None:
        self.processor = processor
        self.scores = scores
        self.alpha = alpha
        self.nbest = nbest

    def draw(self, surface: str, rng: Random) -> list[str] | None:
        """The pieces of ``surface``; None where no likely segmentation has only known pieces."""
        text = surface.removeprefix(SPACE).replace(SPACE, " ")
        found = self.processor.nbest_encode(text, nbest_size=self.nbest, out_type=str)
        found = [
            pieces
            for pieces in found
            if "".join(pieces) == surface and all(piece in self.scores for piece in pieces)
        ]
        if not found:
            return None
        logs = [self.alpha * sum(self.scores[piece] for piece in pieces) for pieces in found]
        weights = [math.exp(log - max(logs)) for log in logs]
        return rng.choices(found, weights)[0]


class BPEDropout:
    """BPE with merges left out at random (Provilkov et al. 2020, arXiv:1910.13267, algorithm 1).

    In every step each possible merge is left out with probability alpha and the best of the others
    is made, until none is left. A larger alpha draws more freely; 0 is BPE itself.

    Args:
        scores: of each piece that merging may make; the higher, the earlier
        alpha: the probability, at most 1
    """

    def __init__(self, scores: Mapping[str, float], alpha: float) -> None:
        self.scores = scores
        self.alpha = alpha
        self.by_word = not _any_across_words(scores)

    def draw(self, surface: str, rng: Random) -> list[str] | None:
        """The pieces of ``surface``."""
        pieces = list(surface)
        while True:
            merges = [
                (self.scores[merged], -place)
                for place, merged in enumerate(map("".join, pairwise(pieces)))
                if merged in self.scores and rng.random() >= self.alpha
            ]
            if not merges:
                return pieces
            place = -max(merges)[1]
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]


Segmentation = UnigramSampling | NBestSampling | BPEDropout


def _any_across_words(scores: Mapping[str, float]) -> bool:
    """Whether a piece spans words; if none does, the words of a text can be drawn apart."""
    return any(SPACE in piece[1:] for piece in scores)
