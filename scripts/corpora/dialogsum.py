"""DialogSum: 13,460 spoken dialogues and their summaries in English.

Source: github.com/cylnlp/dialogsum (Chen et al. 2021, Findings of ACL). Licence: CC BY-NC-SA 4.0,
so for measurements only. Format: dialogsum.dev.jsonl and dialogsum.test.jsonl, JSON lines;
dialogsum.train.pyliteral.txt, a Python dict literal a line. The test set has three summaries each
(summary1 to summary3), all of which are references.

A source is the dialogue on one line, its turns after "#Person1#:" and so on, as they are written.
"""

import argparse
import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .corpus import Corpus, CorpusError, Example, one_line, open_text

LICENCE = "CC BY-NC-SA 4.0: not for commercial use (cylnlp/dialogsum)"
FILES: dict[str, tuple[str, Callable[[str], Any], tuple[str, ...]]] = {
    "train": ("dialogsum.train.pyliteral.txt", ast.literal_eval, ("summary",)),
    "valid": ("dialogsum.dev.jsonl", json.loads, ("summary",)),
    "test": ("dialogsum.test.jsonl", json.loads, ("summary1", "summary2", "summary3")),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def load(folder: Path) -> Corpus:
    """The subsets train, valid and test.

    Raises:
        CorpusError: where a file is missing or damaged, or a line is not of its format
    """
    return {name: read(folder, *file) for name, file in FILES.items()}


def read(
    folder: Path, name: str, parse: Callable[[str], Any], summaries: tuple[str, ...]
) -> list[Example]:
    """The dialogues of one file, each with the named summaries."""
    examples = []
    for number, line in enumerate(open_text(folder, name), start=1):
        try:
            row = parse(line)
            texts = tuple(one_line(row[field]) for field in summaries)
            examples.append(Example(one_line(row["dialogue"]), texts))
        except (ValueError, SyntaxError, TypeError, KeyError, AttributeError, RecursionError):
            raise CorpusError(
                f"{folder / name}, line {number}: this is no record with dialogue,"
                f" {', '.join(summaries)}"
            ) from None
    return examples
