"""SCAN: commands such as "jump twice" and the actions they stand for.

Source: github.com/brendenlake/SCAN (Lake and Baroni 2018, arXiv:1711.00350). Licence: BSD with
three clauses. Format: tasks_{train,test}_SPLIT.txt, each line ``IN: command OUT: actions``.

The published splits have no validation set: 5 % of the training commands (by a hash, so of the same
kind as the training set, not of the test) become valid. A command that the training set repeats on
purpose, such as the bare "jump" of the split jump, stays there as often as it was.
"""

import argparse
from collections import Counter
from pathlib import Path

from .corpus import Corpus, CorpusError, Example, open_text, share

LICENCE = "BSD with three clauses, Facebook"
FOLDERS = {
    "simple": ("simple_split", "simple"),
    "length": ("length_split", "length"),
    "jump": ("add_prim_split", "addprim_jump"),
    "turn_left": ("add_prim_split", "addprim_turn_left"),
}
VALID = 0.05  # of the training commands


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    parser.add_argument("--split", choices=FOLDERS, default="simple", help="default: simple")


def load(folder: Path, split: str = "simple") -> Corpus:
    """The subsets train, valid and test.

    Raises:
        CorpusError: for another split, a file that is missing or damaged
    """
    if split not in FOLDERS:
        raise CorpusError(f"there is no split {split}: choose one of {', '.join(FOLDERS)}")
    place, name = FOLDERS[split]
    known = read(folder / place, f"tasks_train_{name}.txt")
    counts = Counter(example.source for example in known)
    corpus: Corpus = {"train": [], "valid": []}
    for example in known:
        held_out = counts[example.source] == 1 and share(example.source) < VALID
        corpus["valid" if held_out else "train"].append(example)
    return corpus | {"test": read(folder / place, f"tasks_test_{name}.txt")}


def read(folder: Path, name: str) -> list[Example]:
    """The commands of one file, with their actions."""
    examples = []
    for number, line in enumerate(open_text(folder, name), start=1):
        command, out, actions = line.removeprefix("IN:").partition("OUT:")
        if not (line.startswith("IN:") and out):
            raise CorpusError(
                f"{folder / name}, line {number}: this is not of the form IN: ... OUT: ..."
            )
        examples.append(Example(command.strip(), (actions.strip(),)))
    return examples
