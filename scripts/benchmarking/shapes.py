"""What is measured on which batches, and which systems take part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fairseq.tasks.translation import TranslationTask

from .data import Data, equal_batch, test_batches, training_batches
from .sizes import Sizes
from .systems import BASE, GENERATION, TRAINING

ROOFLINE = "torch.mm"
OURS = "s2s_attn_lstm"
CORE = (BASE, OURS, "s2s_attn_gru")
EXTRA = (
    "s2s_attn_lstm_bf16",
    "s2s_attn_readout_attention",
    "s2s",
    "joeynmt_lstm",
    "opennmt_lstm",
)
EXTRA_ROUNDS = 1
LENGTHS = (25, 50, 100, 200)
TOKENS = 2000

Make = Callable[[Data, TranslationTask, Sizes, int], list[Any]]


@dataclass(frozen=True)
class Shape:
    """A kind of batch.

    Attributes:
        make: makes the batches of the rounds
        systems: take part in all rounds
        extra: take part in the first round only, for the figure
        memory: the peak memory of a step is measured too
        generates: the systems are those of generation
    """

    make: Make
    systems: tuple[str, ...]
    extra: tuple[str, ...] = ()
    memory: bool = False
    generates: bool = False

    @property
    def takes_part(self) -> tuple[str, ...]:
        """The names of all its systems."""
        return (*self.systems, *self.extra)


def natural(max_tokens: int) -> Make:
    """Multi30k at ``--max-tokens``."""

    def make(data: Data, task: TranslationTask, sizes: Sizes, rounds: int) -> list[Any]:
        return training_batches(data, task, sizes.less(max_tokens), rounds)

    return make


def equal(sentences: int, source: int, target: int) -> Make:
    """Random sentences of one length."""

    def make(data: Data, task: TranslationTask, sizes: Sizes, rounds: int) -> list[Any]:
        less = sizes.less
        return [equal_batch(data, less(sentences), less(source), less(target))]

    return make


def searched(sentences: int, batches: int) -> Make:
    """Test sentences; a round translates ``batches`` batches."""

    def make(data: Data, task: TranslationTask, sizes: Sizes, rounds: int) -> list[Any]:
        size = 1 if sentences == 1 else sizes.less(sentences)
        chosen = test_batches(data, size, batches * rounds)
        return [chosen[k::rounds] for k in range(rounds)]

    return make


def shapes() -> dict[str, Shape]:
    """All of them, by name, in the order in which they are measured."""
    table = {
        "multi30k_2000": Shape(natural(TOKENS), (*TRAINING, ROOFLINE), memory=True),
        "multi30k_4000": Shape(natural(2 * TOKENS), CORE),
    }
    for length in LENGTHS:
        table[f"len{length}"] = Shape(
            equal(TOKENS // length, length, length), CORE, EXTRA, memory=True
        )
    pair = (BASE, OURS)
    for length in LENGTHS:
        table[f"src{length}_tgt50"] = Shape(equal(10, length, 50), pair)
    for length in LENGTHS:
        table.setdefault(f"src50_tgt{length}", Shape(equal(10, 50, length), pair))
    table["beam5_b64"] = Shape(searched(64, 1), tuple(GENERATION), generates=True)
    table["beam5_b1"] = Shape(searched(1, 8), tuple(GENERATION), generates=True)
    return table
