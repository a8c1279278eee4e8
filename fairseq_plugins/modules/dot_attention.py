"""The multiplicative scores: one matrix product gives the energies of all steps."""

from typing import Any

import torch
from torch import Tensor, nn

from .attention import Attention


class DotAttention(Attention):
    r"""The score *dot* of Luong et al. (2015, arXiv:1508.04025, section 3.1).

    .. math::
        e_{tj} = s_t^\top h_j

    ``query`` is :math:`s_t`, and ``keys`` are the memory :math:`h_j` itself.

    Args:
        query_dim: size of the query
        memory_dim: size of each memory vector, the same
        shared: see :class:`Attention`

    Raises:
        ValueError: where the sizes differ
    """

    score = "dot"
    sizes = ("query_dim", "memory_dim")

    def __init__(self, query_dim: int, memory_dim: int, **shared: Any) -> None:
        super().__init__(memory_dim=memory_dim, **shared)
        if query_dim != memory_dim:
            raise ValueError(
                f"--attention-score {self.score} needs a query of the memory's size, but the "
                f"query's is {query_dim} and the memory's {memory_dim}: use general"
            )

    def project_keys(self, memory: Tensor) -> Tensor:
        return memory

    def energies(self, query: Tensor, keys: Tensor, features: Tensor | None) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


class ScaledDotAttention(DotAttention):
    r"""Scaled dot product (Vaswani et al., 2017, arXiv:1706.03762, eq. 1).

    .. math::
        e_{tj} = s_t^\top h_j / \sqrt{\mathrm{query\_dim}}
    """

    score = "scaled-dot"

    def energies(self, query: Tensor, keys: Tensor, features: Tensor | None) -> Tensor:
        return super().energies(query * query.size(-1) ** -0.5, keys, features)


class GeneralAttention(Attention):
    r"""The score *general* of Luong et al. (2015, arXiv:1508.04025, section 3.1).

    .. math::
        e_{tj} = s_t^\top W h_j

    ``keys`` are the :math:`W h_j`, made once per sentence.

    Args:
        query_dim: size of the query
        memory_dim: size of each memory vector
        shared: see :class:`Attention`
    """

    score = "general"
    sizes = ("query_dim", "memory_dim")

    def __init__(self, query_dim: int, memory_dim: int, **shared: Any) -> None:
        super().__init__(memory_dim=memory_dim, **shared)
        self.key_proj = nn.Linear(memory_dim, query_dim, bias=False)  # W

    def project_keys(self, memory: Tensor) -> Tensor:
        return self.key_proj(memory)

    def energies(self, query: Tensor, keys: Tensor, features: Tensor | None) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))
