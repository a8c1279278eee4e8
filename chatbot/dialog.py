"""What a conversation is, without any model or page: messages, settings, replies.

A :class:`Responder` turns a dialog into a reply; the page and the terminal know only this contract.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Protocol

SEPARATOR = "<sep>"  # between the turns of a source text; a piece of its own
SPEAKERS = {"user": "<user>", "assistant": "<bot>"}  # before each turn, where a model knows them
PLAN_END = "<say>"  # in an output: before it stands what the reply is about, after it the reply
PLAN_LENGTH = 3  # pieces of a plan: a theme, what the reply is about, PLAN_END
SYMBOLS = (SEPARATOR, PLAN_END, *SPEAKERS.values())  # never part of what somebody says
MAX_MESSAGE_LENGTH = 2000  # characters of any text; bounds.py has fewer for what is asked

_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str


Mode = Literal["greedy", "beam", "sampling"]
MODES: tuple[Mode, ...] = ("greedy", "beam", "sampling")


@dataclass(frozen=True)
class Settings:
    """How a reply is searched for, and how much of the conversation the model is given.

    Attributes:
        mode: ``"greedy"`` and ``"sampling"`` show the reply while it grows, ``"beam"`` searches
        beam: how many hypotheses a beam search keeps, and how many candidates any mode gives
        length_penalty: of beam search; above 1 favours long replies, below 1 short ones
        temperature: of sampling; below 1 is more cautious
        topk, topp: sample from the k likeliest pieces, or from the likeliest that together
            have probability p; 0 and 1.0 mean all
        no_repeat_ngram: no sequence of so many pieces occurs twice; 0 means no such rule
        min_length, max_length: bounds on the pieces of a reply, its plan not counted
        turns: how many earlier exchanges the model is given; 0 means no memory
        seed: of sampling; None draws one
        diversity: weight of the reranker against generic replies; 0 means none
        fallback: say so where the message is mostly unknown, rather than guess
    """

    mode: Mode = "greedy"
    beam: int = 5
    length_penalty: float = 1.0
    temperature: float = 0.7
    topk: int = 0
    topp: float = 0.9
    no_repeat_ngram: int = 4
    min_length: int = 1
    max_length: int = 60
    turns: int = 1
    seed: int | None = None
    diversity: float = 0.0
    fallback: bool = True


# What each setting may be, for the page, the flags and the routes alike.
LIMITS: Mapping[str, tuple[float, float]] = {
    "beam": (1, 20),
    "length_penalty": (0.0, 3.0),
    "temperature": (0.1, 2.0),
    "topk": (0, 1000),
    "topp": (0.05, 1.0),
    "no_repeat_ngram": (0, 10),
    "min_length": (1, 50),
    "max_length": (1, 200),
    "turns": (0, 10),
    "seed": (0, 2**32 - 1),
    "diversity": (0.0, 1.0),
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "precise": {"mode": "beam", "beam": 5, "length_penalty": 1.0, "diversity": 0.0},
    "balanced": {"mode": "greedy", "beam": 5, "diversity": 0.0},
    "lively": {"mode": "sampling", "temperature": 0.9, "topk": 0, "topp": 0.9, "diversity": 0.0},
}


class WrongSettings(ValueError):
    """Settings that cannot be: the sentence for programs, and what a page says in its language.

    Attributes:
        key: of ``strings.LABELS``; empty where no page can ask for it
        values: that its text names, ``name`` being a setting's
    """

    def __init__(self, sentence: str, key: str = "", **values: Any) -> None:
        super().__init__(sentence)
        self.key, self.values = key, values


def make_settings(values: Mapping[str, Any], defaults: Settings = Settings()) -> Settings:
    """Settings from outside, over ``defaults``; a value of None means the default.

    Raises:
        WrongSettings: in one sentence, for an unknown name, a wrong type or a value out of range
    """
    names = {field.name for field in fields(Settings)}
    changes = {}
    for name, value in values.items():
        if name not in names:
            raise WrongSettings(
                f"There is no setting {name!r}: choose among {', '.join(sorted(names))}."
            )
        if value is not None:
            changes[name] = _checked(name, value)
    settings = replace(defaults, **changes)
    if settings.min_length > settings.max_length:
        raise WrongSettings(
            f"min_length ({settings.min_length}) is above max_length ({settings.max_length}).",
            "wrong_lengths",
            shortest=settings.min_length,
            longest=settings.max_length,
        )
    return settings


def _checked(name: str, value: Any) -> Any:
    """A setting's value in its type."""
    if name == "mode":
        if value not in MODES:
            raise WrongSettings(f"mode is {value!r}, but must be one of {', '.join(MODES)}.")
        return value
    if name == "fallback":
        if not isinstance(value, bool):
            raise WrongSettings(f"fallback is {value!r}, but must be true or false.")
        return value
    low, high = LIMITS[name]
    whole = isinstance(low, int)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or (whole and value != int(value)):
        noun = "a whole number" if whole else "a number"
        sentence = f"{name} is {value!r}, but must be {noun} from {low} to {high}."
        raise WrongSettings(sentence, "wrong_range", name=name, low=low, high=high)
    return int(value) if whole else float(value)


