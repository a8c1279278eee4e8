"""CSL: abstracts of Chinese papers and their titles, dev and test of the benchmark only.

Source: github.com/ydli-ai/CSL, benchmark/ts (Li et al. 2022, COLING). Licence: Apache License 2.0
(the texts are published abstracts; the rights of their publishers are not discussed). Format:
dev.tsv and test.tsv, TAB-separated: "to title", abstract, title.

The training file is not to be had, so that the first 900 of dev are train here, its last 100 valid:
enough to show that the recipe works, far too few for quality.
"""

import argparse
from pathlib import Path

from .corpus import Corpus, Example, one_line, open_rows

LICENCE = "Apache License 2.0 (ydli-ai/CSL)"
VALID = 100  # of the dev set, its last ones


def add_options(parser: argparse.ArgumentParser) -> None:
    """There is nothing to choose."""


def load(folder: Path) -> Corpus:
    """The subsets train, valid and test: abstract to title.

    Raises:
        CorpusError: where a file is missing or damaged
    """
    dev = read(folder, "dev.tsv")
    return {"train": dev[:-VALID], "valid": dev[-VALID:], "test": read(folder, "test.tsv")}


def read(folder: Path, name: str) -> list[Example]:
    """The papers of one file."""
    return [Example(one_line(row[1]), (one_line(row[2]),)) for row in open_rows(folder, name, 3)]
