"""Word dropout: the words themselves go missing."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class WordDropout(nn.Module):
    """In training, replace each word by ``<unk>`` with probability ``p``; else change nothing.

    Bowman et al. (2016, arXiv:1511.06349, section 3) weaken a decoder so by hiding its previous
    words, with ``p`` up to 1, so that it has to use the vector of the sentence; on the source side
    it trains the embedding of ``<unk>`` and a guess from what stands around it.

    Args:
        p: the probability of each word to be replaced
        unk: the index of ``<unk>``
        keep: indices that are never replaced, such as those of ``<pad>`` and ``</s>``

    Shape: tokens and result (...)

    Raises:
        ValueError: for a probability outside [0, 1]
    """

    keep: Tensor

    def __init__(self, p: float, unk: int, keep: Sequence[int] = ()) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(
                f"a word is dropped with a probability between 0 and 1, but was given {p}"
            )
        self.p = p
        self.unk = unk
        kept = torch.tensor(list(keep), dtype=torch.long)  # of its own dtype an empty one is float
        self.register_buffer("keep", kept, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """The tokens of one or more sentences, some of them dropped."""
        if not self.training or self.p == 0:
            return tokens
        dropped = torch.rand(tokens.shape, device=tokens.device) < self.p
        return tokens.masked_fill(dropped & ~torch.isin(tokens, self.keep), self.unk)

    def extra_repr(self) -> str:
        return f"p={self.p}"
