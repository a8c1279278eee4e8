"""ChatterBot's corpus: short conversations that its users contributed, English or Chinese.

Source: github.com/gunthercox/chatterbot-corpus. Licence: BSD with three clauses. Format: english/
and chinese/ hold YAML files with a list ``conversations`` of lists of what is said in turn.

Every two neighbours are a message and its reply; all replies to a message are its targets. A
conversation that is a bare text and no list (trivia.yml has one) is left out. There is no published
split: a message, whatever its case and punctuation, goes to valid (5 %), test (5 %) or train by its
hash, so that none is in two subsets.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .corpus import Corpus, CorpusError, group, one_line, open_text, plain, split, subset_of

LICENCE = "BSD with three clauses (gunthercox/chatterbot-corpus)"
LANGUAGES = ("english", "chinese")
HELD_OUT = 0.05  # of the messages, for valid and for test


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    parser.add_argument("--language", choices=LANGUAGES, default="english", help="default: english")


def load(folder: Path, language: str = "english") -> Corpus:
    """The subsets train, valid and test.

    Raises:
        CorpusError: for another language, a missing folder, a file that is not of the format
    """
    if language not in LANGUAGES:
        raise CorpusError(f"there is no language {language}: choose {' or '.join(LANGUAGES)}")
    examples = group(pairs(folder / language))
    return split(examples, lambda example: subset_of(plain(example.source), HELD_OUT))


def pairs(folder: Path) -> Iterator[tuple[str, str]]:
    """Each message with the reply to it, in the order of the files' names."""
    names = sorted({path.name.removesuffix(".gz") for path in folder.glob("*.yml*")})
    if not names:
        raise CorpusError(
            f"{folder} has no file *.yml: set S2S_DATA to the folder that holds chatterbot/"
        )
    for name in names:
        for said in conversations(folder, name):
            turns = [one_line(str(turn)) for turn in said]
            yield from zip(turns, turns[1:], strict=False)


def conversations(folder: Path, name: str) -> list[list[Any]]:
    """The conversations of one file."""
    try:
        found = yaml.safe_load("\n".join(open_text(folder, name)))["conversations"]
    except (yaml.YAMLError, TypeError, KeyError) as error:
        reason = one_line(str(error))
        raise CorpusError(f"{folder / name} has no list of conversations: {reason}") from None
    if not isinstance(found, list):
        raise CorpusError(f"{folder / name}: conversations is not a list")
    return [said for said in found if isinstance(said, list)]
