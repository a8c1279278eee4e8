"""Attention: from a query and a memory to an alignment and a context.

The contract of every attention here: :meth:`project_keys` once per sentence, then one call per
decoding step (or for several queries at once).
"""

import torch
from torch import Tensor, nn


def masked_softmax(energies: Tensor, padding_mask: Tensor) -> Tensor:
    """Softmax over the last dimension that gives exactly 0 to padding; in float32 at least.

    Shape: energies (batch, src_len), padding_mask (batch, src_len), True on padding.
    """
    energies = energies.masked_fill(padding_mask, float("-inf"))
    dtype = torch.promote_types(energies.dtype, torch.float32)
    return torch.softmax(energies, dim=-1, dtype=dtype).type_as(energies)


class BahdanauAttention(nn.Module):
    r"""Additive attention (Bahdanau et al., 2015, arXiv:1409.0473, section 3.1 and A.1.2).

    .. math::
        e_{tj} = v^\top \tanh(W_s s_{t-1} + W_h h_j), \quad
        a_t = \mathrm{softmax}(e_t), \quad
        c_t = \sum_j a_{tj} h_j

    ``query`` is :math:`s_{t-1}`, ``memory`` the :math:`h_j`, ``keys`` the :math:`W_h h_j`,
    ``energies`` the :math:`e_t`, ``alignment`` the :math:`a_t` and ``context`` is :math:`c_t`.

    Args:
        query_dim: size of the query
        memory_dim: size of each memory vector
        attention_dim: size of the hidden layer in which query and memory meet
    """

    def __init__(self, query_dim: int, memory_dim: int, attention_dim: int) -> None:
        super().__init__()
        self.query_proj = nn.Linear(query_dim, attention_dim, bias=False)  # W_s
        self.key_proj = nn.Linear(memory_dim, attention_dim)  # W_h
        self.energy = nn.Linear(attention_dim, 1, bias=False)  # v

    def project_keys(self, memory: Tensor) -> Tensor:
        """Memory (batch, src_len, memory_dim) -> keys (batch, src_len, attention_dim)."""
        return self.key_proj(memory)

    def forward(
        self, query: Tensor, keys: Tensor, memory: Tensor, padding_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One step of attention.

        Args:
            query: (batch, query_dim)
            keys: (batch, src_len, attention_dim), from :meth:`project_keys`
            memory: (batch, src_len, memory_dim), or any linear map of it
            padding_mask: (batch, src_len), True on padding

        Returns:
            context (batch, memory_dim) and alignment (batch, src_len)
        """
        energies = self.energy(torch.tanh(self.query_proj(query).unsqueeze(1) + keys)).squeeze(-1)
        alignment = masked_softmax(energies, padding_mask)
        context = torch.bmm(alignment.unsqueeze(1), memory).squeeze(1)
        return context, alignment
