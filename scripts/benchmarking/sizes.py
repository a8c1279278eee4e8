"""What every system is given alike: dimensions, regularisation, optimiser."""

from dataclasses import dataclass


class BenchmarkError(Exception):
    """Why a benchmark cannot be run, in one sentence."""


@dataclass(frozen=True)
class Sizes:
    """Equal dimensions for all, and how far the shapes are scaled down for a trial.

    Attributes:
        embed_dim: of source, target and output, one matrix for all three
        hidden_dim: of the encoder per direction, of the decoder, and of the additive scores
        vocabulary: symbols of the made-up data; real data bring their own
        shrink: lengths and batches are divided by this
    """

    embed_dim: int = 256
    hidden_dim: int = 512
    vocabulary: int = 8004
    shrink: int = 1
    dropout: float = 0.2
    label_smoothing: float = 0.1
    clip_norm: float = 1.0
    learning_rate: float = 0.0005
    beam: int = 5
    matrix: int = 2048

    def less(self, amount: int) -> int:
        """A length or a batch, scaled down for a trial; at least 2."""
        return max(amount // self.shrink, 2)


FULL = Sizes()
TINY = Sizes(embed_dim=8, hidden_dim=12, vocabulary=50, shrink=20, matrix=32)
