"""Alignments of a model and of statistical aligners, measured against gold ones.

A model reads the gold sentences as text, source and target, and its attention while it reads the
target gives the links; its words are the gold's. Four ways of taking links are measured:

    soft           the source word with the largest weight, weights put together from pieces
    pieces         the same from piece to piece; words are linked where any of their pieces are
    soft, shifted  soft, but with the attention of the next step, after the word has been read:
    pieces, shifted  so Chen et al. 2020 (arXiv:2004.14837) take it from a transformer
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

from fairseq_plugins.hub import Seq2Seq, WordAlignment
from scripts.alignment import statistical
from scripts.alignment.quality import Link, count_all, piece_links, soft_links
from scripts.alignment.symmetric import grow_diag_final_and, intersect, transpose
from scripts.alignment.words import join, plain
from scripts.corpora.alibi import GoldPair

LONGEST = (10, 20, 40, 1000)  # words, of the sentences whose errors are told together
CHUNK = 32  # sentences that are read together
COMBINED: dict[str, Callable[..., set[Link]]] = {
    "intersected": intersect,
    "symmetrised": grow_diag_final_and,
}

Links = list[set[Link]]  # for each sentence, French first
Spans = Sequence[tuple[int, int]]


def measure(links: Links, gold: Sequence[GoldPair]) -> dict[str, Any]:
    """AER and the other measures in percent, and how many links there are."""
    counts = count_all(links, ((pair.sure, pair.possible) for pair in gold))
    return {**counts.percent(), "links": counts.found}


def by_length(links: Links, gold: Sequence[GoldPair]) -> dict[str, float]:
    """AER in percent of the sentences with so many French words."""
    errors: dict[str, float] = {}
    shortest = 1
    for longest in LONGEST:
        inside = [n for n, pair in enumerate(gold) if shortest <= len(pair.fr) <= longest]
        if inside:
            part = measure([links[n] for n in inside], [gold[n] for n in inside])
            errors[f"{shortest} to {longest}"] = part["aer"]
        shortest = longest + 1
    return errors


def align(model: Seq2Seq, gold: Sequence[GoldPair], source: str) -> dict[str, Links]:
    """The links of a model, French first, for each way of taking them.

    Args:
        model: with attention
        gold: the sentences
        source: the language that the model reads, ``fr`` or ``en``

    Raises:
        S2SError: for a model without attention
    """
    found: dict[str, Links] = {}
    for alignment, *spans in _read(model, gold, source):
        for kind, links in ways(alignment, *spans).items():
            found.setdefault(kind, []).append(links if source == "fr" else transpose(links))
    return found


def ways(found: WordAlignment, source: Spans, target: Spans) -> dict[str, set[Link]]:
    """The links of one sentence, source first; the words are given by their places."""
    links = {}
    for shift, name in ((0, ""), (1, ", shifted")):
        links[f"soft{name}"] = soft_links(found.regroup(source, target, shift=shift))
        links[f"pieces{name}"] = piece_links(found, source, target, shift=shift)
    return links


def _read(
    model: Seq2Seq, gold: Sequence[GoldPair], source: str
) -> Iterator[tuple[WordAlignment, Spans, Spans]]:
    """Each sentence's alignment, with the places of its words in the two texts."""
    target = "en" if source == "fr" else "fr"
    joined = [(join(getattr(p, source), source), join(getattr(p, target), target)) for p in gold]
    bar = tqdm(total=len(gold), desc=f"aligning {source}-{target}", unit=" sentences")
    with bar:
        for start in range(0, len(joined), CHUNK):
            chunk = joined[start : start + CHUNK]
            found = model.align([(s, t) for (s, _), (t, _) in chunk])
            for alignment, ((_, spans), (_, target_spans)) in zip(found, chunk, strict=True):
                yield alignment, spans, target_spans
            bar.update(len(chunk))


def combine(forward: dict[str, Links], backward: dict[str, Links]) -> dict[str, Links]:
    """Those of two models, of either direction, put together."""
    return {
        f"{way}, {name}": [
            function(*both) for both in zip(forward[way], backward[way], strict=True)
        ]
        for way in forward
        for name, function in COMBINED.items()
    }


def agreement(one: Links, other: Links) -> float:
    """Common links of both over the mean number of links, in percent: needs no gold alignment."""
    common = sum(len(a & b) for a, b in zip(one, other, strict=True))
    mean = sum(len(a) + len(b) for a, b in zip(one, other, strict=True)) / 2
    return round(100 * common / mean, 2) if mean else 0.0


def align_statistically(
    training: tuple[Sequence[str], Sequence[str]], gold: Sequence[GoldPair], tool: str
) -> dict[str, Links]:
    """The links of a statistical aligner that sees the same training text, and the sentences.

    Args:
        training: the French and the English lines
        gold: the sentences
        tool: one of ``statistical.TOOLS``

    Raises:
        AlignerError: where it cannot run, or the two texts are not of equal length
    """
    if len(training[0]) != len(training[1]):
        raise statistical.AlignerError(
            f"the training text has {len(training[0])} French lines but {len(training[1])} English"
        )
    words = [
        statistical.tokenize(tqdm(lines, desc=f"cutting {language} into words"), language)
        for lines, language in zip(training, ("fr", "en"), strict=True)
    ]
    wanted = [tuple([plain(w).lower() for w in side] for side in (p.fr, p.en)) for p in gold]
    return statistical.align(list(zip(*words, strict=True)), wanted, tool)
