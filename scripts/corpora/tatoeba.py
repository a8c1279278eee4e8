"""Tatoeba: short sentences and their translations, English with Chinese or French.

Source: tatoeba.org by way of manythings.org/anki. Licence: CC-BY 2.0 (France), tatoeba.org; every
Chinese line names its authors. Format: cmn.txt or fra.txt, TAB-separated: English, the other
language, and in cmn.txt the attribution.

There is no published split, and one sentence often has several translations. Two pairs that share a
side, whatever its case and punctuation, are therefore kept together: the sets of pairs that hang
together in this way (connected components) go to valid, test or train as a whole, by a hash of what
they hold. So no sentence of either language is in two subsets, and both directions have the same
subsets. Chinese is mixed, simplified and traditional, as published.
"""

import argparse
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..options import above_zero
from .corpus import (
    Corpus,
    CorpusError,
    Example,
    add_languages,
    group,
    open_rows,
    plain,
    subset_of,
)
from .long_sentences import cut

LICENCE = "CC-BY 2.0 (France), tatoeba.org"
LANGUAGES = ("en", "zh", "fr")
FILES = {"zh": "cmn.txt", "fr": "fra.txt"}
HELD_OUT = {"zh": 1000 / 25331, "fr": 2000 / 98659}  # of the English sides, for valid and for test

Pair = tuple[str, str]  # English, the other language


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    add_languages(parser, LANGUAGES, "en", "zh")
    parser.add_argument(
        "--join",
        type=above_zero,
        default=1,
        help="train on 1 to so many pairs in a row, for long sentences; default: 1",
    )


def load(folder: Path, source: str = "en", target: str = "zh", join: int = 1) -> Corpus:
    """The subsets train, valid and test; an example has all translations of its source.

    With ``join`` above 1 a training example is 1 to ``join`` pairs in a row, each pair in one.

    Raises:
        CorpusError: for another pair of languages, a file that is missing or damaged
    """
    other = target if source == "en" else source
    if other not in FILES or "en" not in (source, target):
        raise CorpusError(f"there is no {source}-{target} here: one side is en, the other zh or fr")
    pairs = [(row[0].strip(), row[1].strip()) for row in open_rows(folder, FILES[other], 2)]
    parts: dict[str, list[Pair]] = {"train": [], "valid": [], "test": []}
    for pair, name in zip(pairs, components(pairs), strict=True):
        parts[subset_of(name, HELD_OUT[other])].append(pair if source == "en" else pair[::-1])
    corpus = {name: group(part) for name, part in parts.items()}
    if join > 1:
        rng = random.Random(join)
        singles = [Example(source, (target,)) for source, target in parts["train"]]
        corpus["train"] = list(cut(rng.sample(singles, len(singles)), join, rng))
    return corpus


def components(pairs: Sequence[Pair]) -> Iterable[str]:
    """For each pair the name of its component: the least English sentence in it, made plain."""
    sides = [(f"en {plain(english)}", f"other {plain(other)}") for english, other in pairs]
    parent: dict[str, str] = {}
    for english, other in sides:
        first, second = sorted((root(parent, english), root(parent, other)))
        parent[second] = first  # "en ..." comes before "other ...": the least root is English
    return [root(parent, english) for english, _ in sides]


def root(parent: dict[str, str], node: str) -> str:
    """The representative of a node's component; shortens the way to it (union-find)."""
    parent.setdefault(node, node)
    while parent[node] != node:
        parent[node] = node = parent[parent[node]]
    return node
