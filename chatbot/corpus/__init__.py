"""The bundled dialogues, English and Chinese, written for this project.

A file holds dialogues, separated by empty lines. In a dialogue the user (``U:``) and the bot
(``B:``) take turns; the phrasings of one message are separated by ``|``::

    U: hello | hi there | hey
    B: Hello! How are you today?
    U: fine thanks | i am fine
    B: I am glad to hear it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Exchange:
    """A message in all its phrasings, and the reply."""

    phrasings: tuple[str, ...]
    reply: str


def read_dialogues(language: str, topics: Collection[str] | None = None) -> list[list[Exchange]]:
    """The dialogues of a language, in the order of the files' names.

    Args:
        topics: names of files without ``.txt``; all of them where it is left out

    Raises:
        ValueError: for an unknown language, or for a line that does not parse, naming it
    """
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}: choose from {', '.join(LANGUAGES)}")
    files = sorted((Path(__file__).parent / language).glob("*.txt"))
    return [
        dialogue
        for file in files
        if topics is None or file.stem in topics
        for dialogue in parse(file)
    ]


def parse(file: Path) -> Iterator[list[Exchange]]:
    """The dialogues of one file."""
    dialogue: list[Exchange] = []
    phrasings: tuple[str, ...] = ()
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate([*lines, ""], start=1):
        side, _, text = line.partition(":")
        where = f"{file.name}, line {number}"
        if line.startswith("#"):
            continue
        if not line.strip():
            if phrasings:
                raise ValueError(f"{where}: the last message has no reply")
            if dialogue:
                yield dialogue
            dialogue = []
        elif side == "U" and not phrasings:
            phrasings = tuple(phrasing.strip() for phrasing in text.split("|"))
            if not all(phrasings):
                raise ValueError(f"{where}: a phrasing is empty")
        elif side == "B" and phrasings:
            if not text.strip() or "|" in text:
                raise ValueError(f"{where}: a reply is one text, not empty and without '|'")
            dialogue.append(Exchange(phrasings, text.strip()))
            phrasings = ()
        else:
            raise ValueError(f"{where}: expected {'B:' if phrasings else 'U:'} but read {line!r}")
