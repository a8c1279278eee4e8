"""WebQuestions: 5,810 questions that people asked a search engine, and their answers.

Source: github.com/brmson/dataset-factoid-webquestions, main/ (Berant et al. 2013, EMNLP). Licence:
CC-BY 4.0. Format: {trainmodel,devtest,val,test}.json, each a JSON list of objects with qText and
answers. The answers are facts that training pairs do not tell: a functional test only.

train is trainmodel and devtest, with at most three answers to a question; valid is val.
"""

import argparse
import json
from pathlib import Path

from .corpus import Corpus, CorpusError, Example, existing, one_line, open_text

LICENCE = "CC-BY 4.0 (WebQuestions, Berant et al. 2013)"
FILES = {"train": ("trainmodel", "devtest"), "valid": ("val",), "test": ("test",)}
MOST = 3  # answers to a training question


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def load(folder: Path) -> Corpus:
    """The subsets train, valid and test; an example has all answers, in train the first three.

    Raises:
        CorpusError: where a file is missing or damaged
    """
    corpus = {
        subset: [example for name in names for example in read(folder / "main", f"{name}.json")]
        for subset, names in FILES.items()
    }
    corpus["train"] = [Example(e.source, e.targets[:MOST]) for e in corpus["train"]]
    return corpus


def read(folder: Path, name: str) -> list[Example]:
    """The questions of one file, each with its different answers."""
    text = "\n".join(open_text(folder, name))
    try:
        return [
            Example(one_line(row["qText"]), tuple(dict.fromkeys(map(one_line, row["answers"]))))
            for row in json.loads(text)
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise CorpusError(
            f"{existing(folder, name)} is no JSON list of objects with qText and answers"
        ) from None
