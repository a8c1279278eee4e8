"""The CMU Pronouncing Dictionary: 126,052 English words and how North Americans say them.

Source: github.com/cmusphinx/cmudict, speech.cs.cmu.edu. Licence: BSD with two clauses, Carnegie
Mellon University. Format: cmudict.dict, each line a word and its phones (ARPAbet), a digit on each
vowel for its stress; further pronunciations as word(2); "#" begins a comment.

The split is that of g2p-seq2seq (github.com/cmusphinx/g2p-seq2seq, g2p_seq2seq/data_utils.py,
2017), whose word error rates are published: of the distinct words, in the order of the file and
counted from 0, number i is in valid where i % 20 is 0, in test where it is 1 or 2, else in train;
all pronunciations of a word stay together. Stress is left out, and pronunciations that differ in
nothing else are one. A source is all characters of the word with spaces between them.
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from .corpus import Corpus, CorpusError, group, open_text

LICENCE = "BSD with two clauses, Carnegie Mellon University"
NAME = "cmudict.dict"
VARIANT = re.compile(r"\(\d+\)$")
STRESS = re.compile(r"(?<=[A-Z])[012]$")


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def load(folder: Path) -> Corpus:
    """The subsets train, valid and test.

    Raises:
        CorpusError: where the dictionary is missing or damaged
    """
    corpus: Corpus = {"train": [], "valid": [], "test": []}
    for number, example in enumerate(group(entries(folder))):
        corpus[subset(number)].append(example)
    return corpus


def subset(number: int) -> str:
    """The subset of the word with this number, by the cited rule."""
    return {0: "valid", 1: "test", 2: "test"}.get(number % 20, "train")


def entries(folder: Path) -> Iterator[tuple[str, str]]:
    """Each entry: the word's letters, its phones without stress."""
    for number, line in enumerate(open_text(folder, NAME), start=1):
        word, *phones = line.partition("#")[0].split() or [""]
        if not phones:
            raise CorpusError(f"{folder / NAME}, line {number}: there is no word with its phones")
        letters = " ".join(VARIANT.sub("", word))
        yield letters, " ".join(STRESS.sub("", phone) for phone in phones)
