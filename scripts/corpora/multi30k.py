"""Multi30k: 29,000 captions of photographs in English and German (Elliott et al. 2016).

Source: github.com/multi30k/dataset; paper arXiv:1605.00459 (test2017: arXiv:1710.07177).
Licence: the repository states terms for the images only (non-commercial research, education) and
none for the text. Format: train.en, val.en, test_2016_flickr.en, ... and the same in de, one
sentence a line; line n of one belongs to line n of the other.
"""

import argparse
from pathlib import Path

from .corpus import Corpus, CorpusError, Example, add_languages, check_languages, open_text

LICENCE = "no terms are stated for the text (for the images: non-commercial research, education)"
LANGUAGES = ("en", "de")
FILES = {
    "train": "train",
    "valid": "val",
    "test.2016": "test_2016_flickr",
    "test.2017": "test_2017_flickr",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    add_languages(parser, LANGUAGES, "en", "de")


def load(folder: Path, source: str = "en", target: str = "de") -> Corpus:
    """The subsets train, valid, test.2016 and test.2017 (both of Flickr).

    Raises:
        CorpusError: for another language, a file that is missing or damaged, unequal line counts
    """
    check_languages(source, target, LANGUAGES)
    return {name: read_pairs(folder, stem, source, target) for name, stem in FILES.items()}


def read_pairs(folder: Path, stem: str, source: str, target: str) -> list[Example]:
    """The lines of STEM.SOURCE with those of STEM.TARGET."""
    names = f"{stem}.{source}", f"{stem}.{target}"
    sources, targets = ([line.strip() for line in open_text(folder, name)] for name in names)
    if len(sources) != len(targets):
        raise CorpusError(
            f"{folder / names[0]} has {len(sources)} lines and {names[1]} has {len(targets)}:"
            " parallel files need the same number"
        )
    return [Example(*pair) for pair in zip(sources, ((t,) for t in targets), strict=True)]
