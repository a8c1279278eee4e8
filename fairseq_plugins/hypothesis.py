"""What a search is asked and what it finds, whoever searches: with torch or without."""

import math
from dataclasses import dataclass
from numbers import Integral, Real

from .errors import S2SError

COUNTS = ("beam", "nbest", "min_len", "max_len", "no_repeat_ngram", "topk", "seed")
POSITIVE = ("beam", "nbest", "min_len", "max_len", "temperature")


@dataclass(frozen=True)
class Hypothesis:
    """One output for one input.

    Attributes:
        text: the output as text
        tokens: its pieces, ``</s>`` at the end
        score: mean log-probability per token (natural logarithm, length penalty applied)
        token_scores: log-probability of each token
        source_tokens: the input's pieces, ``</s>`` at the end
        alignment: (tokens, source_tokens), each row sums to 1; None without attention
    """

    text: str
    tokens: list[str]
    score: float
    token_scores: list[float]
    source_tokens: list[str]
    alignment: list[list[float]] | None


def check_settings(**settings: float) -> None:
    """Refuse what no search can run with.

    Raises:
        S2SError: naming it
    """
    for name, value in settings.items():
        _check_number(name, value)
        if name in POSITIVE and value <= 0:
            raise S2SError(f"{name} is {value}, but must be above 0.")
    if settings.get("no_repeat_ngram", 0) < 0:
        raise S2SError(
            f"no_repeat_ngram is {settings['no_repeat_ngram']}, but must not be below 0."
        )
    if settings.get("nbest", 1) > settings.get("beam", 1):
        raise S2SError(f"nbest ({settings['nbest']}) must not be above beam ({settings['beam']}).")
    if settings["min_len"] > settings["max_len"]:
        raise S2SError(
            f"min_len ({settings['min_len']}) must not be above max_len ({settings['max_len']})."
        )


def _check_number(name: str, value: object) -> None:
    """A number; a whole one where something is counted."""
    if not isinstance(value, Real) or not math.isfinite(value):
        raise S2SError(f"{name} is {value!r}, but must be a number.")
    if name in COUNTS and not isinstance(value, Integral):
        raise S2SError(f"{name} is {value!r}, but must be a whole number.")
