"""Long sentences: 1 to 8 sentences of Multi30k in a row, to see what length does to a model.

Source, licence, format: ``multi30k``. The question is that of Bahdanau et al. 2014
(arXiv:1409.0473, section 5.1 and figure 2): without attention, quality falls with length.

* train: the sentences are shuffled and cut into groups whose sizes are drawn uniformly from
  1..MOST, ``repeat`` times over with another order and other cuts.
* valid: val, in its order, cut once in the same manner.
* test: test2016 and then test2017, in their order, in blocks of BLOCK; each block is cut into
  groups of one, again into groups of two, and so on up to MOST. So (nearly) the same 2,000
  sentences stand in the test at every length: a score by length compares the same content, of the
  same number of words, and only its length differs. With MOST = 8 these are 5,350 examples; a group
  of eight has 90 English words on average, at most 132. Examples of one block share sentences, so
  what is to be drawn at random, for an interval of confidence, are the blocks: test.blocks.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from . import multi30k
from .corpus import Corpus, CorpusError, Example, add_languages

LICENCE = multi30k.LICENCE
BLOCK = 40  # sentences that are cut together


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    add_languages(parser, multi30k.LANGUAGES, "en", "de")
    parser.add_argument("--most", type=int, default=8, help="sentences in a row; default: 8")
    parser.add_argument("--repeat", type=int, default=2, help="uses of a sentence; default: 2")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")


def load(
    folder: Path,
    source: str = "en",
    target: str = "de",
    most: int = 8,
    repeat: int = 2,
    seed: int = 1,
) -> Corpus:
    """The subsets train, valid and test.

    Raises:
        CorpusError: as ``multi30k.load``, and where ``most`` or ``repeat`` does not fit
    """
    if not 1 <= most <= BLOCK or repeat < 1:
        raise CorpusError(f"most ({most}) must be 1 to {BLOCK}, and repeat ({repeat}) at least 1")
    parts = multi30k.load(folder, source, target)
    test = parts["test.2016"] + parts["test.2017"]
    if most > len(test):
        raise CorpusError(f"most is {most}, but the test holds {len(test)} sentences")
    blocks = [test[start : start + BLOCK] for start in range(0, len(test), BLOCK)]
    rng = random.Random(seed)
    return {
        "train": [
            example
            for _ in range(repeat)
            for example in cut(rng.sample(parts["train"], len(parts["train"])), most, rng)
        ],
        "valid": list(cut(parts["valid"], most, rng)),
        "test": [
            replace(example, block=number)
            for size in range(1, most + 1)
            for number, block in enumerate(blocks)
            for example in groups_of(size, block)
        ],
    }


def cut(sentences: Sequence[Example], most: int, rng: random.Random) -> Iterator[Example]:
    """Groups of 1..most sentences, in order; every sentence is in one, the last may be short."""
    rest = iter(sentences)
    while group := list(islice(rest, rng.randint(1, most))):
        yield join(group)


def groups_of(size: int, sentences: Sequence[Example]) -> list[Example]:
    """Groups of exactly so many sentences, in order, without what is left over."""
    starts = range(0, len(sentences) - size + 1, size)
    return [join(sentences[start : start + size]) for start in starts]


def join(group: Sequence[Example]) -> Example:
    """Several sentences as one example."""
    return Example(
        " ".join(sentence.source for sentence in group),
        (" ".join(sentence.targets[0] for sentence in group),),
    )
