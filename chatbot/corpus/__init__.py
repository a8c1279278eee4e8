"""The bundled dialogues, English and Chinese, written for this project.

Each file is a theme; its blocks, separated by empty lines, are what people say about it. A block
begins with the phrasings of one message (``U:``), separated by ``|``, and the reply (``B:``); the
pairs after it are what may be said to that reply, one or the other of them::

    = dish: pizza | noodles
    U: hello | (hi/hey) there | what about {dish}?
    B: Hello! Are you hungry?
    U: yes( please/) | of course
    B: Then let us talk about food.
    U: no( thanks/)
    B: Then let us talk about films.

    @follow
    U: why( is that/)?
    B: Because food is a fine subject.

A phrasing stands for many texts: each of the alternatives in parentheses, and each value of a word
in braces. The first phrasing of a block is the plainest. A block after ``@follow`` continues any
exchange of the theme. The reply ``{fallback}`` stands for one of ``strings.FALLBACKS``: the model
does not know.
"""

import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

LANGUAGES = ("en", "zh")

FALLBACK = "{fallback}"

_CHOICE = re.compile(r"\(([^()]*)\)|\{(\w+)\}")


@dataclass(frozen=True)
class Phrasing:
    """A way to say something, or as many as its alternatives have combinations.

    Args:
        parts: the alternatives of each part, in the order of the text
    """

    parts: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        """How many combinations there are."""
        return math.prod(map(len, self.parts))

    def __iter__(self) -> Iterator[str]:
        """Every text that it stands for."""
        return map(_joined, product(*self.parts))

    def sample(self, rng: random.Random) -> str:
        """One of them."""
        return _joined(rng.choice(part) for part in self.parts)

    def matches(self, text: str) -> bool:
        """Whether it stands for a text, but for case, spaces and punctuation."""
        return self._pattern.fullmatch(_squashed(text)) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(
            "".join(f"(?:{'|'.join(re.escape(_squashed(o)) for o in part)})" for part in self.parts)
        )


@dataclass(frozen=True)
class Exchange:
    """A message in its phrasings, and the reply."""

    phrasings: tuple[Phrasing, ...]
    reply: str


@dataclass(frozen=True)
class Block:
    """An exchange that may open a conversation, and what may be said to its reply."""

    opening: Exchange
    answers: tuple[Exchange, ...]


@dataclass(frozen=True)
class Theme:
    """What is said about one subject.

    Args:
        name: of the file, without ``.txt``
        blocks: the exchanges that open a conversation
        follow_ups: those that continue any of them
    """

    name: str
    blocks: tuple[Block, ...]
    follow_ups: tuple[Exchange, ...]

    def exchanges(self) -> Iterator[Exchange]:
        """All of them."""
        for block in self.blocks:
            yield block.opening
            yield from block.answers
        yield from self.follow_ups


def read_themes(language: str) -> list[Theme]:
    """The themes of a language, in the order of the files' names.

    Raises:
        ValueError: for an unknown language, or for a line that does not parse, naming it
    """
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}: choose from {', '.join(LANGUAGES)}")
    return [parse(file) for file in sorted((Path(__file__).parent / language).glob("*.txt"))]


def parse(file: Path) -> Theme:
    """The theme of one file.

    Raises:
        ValueError: for a line that does not parse, naming it
    """
    blocks: list[Block] = []
    follow_ups: list[Exchange] = []
    values: dict[str, tuple[str, ...]] = {}
    follows = False
    phrasings: tuple[Phrasing, ...] = ()
    block: list[Exchange] = []
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate([*lines, ""], start=1):
        side, _, text = line.partition(":")
        where = f"{file.name}, line {number}"
        if line.startswith("#"):
            continue
        if not line.strip():
            if phrasings:
                raise ValueError(f"{where}: the last message has no reply")
            if follows:
                follow_ups += block
            elif block:
                blocks.append(Block(block[0], tuple(block[1:])))
            block, follows = [], False
        elif line.strip() == "@follow" and not block:
            follows = True
        elif side.startswith("=") and not block:
            values[side[1:].strip()] = _separated(text, where)
        elif side == "U" and not phrasings:
            phrasings = tuple(_phrasing(part, values, where) for part in _separated(text, where))
        elif side == "B" and phrasings:
            block.append(Exchange(phrasings, _reply(text, where)))
            phrasings = ()
        else:
            raise ValueError(f"{where}: expected {'B:' if phrasings else 'U:'} but read {line!r}")
    return Theme(file.stem, tuple(blocks), tuple(follow_ups))


def _reply(text: str, where: str) -> str:
    """A reply as it stands."""
    text = text.strip()
    if not text or (text != FALLBACK and re.search(r"[|{}]", text)):
        raise ValueError(f"{where}: a reply is one text, not empty and without '|' or braces")
    return text


def _phrasing(text: str, values: Mapping[str, tuple[str, ...]], where: str) -> Phrasing:
    """The parts of a phrasing as it is written."""
    if re.search(r"[(){}]", _CHOICE.sub("", text)) or re.search(r"\([^)]*\{", text):
        raise ValueError(f"{where}: a bracket of {text!r} has no partner, or is inside another")
    parts: list[tuple[str, ...]] = []
    last = 0
    for choice in _CHOICE.finditer(text):
        name = choice[2]
        if name and name not in values:
            raise ValueError(f"{where}: {{{name}}} has no values; write a line '= {name}: a | b'")
        parts += [
            (text[last : choice.start()],),
            values[name] if name else tuple(choice[1].split("/")),
        ]
        last = choice.end()
    return Phrasing((*parts, (text[last:],)))


def _separated(text: str, where: str) -> tuple[str, ...]:
    """What stands between the bars."""
    parts = tuple(part.strip() for part in text.split("|"))
    if not all(parts):
        raise ValueError(f"{where}: a phrasing is empty")
    return parts


def _joined(parts: Iterable[str]) -> str:
    """A text from its parts, with single spaces and none before a mark."""
    return re.sub(r" +([?!,.])", r"\1", " ".join("".join(parts).split()))


def _squashed(text: str) -> str:
    """A text's letters and digits in lower case."""
    return "".join(char for char in text.lower() if char.isalnum())
