"""ALIBI word alignments: five stories in French and English, aligned by hand word for word.

Source: github.com/fyvo/AlibiWordAlignments, ali/ (Xu and Yvon 2016, LREC, L16-1099). Licence: CC
BY-SA 4.0 (the alignments); the texts are from Wikisource. Format: in each story's folder, two files
NAME_sents.txt and one ali_w2w_FRENCH_ENGLISH.txt, all with lines ``number TAB ...``: words that are
separated by spaces, or links "i-j" (sure) and "ipj" (possible), counted from 0, the French first.

522 pairs; 8,452 links are sure, 14,147 further ones only possible. The sure ones count as possible
too, as the alignment error rate wants it (Och and Ney 2003): 22,599 in all.
"""

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .corpus import Corpus, CorpusError, Example, add_languages, check_languages, open_rows

LICENCE = "CC BY-SA 4.0 (fyvo/AlibiWordAlignments); texts from Wikisource"
LANGUAGES = ("fr", "en")
LINK = re.compile(r"(\d+)([-p])(\d+)")

Link = tuple[int, int]  # place of the French word, place of the English word, from 0


@dataclass(frozen=True)
class GoldPair:
    """A sentence in two languages, as words, and the links between them."""

    fr: list[str]
    en: list[str]
    sure: set[Link]
    possible: set[Link]  # the sure ones too


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    add_languages(parser, LANGUAGES, "fr", "en")


def load(folder: Path, source: str = "fr", target: str = "en") -> Corpus:
    """The sentences as a test set: words with spaces between them.

    Raises:
        CorpusError: for another language, and as ``read``
    """
    check_languages(source, target, LANGUAGES)
    texts = [{"fr": " ".join(pair.fr), "en": " ".join(pair.en)} for pair in read(folder)]
    return {"test": [Example(text[source], (text[target],)) for text in texts]}


def read(folder: Path) -> list[GoldPair]:
    """All pairs, story by story in the order of the folders' names.

    Raises:
        CorpusError: where a file is missing or damaged, or a link is out of its sentences
    """
    files = sorted((folder / "ali").glob("*/ali_w2w_*.txt*"))
    if not files:
        raise CorpusError(
            f"{folder} has no file ali/STORY/ali_w2w_FRENCH_ENGLISH.txt:"
            " set S2S_DATA to the folder that holds alibi_wordalign_fr_en/"
        )
    return [pair for file in files for pair in read_story(file.parent, file.name)]


def read_story(folder: Path, file: str) -> list[GoldPair]:
    """The pairs of one story, whose links are in ``file``."""
    name = file.removesuffix(".gz")
    french, _, english = name.removeprefix("ali_w2w_").removesuffix(".txt").partition("_")
    parts = [rows(folder, part) for part in (f"{french}_sents.txt", f"{english}_sents.txt", name)]
    numbers = [list(part) for part in parts]
    if not numbers[0] == numbers[1] == numbers[2]:
        raise CorpusError(f"the three files of {folder} do not number the same sentences")
    pairs = zip(*(part.values() for part in parts), strict=True)
    return [
        gold_pair(fr, en, links, f"{folder / name}, sentence {number}")
        for number, (fr, en, links) in zip(numbers[0], pairs, strict=True)
    ]


def rows(folder: Path, name: str) -> dict[str, list[str]]:
    """What a file has for each of its numbers, cut at spaces."""
    return {number: text.split() for number, text, *_ in open_rows(folder, name, 2)}


def gold_pair(fr: list[str], en: list[str], links: Iterable[str], place: str) -> GoldPair:
    """One pair with its links; ``place`` is for the error."""
    sure, possible = set(), set()
    for link in links:
        found = LINK.fullmatch(link)
        if not found or int(found[1]) >= len(fr) or int(found[3]) >= len(en):
            raise CorpusError(
                f"{place}: {link} is no link between {len(fr)} French and {len(en)} English words"
            )
        ends = int(found[1]), int(found[3])
        possible.add(ends)
        if found[2] == "-":
            sure.add(ends)
    return GoldPair(fr, en, sure, possible)
