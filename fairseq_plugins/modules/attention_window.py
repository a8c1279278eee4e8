"""Windows: attention to a part of the sentence only."""

import torch
from torch import Tensor, nn


class Window(nn.Module):
    """The contract: from queries to the logarithm of a factor on each source position.

    An attention adds it to its energies, so that the alignment stays a distribution. At least one
    real position of every sentence must have a factor above 0.
    """

    def forward(self, query: Tensor, padding_mask: Tensor) -> Tensor:
        """The logarithms, ``-inf`` for the factor 0.

        Shape: query (batch, tgt_len, query_dim), padding_mask (batch, src_len), the result
        (batch, tgt_len, src_len); what it says of padding does not matter
        """
        raise NotImplementedError


class LocalPredictiveWindow(Window):
    r"""Local-p (Luong et al., 2015, arXiv:1508.04025, eq. 9-10).

    .. math::
        p_t = S\, \sigma(v_p^\top \tanh(W_p s_t)), \quad
        w_{tj} = \exp\left(-\frac{(j - p_t)^2}{2 (D / 2)^2}\right)
        \text{ for } |j - p_t| \le D, \text{ else } 0

    The sentence has :math:`S` real tokens, and j counts them from 0, so padding on either side
    changes nothing. The alignment is :math:`a_{tj} \propto w_{tj} \exp(e_{tj})`. The paper
    multiplies by :math:`w_{tj}` after the softmax and does not normalise again; here the
    alignment sums to 1, as coverage, copying and guided alignment need it.

    Args:
        query_dim: size of a query
        width: D, the positions on each side of the centre

    Raises:
        ValueError: for a ``width`` below 1, with which a window could be empty
    """

    def __init__(self, query_dim: int, *, width: int) -> None:
        super().__init__()
        if not width >= 1:
            raise ValueError(f"the width of an attention window ({width}) must be at least 1")
        self.width = width
        self.query_proj = nn.Linear(query_dim, query_dim, bias=False)  # W_p
        self.position = nn.Linear(query_dim, 1, bias=False)  # v_p

    def centre(self, query: Tensor, padding_mask: Tensor) -> Tensor:
        """The positions p_t (batch, tgt_len, 1), in float32 at least: a half has no 2049."""
        dtype = torch.promote_types(query.dtype, torch.float32)
        share = torch.sigmoid(self.position(torch.tanh(self.query_proj(query))).to(dtype))
        length = (~padding_mask).sum(dim=1)
        return share * length.view(-1, 1, 1)

    def forward(self, query: Tensor, padding_mask: Tensor) -> Tensor:
        centre = self.centre(query, padding_mask)
        position = (~padding_mask).cumsum(dim=1) - 1  # of each real token in its sentence
        distance = position.unsqueeze(1) - centre  # (batch, tgt_len, src_len)
        log_window = -2 * (distance / self.width) ** 2
        return log_window.masked_fill(distance.abs() > self.width, float("-inf")).type_as(query)
