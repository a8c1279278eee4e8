"""What is checked, and what is found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from fairseq.data import Dictionary
from torch import Tensor

from .._whole_texts import Pair, force
from ..hub import Seq2Seq
from ..model_card import StoredLoss
from ..models import S2SModel

TOLERANCE = 1e-4  # between two ways to a log-probability, in float32
TOGETHER = 16  # pairs in a batch


@dataclass(frozen=True)
class Finding:
    """What a law says of a model.

    Attributes:
        law: in a few words
        holds: or None where it could not be checked
        detail: the evidence; where it does not hold also what it may come from
    """

    law: str
    holds: bool | None
    detail: str


@dataclass(frozen=True)
class Subject:
    """A model and its data.

    Attributes:
        model: as it was trained, not prepared for generation
        prepared: the same as users get it, in fp32
        pairs: of the data, or made of random words
        real: whether they are of the data
        subset: which of the data they are; None where they are text
        stored_loss: on the validation data, as the checkpoint has it, or None
        beside: the checkpoint's own folder
        languages: of source and target
    """

    model: S2SModel
    prepared: Seq2Seq
    pairs: Sequence[Pair]
    real: bool
    subset: str | None = None
    stored_loss: StoredLoss | None = None
    beside: Path | None = None
    languages: tuple[str, str] = ("", "")

    @property
    def source(self) -> Dictionary:
        """The source dictionary."""
        return self.prepared.task.source_dictionary

    @property
    def target(self) -> Dictionary:
        """The target dictionary."""
        return self.prepared.task.target_dictionary

    def some(self, count: int) -> Sequence[Pair]:
        """At most ``count`` pairs, from all over the data."""
        return spread(self.pairs, count)

    @cached_property
    def log_probabilities(self) -> Tensor:
        """Of each pair's target (pairs,)."""
        return log_probabilities(self.model, self.pairs)


def spread(pairs: Sequence[Pair], count: int) -> Sequence[Pair]:
    """At most ``count`` pairs, from all over the data."""
    if len(pairs) <= count:
        return pairs
    return [pairs[place * len(pairs) // count] for place in range(count)]


def log_probabilities(model: S2SModel, pairs: Sequence[Pair]) -> Tensor:
    """Of each target (pairs,), by teacher forcing."""
    return torch.tensor([sum(scores) for scores in force(model, pairs)])


def batches(pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
    """Some at a time, of different lengths where they are."""
    for start in range(0, len(pairs), TOGETHER):
        yield pairs[start : start + TOGETHER]


def random_pairs(source: Dictionary, target: Dictionary, count: int) -> list[Pair]:
    """Pairs of random words, of 1 to 20 of them, always the same ones."""
    generator = torch.Generator().manual_seed(1)

    def sentence(dictionary: Dictionary) -> Tensor:
        length = int(torch.randint(1, 21, (), generator=generator))
        words = torch.randint(dictionary.nspecial, len(dictionary), (length,), generator=generator)
        return torch.cat([words, torch.tensor([dictionary.eos()])])

    return [(sentence(source), sentence(target)) for _ in range(count)]
