"""An attention decoder whose query knows the previous word."""

from typing import Any

from torch import Tensor, nn

from .attention_decoder import AttentionRNNDecoder


class WordQueryDecoder(AttentionRNNDecoder):
    r"""The decoder of Gehring et al. (2017a, arXiv:1611.02344, section 2).

    .. math:: d_t = W_d s_{t-1} + b_d + E y_{t-1}

    is the query in place of :math:`s_{t-1}` alone, so that a memory of the embedding's size can be
    searched by the word last written.

    Raises:
        ValueError: where embedding and memory differ in size
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        embed_dim, memory_dim = self.embed_gates.in_features, self.attention.output_dim
        if embed_dim != memory_dim:
            raise ValueError(
                f"the query adds the previous word's embedding (--decoder-embed-dim {embed_dim}) "
                f"to a vector of the memory's size ({memory_dim}): make the two equal"
            )
        self.query_proj = nn.Linear(self.cell.hidden_dim, memory_dim)

    def query(self, hidden: Tensor, embedded: Tensor) -> Tensor:
        """:math:`d_t` of each step."""
        return self.query_proj(hidden) + embedded
