"""The bundled dialogues, English and Chinese, written for this project.

A file holds dialogues, separated by empty lines. In a dialogue the user (``U:``) and the bot
(``B:``) take turns; the phrasings of one message are separated by ``|``::

    U: hello | hi there | hey
    B: Hello! How are you today?
    U: fine thanks | i am fine
    B: I am glad to hear it.

A word in braces stands for each of its values in turn, which a line ``=`` gives before; so a
dialogue is as many as it has values, with the same value all through::

    = fruit: apples | pears | figs
    U: do you like {fruit}? | what about {fruit}?
    B: I cannot taste {fruit}, but I like the word.

The reply ``{fallback}`` stands for any of ``strings.FALLBACKS``.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Exchange:
    """A message in all its phrasings, and the reply; of one of many values where ``filled``."""

    phrasings: tuple[str, ...]
    reply: str
    filled: bool = False


Dialogue = list[Exchange]

FALLBACK = "{fallback}"

_SLOT = re.compile(r"\{(\w+)\}")


def read_dialogues(language: str, topics: Collection[str] | None = None) -> list[Dialogue]:
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


def parse(file: Path) -> Iterator[Dialogue]:
    """The dialogues of one file."""
    dialogue: Dialogue = []
    phrasings: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = {}
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
                yield from fill(dialogue, values, where)
            dialogue = []
        elif side.startswith("=") and not dialogue and not phrasings:
            values[side[1:].strip()] = _parts(text, where)
        elif side == "U" and not phrasings:
            phrasings = _parts(text, where)
        elif side == "B" and phrasings:
            if not text.strip() or "|" in text:
                raise ValueError(f"{where}: a reply is one text, not empty and without '|'")
            dialogue.append(Exchange(phrasings, text.strip()))
            phrasings = ()
        else:
            raise ValueError(f"{where}: expected {'B:' if phrasings else 'U:'} but read {line!r}")


def fill(dialogue: Dialogue, values: Mapping[str, tuple[str, ...]], where: str) -> list[Dialogue]:
    """The dialogue once for each value of the word in braces that it has; it may have one."""
    texts = [text for exchange in dialogue for text in (*exchange.phrasings, exchange.reply)]
    names = {name for text in texts if text != FALLBACK for name in _SLOT.findall(text)}
    if not names:
        return [dialogue]
    if len(names) > 1 or not names <= set(values):
        raise ValueError(
            f"{where}: {{{'}, {'.join(sorted(names))}}} should be one name with values"
        )
    (name,) = names
    return [
        [
            Exchange(
                tuple(phrasing.replace(f"{{{name}}}", value) for phrasing in exchange.phrasings),
                exchange.reply.replace(f"{{{name}}}", value),
                filled=True,
            )
            for exchange in dialogue
        ]
        for value in values[name]
    ]


def _parts(text: str, where: str) -> tuple[str, ...]:
    """What stands between the bars."""
    parts = tuple(part.strip() for part in text.split("|"))
    if not all(parts):
        raise ValueError(f"{where}: a phrasing is empty")
    return parts
