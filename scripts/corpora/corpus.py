"""What a corpus is, and the steps that its readers share: open, group, split."""

import argparse
import gzip
import hashlib
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


class CorpusError(ValueError):
    """What is wrong with a data set or with what was asked of it, in one sentence."""


@dataclass(frozen=True)
class Example:
    """An input and every acceptable output; the first output is the main one.

    Attributes:
        block: of examples that were made of the same text, its number; they are not independent
    """

    source: str
    targets: tuple[str, ...]
    block: int | None = None


Corpus = dict[str, list[Example]]  # "train", "valid", "test", or "test.NAME" of several


# --- files


def existing(folder: Path, name: str) -> Path:
    """The path of ``name`` or of ``name.gz`` in a folder.

    Raises:
        CorpusError: where there is neither
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise CorpusError(
        f"neither {folder / name} nor {name}.gz exists:"
        f" set S2S_DATA to the folder that holds {folder.name or 'the data'}/"
    )


def open_text(folder: Path, name: str) -> Iterator[str]:
    """The lines of a UTF-8 file, plain or packed by gzip, without their ends.

    Only a line feed (with or without a carriage return before it) ends a line.

    Raises:
        CorpusError: where there is no such file, it is no UTF-8, or its gzip data are broken
    """
    path, number = existing(folder, name), 0  # of the lines that were read
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for line in lines:
                number += 1
                yield line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}, line {number}: byte {error.start + 1} is not valid UTF-8"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"{path} cannot be read after line {number}: {error}") from None


def open_rows(folder: Path, name: str, columns: int) -> Iterator[list[str]]:
    """The fields of a TAB-separated file.

    Raises:
        CorpusError: as ``open_text``, and where a line has fewer than so many fields
    """
    for number, line in enumerate(open_text(folder, name), start=1):
        row = line.split("\t")
        if len(row) < columns:
            raise CorpusError(
                f"{folder / name}, line {number}: {len(row)} of {columns} TAB-separated fields"
            )
        yield row


def one_line(text: str) -> str:
    """A text with every run of white space as one space."""
    return " ".join(text.split())


# --- splits


def share(key: str) -> float:
    """A number in [0, 1) that depends on the key alone: the same in every run and place."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big") / 2**64


def subset_of(key: str, held_out: float) -> str:
    """ "valid" for a share ``held_out`` of all keys, "test" for as many, "train" for the rest."""
    place = share(key)
    return "valid" if place < held_out else "test" if place < 2 * held_out else "train"


def plain(text: str) -> str:
    """What makes two texts the same sentence: letters and digits, whatever their case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return one_line(re.sub(r"[^\w\s]|_", "", folded)) or text


def group(pairs: Iterable[tuple[str, str]]) -> list[Example]:
    """One example for each source, with all its targets, both in the order of the pairs."""
    targets: dict[str, dict[str, None]] = {}
    for source, target in pairs:
        targets.setdefault(source, {})[target] = None
    return [Example(source, tuple(found)) for source, found in targets.items()]


def split(examples: Iterable[Example], subset: Callable[[Example], str]) -> Corpus:
    """The examples, each in the subset that a function names."""
    corpus: Corpus = {"train": [], "valid": [], "test": []}
    for example in examples:
        corpus[subset(example)].append(example)
    return corpus


# --- options


def add_languages(
    parser: argparse.ArgumentParser, languages: Sequence[str], source: str, target: str
) -> None:
    """``--source`` and ``--target``, each one of ``languages``."""
    for side, default in (("source", source), ("target", target)):
        parser.add_argument(
            f"--{side}", choices=languages, default=default, help=f"default: {default}"
        )


def check_languages(source: str, target: str, languages: Sequence[str]) -> None:
    """Raise CorpusError unless both are among ``languages`` and they differ."""
    named = " and ".join([", ".join(languages[:-1]), languages[-1]])
    if source not in languages or target not in languages or source == target:
        raise CorpusError(f"cannot go from {source} to {target}: choose two of {named}")
