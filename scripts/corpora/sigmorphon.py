"""SIGMORPHON 2021, task 1: words and how they are pronounced, in 21 languages.

Source: github.com/sigmorphon/2021-task1 (Ashby et al. 2021, "Results of the Second SIGMORPHON
Shared Task on Multilingual Grapheme-to-Phoneme Conversion"). Licence: CC BY-SA 3.0, from
Wiktionary. Format: high/, medium/ and low/ hold LANGUAGE_{train,dev,test}.tsv, each line a word,
TAB, its phones (IPA, separated by spaces); the words are in Unicode's NFC.

A source is the word's letters with spaces between them, a space within a word written as "_". A
letter is a code point with the combining marks after it (Khmer and Japanese have some). Korean
syllables are taken apart into jamo (NFD): 8,000 words do not teach a thousand syllables.
"""

import argparse
import unicodedata
from pathlib import Path

from .corpus import Corpus, CorpusError, Example, group, open_rows

LICENCE = "CC BY-SA 3.0, Wiktionary (the data of SIGMORPHON 2021, task 1)"
TRACKS = ("high", "medium", "low")
FILES = {"train": "train", "valid": "dev", "test": "test"}
DECOMPOSED = {"kor"}  # languages whose letters are parts of a code point
SPACE = "_"


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--language", help="one language, e.g. eng_us or arm_e")
    choice.add_argument(
        "--track", choices=TRACKS, help="all languages of a track, a token <LANGUAGE> before each"
    )


def load(folder: Path, language: str | None = None, track: str | None = None) -> Corpus:
    """One language as train, valid, test; or a track as train, valid and test.LANGUAGE of each.

    Raises:
        CorpusError: for a language or track that is not there, a file that is missing or damaged
    """
    found = languages(folder)
    if track is not None:
        return load_track(folder, sorted(name for name in found if found[name] == track), track)
    if language not in found:
        raise CorpusError(f"there is no language {language}: choose one of {', '.join(found)}")
    place = folder / found[language]
    return {name: read(place, language, FILES[name]) for name in FILES}


def languages(folder: Path) -> dict[str, str]:
    """The track of every language that has a training file in one of the tracks' folders."""
    files = [path for track in TRACKS for path in (folder / track).glob("*_train.tsv*")]
    if not files:
        raise CorpusError(
            f"{folder} has no file {'|'.join(TRACKS)}/LANGUAGE_train.tsv:"
            " set S2S_DATA to the folder that holds sigmorphon2021_g2p/"
        )
    return {path.name.partition("_train.tsv")[0]: path.parent.name for path in sorted(files)}


def load_track(folder: Path, names: list[str], track: str) -> Corpus:
    """All languages of a track together, each word after a token of its language."""
    if not names:
        raise CorpusError(f"there is no language in {folder / track}")
    corpus: Corpus = {"train": [], "valid": []}
    for name in names:
        for subset, file in FILES.items():
            marked = [
                Example(f"<{name}> {example.source}", example.targets)
                for example in read(folder / track, name, file)
            ]
            corpus.setdefault(f"test.{name}" if subset == "test" else subset, []).extend(marked)
    return corpus


def read(folder: Path, language: str, part: str) -> list[Example]:
    """The words of one file; several pronunciations of a word are the targets of one example."""
    rows = open_rows(folder, f"{language}_{part}.tsv", 2)
    return group((letters(word, language), phones) for word, phones, *_ in rows)


def letters(word: str, language: str) -> str:
    """A word with a space between its letters, each with its combining marks."""
    text = unicodedata.normalize("NFD", word) if language in DECOMPOSED else word
    found: list[str] = []
    for character in text:
        if unicodedata.combining(character) and found:
            found[-1] += character
        else:
            found.append(SPACE if character.isspace() else character)
    return " ".join(found)
