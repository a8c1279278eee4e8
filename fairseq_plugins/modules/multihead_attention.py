"""Several additive attentions side by side."""

from typing import Any

import torch
from torch import Tensor, nn

from .attention import Attention


class MultiHeadAttention(Attention):
    r"""Multi-head additive attention (RNMT+: Chen et al., 2018, arXiv:1804.09849, section 4.1).

    .. math::
        e^i_{tj} = v_i^\top \tanh(W^i_s s_t + W^i_h h_j + b^i), \quad
        a^i_t = \mathrm{softmax}(e^i_t), \quad
        c_t = W_o [\textstyle\sum_j a^1_{tj} W^1_v h_j; \dots; \sum_j a^n_{tj} W^n_v h_j]

    The additive score in the heads of Vaswani et al. (2017, arXiv:1706.03762, section 3.2.2).
    ``query_proj``, ``key_proj`` and ``value_proj`` hold the heads' projections one above the
    other, ``energy`` the :math:`v_i` as rows, ``output_proj`` is :math:`W_o`. Each head has
    attention_dim / heads hidden units and memory_dim / heads values. The alignment is the mean of
    the heads'; window and temperature are the same for all.

    Args:
        query_dim: size of the query
        memory_dim: size of each memory vector, and of the context
        attention_dim: size of the hidden layers of all heads together
        heads: number of heads
        shared: see :class:`Attention`

    Raises:
        ValueError: where ``heads`` does not divide ``attention_dim`` and ``memory_dim``
    """

    score = "multi-head-additive"
    sizes = ("query_dim", "memory_dim", "attention_dim", "heads")

    def __init__(
        self, query_dim: int, memory_dim: int, attention_dim: int, heads: int, **shared: Any
    ) -> None:
        super().__init__(memory_dim=memory_dim, **shared)
        for name, size in (("attention_dim", attention_dim), ("memory_dim", memory_dim)):
            if heads < 1 or size % heads:
                raise ValueError(
                    f"{name} ({size}) must be divisible by --attention-heads ({heads})"
                )
        self.heads = heads
        self.query_proj = nn.Linear(query_dim, attention_dim, bias=False)  # W_s
        self.key_proj = nn.Linear(memory_dim, attention_dim)  # W_h, b
        self.energy = nn.Parameter(torch.empty(heads, attention_dim // heads))  # v
        self.value_proj = nn.Linear(memory_dim, memory_dim, bias=False)  # W_v
        self.output_proj = nn.Linear(memory_dim, memory_dim, bias=False)  # W_o
        nn.init.uniform_(self.energy, -(self.energy.size(1) ** -0.5), self.energy.size(1) ** -0.5)

    def project_keys(self, memory: Tensor) -> Tensor:
        return self.key_proj(memory)

    def project_values(self, memory: Tensor) -> Tensor:
        return self.value_proj(memory)

    def energies(self, query: Tensor, keys: Tensor, features: Tensor | None) -> Tensor:
        """Unnormalised scores of each head: (batch, heads, tgt_len, src_len)."""
        query = self.query_proj(query).unflatten(-1, self.energy.shape)
        keys = keys.unflatten(-1, self.energy.shape)
        meeting = torch.tanh(query.unsqueeze(2) + keys.unsqueeze(1))  # (b, tgt, src, heads, dim)
        return (meeting * self.energy).sum(dim=-1).permute(0, 3, 1, 2)

    def mix(self, weights: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Attention.mix`; weights (batch, heads, tgt_len, src_len)."""
        contexts = torch.matmul(weights, self._split(values))  # (batch, heads, tgt_len, head_dim)
        return self.output_proj(contexts.transpose(1, 2).flatten(2)), weights.mean(dim=1)

    def _split(self, tensor: Tensor) -> Tensor:
        """(batch, len, heads * head_dim) -> (batch, heads, len, head_dim)."""
        return tensor.unflatten(-1, (self.heads, -1)).transpose(1, 2)
