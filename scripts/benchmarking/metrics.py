"""The metrics by name: which system on which batches against which other."""

from dataclasses import dataclass

from .shapes import OURS, ROOFLINE
from .systems import BASE


@dataclass(frozen=True)
class Speed:
    """How many times as fast as ``base`` a system is; more is better."""

    shape: str
    system: str
    base: str = BASE


@dataclass(frozen=True)
class Memory:
    """Peak memory of a step over that of another, each a (system, shape); less is better."""

    upper: tuple[str, str]
    lower: tuple[str, str]

    @property
    def pairs(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Numerator and denominator."""
        return self.upper, self.lower


@dataclass(frozen=True)
class Roofline:
    """The share of the machine's matrix-product rate that a training step reaches."""

    shape: str = "multi30k_2000"
    system: str = OURS
    roofline: str = ROOFLINE


METRICS: dict[str, Speed | Memory | Roofline] = {
    "train_2000_lstm": Speed("multi30k_2000", OURS),
    "train_4000_lstm": Speed("multi30k_4000", OURS),
    "train_2000_gru": Speed("multi30k_2000", "s2s_attn_gru"),
    "train_len100_lstm": Speed("len100", OURS),
    "train_len200_lstm": Speed("len200", OURS),
    "train_2000_lstm_bf16": Speed("multi30k_2000", "s2s_attn_lstm_bf16"),
    "train_2000_plain": Speed("multi30k_2000", "s2s"),
    "train_2000_readout_attention": Speed("multi30k_2000", "s2s_attn_readout_attention"),
    "train_2000_vs_joeynmt": Speed("multi30k_2000", OURS, "joeynmt_lstm"),
    "train_2000_vs_opennmt": Speed("multi30k_2000", OURS, "opennmt_lstm"),
    "memory_2000": Memory((OURS, "multi30k_2000"), (BASE, "multi30k_2000")),
    "memory_len100": Memory((OURS, "len100"), (BASE, "len100")),
    "memory_len200": Memory((OURS, "len200"), (BASE, "len200")),
    "memory_growth": Memory((OURS, "len200"), (OURS, "len100")),
    "roofline_train": Roofline(),
} | {
    f"beam5_b{sentences}_{precision}": Speed(f"beam5_b{sentences}", f"s2s_attn_{precision}")
    for sentences in (64, 1)
    for precision in ("fp32", "bf16", "int8")
}
