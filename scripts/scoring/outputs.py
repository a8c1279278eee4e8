"""What every metric is a function of, and what it returns."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outputs:
    """A system's answers to the examples of a test set.

    Attributes:
        texts: one for each example
        references: for each example every output that is right, the main one first
        language: of the outputs, ``en``, ``de``, ``fr`` or ``zh``
        reduce: what counts where there are several references, ``max`` or ``mean``
        scores: binary logarithms of the main references' pieces; None where none were given
    """

    texts: Sequence[str]
    references: Sequence[Sequence[str]]
    language: str = "en"
    reduce: str = "max"
    scores: Sequence[Sequence[float]] | None = None


@dataclass(frozen=True)
class Score:
    """A number and how it came about, in the manner of sacreBLEU's signatures."""

    value: float
    signature: str
