"""What a conversation is, without any model or page: messages, settings, replies.

A :class:`Responder` turns a dialog into a reply; the page and the terminal know only this contract.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

SEPARATOR = "<sep>"  # between the turns of a source text; a piece of its own
SPEAKERS = {"user": "<user>", "assistant": "<bot>"}  # before each turn, where a model knows them
SYMBOLS = (SEPARATOR, *SPEAKERS.values())  # never part of what somebody says
MAX_MESSAGE_LENGTH = 500  # characters; the rest of a longer message is cut

_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Settings:
    """How a reply is searched for, and how much of the conversation the model is given.

    Attributes:
        mode: ``"beam"`` or ``"sampling"``
        beam: number of hypotheses; 1 is greedy search
        length_penalty: above 1 favours long replies, below 1 short ones
        temperature: of sampling; below 1 is more cautious
        topk, topp: sample from the k likeliest pieces, or from the likeliest that together
            have probability p; 0 and 1.0 mean all
        no_repeat_ngram: no sequence of so many pieces occurs twice; 0 means no such rule
        max_length: longest reply in pieces
        turns: how many earlier exchanges the model is given
        seed: of sampling
    """

    mode: Literal["beam", "sampling"] = "beam"
    beam: int = 5
    length_penalty: float = 1.0
    temperature: float = 0.7
    topk: int = 0
    topp: float = 0.9
    no_repeat_ngram: int = 4
    max_length: int = 60
    turns: int = 1
    seed: int | None = None


@dataclass(frozen=True)
class Candidate:
    """One hypothesis, with its mean log-probability per piece."""

    text: str
    score: float


@dataclass(frozen=True)
class Reply:
    """An answer and what it was made from.

    Attributes:
        text: the answer
        source: the text that the model was given
        source_words, reply_words: the labels of the alignment's columns and rows
        alignment: (reply_words, source_words), each row sums to 1; None without attention
        candidates: all hypotheses, best first
        tokens: number of pieces in the answer
        seconds: time that it took
    """

    text: str
    source: str = ""
    source_words: tuple[str, ...] = ()
    reply_words: tuple[str, ...] = ()
    alignment: tuple[tuple[float, ...], ...] | None = None
    candidates: tuple[Candidate, ...] = ()
    tokens: int = 0
    seconds: float = 0.0


class Responder(Protocol):
    """Anything that answers."""

    def reply(self, dialog: Sequence[Message], settings: Settings) -> Iterator[Reply]:
        """Answer the last message of ``dialog``; yields the growing reply, the last one whole."""
        ...


def clean(text: str) -> str:
    """A message as it may be shown and answered: visible characters only, one line, bounded."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text[: 4 * MAX_MESSAGE_LENGTH]))
    text = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    return " ".join(text.split())[:MAX_MESSAGE_LENGTH].strip()


def normalise(text: str) -> str:
    """A turn as the model reads it: lower case, no punctuation, full-width letters as ASCII.

    "What's up?" and "whats up" become the same text, as do "你好！" and "你好". A turn of
    punctuation only stays as it is.
    """
    text = "".join(_to_half_width(char) for char in clean(text)).lower()
    words = re.sub(r"['’]", "", text)
    words = "".join(" " if unicodedata.category(c)[0] == "P" else c for c in words)
    words = _without_symbols(words)  # last: "<SEP>" and "<s'ep>" have become one
    return " ".join(words.split()) or _without_symbols(text).strip()


def source_text(dialog: Sequence[Message], turns: int, speakers: bool = False) -> str:
    """What the model reads: the last message, after up to ``turns`` earlier exchanges.

    With ``speakers`` each turn begins with the symbol of who said it.
    """
    said = [(message.role, normalise(message.text)) for message in dialog[-(2 * turns + 1) :]]
    return f" {SEPARATOR} ".join(
        f"{SPEAKERS[role]} {text}" if speakers else text for role, text in said if text
    )


def _without_symbols(text: str) -> str:
    """A text in which no symbol is left, nor made by taking one away."""
    for symbol in SYMBOLS:
        text = text.replace(symbol, " ")
    return text


def _to_half_width(char: str) -> str:
    """Full-width letters and digits as ASCII; punctuation is left alone."""
    half = chr(ord(char) - 0xFEE0) if "\uff01" <= char <= "\uff5e" else char
    return half if half.isalnum() else char
