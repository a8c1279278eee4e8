"""Links between words: from an alignment matrix, and how well they agree with gold links.

A gold alignment has sure links S and possible links P, which include S. For the links A of a
system, all counted over the whole corpus (Och and Ney 2003, "A systematic comparison of various
statistical alignment models", section 5.2):

    precision = |A & P| / |A|        recall = |A & S| / |S|
    AER = 1 - (|A & S| + |A & P|) / (|A| + |S|)

Generous possible links make AER small; F1 against the sure links alone does not profit from them.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import numpy as np

from fairseq_plugins._alignment import Span, WordAlignment, membership

Link = tuple[int, int]  # numbers of a source word and of a target word, from 0


@dataclass(frozen=True)
class Counts:
    """Links of one sentence or of many; they add up.

    Attributes:
        found: |A|
        sure: |S|
        found_sure: |A & S|
        found_possible: |A & P|
    """

    found: int = 0
    sure: int = 0
    found_sure: int = 0
    found_possible: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.found + other.found,
            self.sure + other.sure,
            self.found_sure + other.found_sure,
            self.found_possible + other.found_possible,
        )

    @property
    def precision(self) -> float:
        """Share of the found links that are possible."""
        return _share(self.found_possible, self.found)

    @property
    def recall(self) -> float:
        """Share of the sure links that are found."""
        return _share(self.found_sure, self.sure)

    @property
    def aer(self) -> float:
        """Alignment error rate, 0 the best; 0 too where there is nothing to find or found."""
        both = self.found_sure + self.found_possible
        return 1 - _share(both, self.found + self.sure, empty=1)

    @property
    def sure_f1(self) -> float:
        """Harmonic mean of precision and recall against the sure links alone."""
        return _share(2 * self.found_sure, self.found + self.sure)

    def percent(self) -> dict[str, float]:
        """The four measures in percent, as they are reported."""
        measures = {
            "aer": self.aer,
            "precision": self.precision,
            "recall": self.recall,
            "sure_f1": self.sure_f1,
        }
        return {name: round(100 * value, 2) for name, value in measures.items()}


def _share(part: int, whole: int, empty: float = 0.0) -> float:
    return part / whole if whole else empty


def count(found: Set[Link], sure: Set[Link], possible: Set[Link]) -> Counts:
    """The counts of one sentence; ``possible`` may or may not include the sure links."""
    return Counts(len(found), len(sure), len(found & sure), len(found & (possible | sure)))


def count_all(found: Iterable[Set[Link]], gold: Iterable[tuple[Set[Link], Set[Link]]]) -> Counts:
    """Those of a corpus: the links of each sentence, beside its sure and possible ones.

    Raises:
        ValueError: where there are not as many of the one as of the other
    """
    counts = (count(each, *links) for each, links in zip(found, gold, strict=True))
    return sum(counts, Counts())


def soft_links(found: WordAlignment) -> set[Link]:
    """Each target word with the source word of the largest weight; none where ``</s>`` has more."""
    links = set()
    for target, (row, null) in enumerate(zip(found.matrix, found.null, strict=True)):
        source = max(range(len(row)), key=row.__getitem__, default=0)
        if row and row[source] >= null:
            links.add((source, target))
    return links


def piece_links(
    found: WordAlignment, source_words: Sequence[Span], target_words: Sequence[Span], shift: int = 0
) -> set[Link]:
    """The same from piece to piece, and words linked where any of their pieces are.

    So Garg et al. 2019 (arXiv:1909.02074) do; a word may get several links. Words and shift are
    those of ``WordAlignment.regroup``.
    """
    sources = membership(found.source.spans, source_words) > 0
    targets = membership(found.target.spans, target_words) > 0
    rows = np.asarray(found.alignment)[shift : shift + len(targets)]
    links = set()
    for piece, source in enumerate(rows.argmax(axis=1).tolist()):
        if source < len(sources):  # else </s>
            words = (np.flatnonzero(sources[source]), np.flatnonzero(targets[piece]))
            links |= {(int(s), int(t)) for s in words[0] for t in words[1]}
    return links