@dataclass(frozen=True)
class Candidate:
    """One hypothesis.

    Attributes:
        text: what it says
        score: mean log-probability per piece
        reply_words: the labels of the alignment's rows
        alignment: (reply_words, source_words), each row sums to 1; None without attention
        tokens: number of its pieces
        reranked: the reranker's score, where it was asked for
        plan: what the model decided to speak about, where it says so first
        unfinished: whether the greatest length ended it
        total: log-probability of the whole output, with its plan and its end; None where unknown
    """

    text: str
    score: float
    reply_words: tuple[str, ...] = ()
    alignment: tuple[tuple[float, ...], ...] | None = None
    tokens: int = 0
    reranked: float | None = None
    plan: str = ""
    unfinished: bool = False
    total: float | None = None


@dataclass(frozen=True)
class Reply:
    """An answer, as far as it has come, and what it was made from.

    Attributes:
        text: the answer
        source: the text that the model was given
        source_words, reply_words: the labels of the alignment's columns and rows
        alignment: (reply_words, source_words), each row sums to 1; None without attention
        candidates: all hypotheses, best first, once the reply is whole
        tokens: number of pieces in the answer
        seconds: time that it has taken so far
        first_seconds: time to its first piece
        seed: with which it was drawn; None where nothing was
        kind: ``"model"``, or ``"fallback"`` where the message was mostly unknown
        attends: whether the model has attention at all
        plan: what the model decided to speak about, where it says so first
        unfinished: whether the greatest length ended it
    """

    text: str
    source: str = ""
    source_words: tuple[str, ...] = ()
    reply_words: tuple[str, ...] = ()
    alignment: tuple[tuple[float, ...], ...] | None = None
    candidates: tuple[Candidate, ...] = ()
    tokens: int = 0
    seconds: float = 0.0
    first_seconds: float = 0.0
    seed: int | None = None
    kind: Literal["model", "fallback"] = "model"
    attends: bool = True
    plan: str = ""
    unfinished: bool = False


@dataclass(frozen=True)
class Card:
    """What is known about a model, for its users.

    Attributes:
        name: as the picker shows it
        architecture: for example ``"s2s_attn: GRU with attention, 1 + 1 layers, 192/256"``
        parameters: number of its weights
        vocabulary: number of target pieces
        device: where it runs
        attends: whether it has attention
        data, licence, date: of the training; empty where nobody has said
        scores: name and value, for example perplexity on the validation set
    """

    name: str
    architecture: str = ""
    parameters: int = 0
    vocabulary: int = 0
    device: str = "cpu"
    attends: bool = True
    data: str = ""
    licence: str = ""
    date: str = ""
    scores: tuple[tuple[str, str], ...] = ()


class Responder(Protocol):
    """Anything that answers; several threads may ask at a time."""

    card: Card

    def reply(self, dialog: Sequence[Message], settings: Settings) -> Iterator[Reply]:
        """Answer the last message of ``dialog``; yields the growing reply, the last one whole.

        Closing the iterator ends the work on the reply.
        """
        ...


class Shelf(Protocol):
    """The models that may be talked to, by name; no name is ever a path from outside."""

    names: Sequence[str]  # the first is the default

    def get(self, name: str | None = None) -> Responder:
        """A model, loaded when it is first asked for; None means the default.

        Raises:
            ValueError: in one sentence, for a name that is not on the shelf
        """
        ...


def clean(text: str, longest: int = MAX_MESSAGE_LENGTH) -> str:
    """A message as it may be shown and answered: visible characters only, one line, bounded."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text[: 4 * longest]))
    text = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    return " ".join(text.split())[:longest].strip()


def is_cut(text: str, longest: int) -> bool:
    """Whether :func:`clean` leaves out anything visible that stands not too far behind."""
    return len(text) > longest and clean(text, longest) != clean(text[: 40 * longest], len(text))


def normalise(text: str) -> str:
    """A turn as the model reads it: lower case, no punctuation, full-width letters as ASCII.

    "What's up?" and "whats up" become the same text, as do "你好！" and "你好". A turn of
    punctuation only stays as it is. What SentencePiece writes for a space is one.
    """
    text = "".join(_to_half_width(char) for char in clean(text)).lower().replace("\u2581", " ")
    words = re.sub(r"['’]", "", text)
    words = "".join(" " if unicodedata.category(c)[0] == "P" else c for c in words)
    words = _without_symbols(words)  # last: "<SEP>" and "<s'ep>" have become one
    return " ".join(words.split()) or " ".join(_without_symbols(text).split())


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
