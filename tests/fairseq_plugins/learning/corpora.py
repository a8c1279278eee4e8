"""Corpora whose right answers are known, and how much of them a model gets right."""

import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..commands import generate, hypotheses, preprocess, write_corpus

Words = tuple[str, ...]

DIGITS = "0123456789"
TASKS: dict[str, Callable[[Words], Words]] = {
    "copy": lambda words: words,
    "reverse": lambda words: words[::-1],
}


class Item(NamedTuple):
    """One sentence of a corpus: what is to be done to it, and its words."""

    task: str
    words: Words

    @property
    def source(self) -> str:
        """The task's name and the words."""
        return " ".join([f"<{self.task}>", *self.words])

    @property
    def target(self) -> str:
        """What is right."""
        return " ".join(TASKS[self.task](self.words))


def draw(rng: random.Random, length: int) -> Words:
    """Random digits."""
    return tuple(rng.choices(DIGITS, k=length))


def held_out(longest: int) -> list[Words]:
    """300 sentences, all different: 200 of lengths 1 to 10, and 100 of ``longest``.

    There are only 10 sentences of length 1 and 100 of length 2: 2 and 18 of them are taken.
    """
    rng = random.Random(2)
    counts = {1: 2, 2: 18, **dict.fromkeys(range(3, 10), 22), 10: 26}
    if longest > 10:
        counts[longest] = 100
    return [words for length, count in counts.items() for words in distinct(rng, length, count)]


def distinct(rng: random.Random, length: int, count: int) -> list[Words]:
    """Different sentences of a length."""
    found: dict[Words, None] = {}
    while len(found) < count:
        found[draw(rng, length)] = None
    return list(found)


def training(count: int, longest: int, without: Iterable[Words]) -> list[Words]:
    """Sentences of lengths uniform from 1 to ``longest``, none of them of ``without``."""
    rng, without, found = random.Random(1), set(without), []
    while len(found) < count:
        words = draw(rng, rng.randint(1, longest))
        if words not in without:
            found.append(words)
    return found


def in_turns(source: str, seed: int) -> str:
    """The same source, in turns of one to five words, separated by ``<sep>``."""
    rng, words = random.Random(seed), source.split()
    ends = []
    while sum(ends) < len(words):
        ends.append(rng.randint(1, 5))
    starts = [sum(ends[:n]) for n in range(len(ends))]
    turns = [words[start : start + end] for start, end in zip(starts, ends, strict=True)]
    return " <sep> ".join(" ".join(turn) for turn in turns)


class DigitCorpus(NamedTuple):
    """A binarised corpus of digits to copy and to reverse, and its test set in order."""

    data: Path
    test: list[Item]

    def exact(self, checkpoint: Path, beam: int = 5) -> dict[tuple[str, str], float]:
        """The share of test sentences that are right word for word, by task and length."""
        output = generate(self.data, checkpoint, "--beam", beam, "--max-len-a", 1, "--max-len-b", 5)
        found = hypotheses(output)
        right: dict[tuple[str, str], list[bool]] = {}
        for number, item in enumerate(self.test):
            length = "<= 10" if len(item.words) <= 10 else str(len(item.words))
            right.setdefault((item.task, length), []).append(found[number] == item.target)
        return {key: sum(values) / len(values) for key, values in right.items()}


def digit_corpus(
    folder: Path,
    *,
    longest: int,
    count: int,
    tasks: Sequence[str] = ("copy", "reverse"),
    turns: bool = False,
) -> DigitCorpus:
    """Every training sentence is given to one of the tasks, every held-out one to all.

    Args:
        folder: where it is written
        longest: the length of the longest sentences
        count: number of training sentences
        tasks: names of :data:`TASKS`
        turns: cut the sources into turns
    """
    without = held_out(longest)
    rng = random.Random(3)
    train = [Item(rng.choice(tasks), words) for words in training(count, longest, without)]
    test = [Item(task, words) for task in tasks for words in without]
    for subset, items in (("train", train), ("valid", test[:10]), ("test", test)):
        sources = [item.source for item in items]
        if turns:
            sources = [in_turns(source, number) for number, source in enumerate(sources)]
        targets = [item.target for item in items]
        write_corpus(folder, subset, list(zip(sources, targets, strict=True)))
    return DigitCorpus(preprocess(folder), test)
