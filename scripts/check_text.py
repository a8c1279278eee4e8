#!/usr/bin/env python3
"""Check text before fairseq-preprocess sees it: one clear sentence instead of a damaged corpus.

Usage: scripts/check_text.py FILE [FILE ...]     the files are parallel: line n belongs to line n

fairseq itself accepts every fault named here, or dies of it much later without a line number.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

# Each of these ends a line or counts as a space somewhere in Python, and so splits a sentence.
FAULTS = {
    "\0": "a NUL byte",
    "\r": "a carriage return that no line feed follows",
    "\v": "a vertical tab (U+000B)",
    "\f": "a form feed (U+000C)",
    "\x1c": "a file separator (U+001C)",
    "\x1d": "a group separator (U+001D)",
    "\x1e": "a record separator (U+001E)",
    "\x1f": "a unit separator (U+001F)",
    "\x85": "a next-line character (U+0085)",
    "\u2028": "a line separator (U+2028)",
    "\u2029": "a paragraph separator (U+2029)",
    "\ufeff": "a byte order mark (U+FEFF)",
}
FAULTY = re.compile(f"[{''.join(FAULTS)}]")


class TextError(ValueError):
    """What is wrong with a text file, in one sentence."""


def check_line(line: bytes) -> None:
    """Raise TextError for the first fault of one line (its line feed included)."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextError(
            f"byte {error.start + 1} (0x{line[error.start]:02x}) is not valid UTF-8"
        ) from None
    if fault := FAULTY.search(text.removesuffix("\n").removesuffix("\r")):
        raise TextError(f"character {fault.start() + 1} is {FAULTS[fault.group()]}")


def check_file(path: Path) -> int:
    """The number of lines of a sound text file; raises TextError for any other."""
    number = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                number += 1
                check_line(line)
    except OSError as error:
        raise TextError(f"{path} cannot be read: {error.strerror}.") from None
    except TextError as fault:
        raise TextError(f"{path}, line {number}: {fault}.") from None
    if number == 0:
        raise TextError(f"{path} is empty.")
    return number


def check_parallel(paths: Sequence[Path]) -> int:
    """The number of lines that every file has; raises TextError where they differ."""
    counts = [check_file(path) for path in paths]
    for path, count in zip(paths, counts, strict=True):
        if count != counts[0]:
            raise TextError(
                f"{paths[0]} has {counts[0]} lines and {path} has {count}:"
                " parallel files need the same number."
            )
    return counts[0]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Check parallel text files line by line.")
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a text file in UTF-8")
    try:
        check_parallel(parser.parse_args(arguments).files)
    except TextError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
