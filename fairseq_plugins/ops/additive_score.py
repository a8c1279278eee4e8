r"""The additive score of one query for each row, in buffers, forward and backward.

.. math:: e_j = v^\top \tanh(q + k_j)

with the query q (already multiplied by :math:`W_s`) and the keys :math:`k_j = W_h h_j + b`
(Bahdanau et al., 2015, arXiv:1409.0473, A.1.2). The backward pass computes the hidden layer again
from the query: nothing of its size is kept from query to query, so memory does not grow with their
number.
"""

import math

import torch
from torch import Tensor

MAX_EXPONENT = 40.0  # exp(2 * 40) and its inverse are float32 numbers with room to spare


class TanhScore:
    r"""The plain form: a tanh for each query, position and hidden unit.

    A subclass writes the hidden layer as another u with :math:`\tanh = offset + scale \cdot u` and
    :math:`\tanh' = slope\_scale \cdot slope(u)`.

    Args:
        keys: (batch, src_len, attention_dim)
        energy: v (attention_dim,)
    """

    offset = 0.0
    scale = 1.0
    slope_scale = 1.0

    def __init__(self, keys: Tensor, energy: Tensor) -> None:
        self.keys, self.energy = keys, energy
        self.weight = energy * self.scale
        self.hidden = torch.empty_like(keys)
        self.rows = self.hidden.view(-1, keys.size(-1))  # (batch * src_len, attention_dim)

    def prepare(self, query: Tensor) -> None:
        """Turn queries of any shape, in place, into what the other methods take."""

    def meet(self, query: Tensor) -> None:
        """Fill ``hidden`` with u."""
        torch.add(self.keys, query.unsqueeze(1), out=self.hidden).tanh_()

    def to_slope(self) -> None:
        """Turn u in ``hidden`` into its slope."""
        self.hidden.square_().neg_().add_(1)

    def forward(self, query: Tensor, energies: Tensor) -> None:
        """Score.

        Args:
            query: (batch, attention_dim), prepared
            energies: (batch, src_len), contiguous; is filled, without the constant
                ``offset * v.sum()``, which no softmax sees
        """
        self.meet(query)
        torch.mv(self.rows, self.weight, out=energies.view(-1))

    def start_backward(self) -> None:
        """Make the buffers in which :meth:`backward` sums."""
        self.d_keys = torch.zeros_like(self.keys)
        self.d_energy = torch.zeros_like(self.energy)
        self.slope_weight = self.energy * self.slope_scale

    def backward(self, query: Tensor, d_energies: Tensor, d_query: Tensor) -> None:
        """Fill ``d_query`` (batch, attention_dim); sum up the other gradients."""
        self.meet(query)
        self.d_energy.addmv_(self.rows.t(), d_energies.reshape(-1), alpha=self.scale)
        self.to_slope()
        self.d_keys.addcmul_(self.hidden, d_energies.unsqueeze(-1))
        through = torch.bmm(d_energies.unsqueeze(1), self.hidden).squeeze(1)
        torch.mul(through, self.slope_weight, out=d_query)

    def gradients(self) -> tuple[Tensor, Tensor]:
        """Of the keys and of v, over all queries; of v without the constant's share."""
        return self.d_keys.mul_(self.slope_weight), self.d_energy


class ExponentialScore(TanhScore):
    r"""The same without a transcendental function of the hidden layer's size.

    .. math::
        \tanh(q + k) = 1 - 2u, \quad u = \frac{1}{1 + e^{2k} e^{2q}}, \quad \tanh' = 4 (u - u^2)

    exactly: :math:`e^{2k}` is made once, :math:`e^{2q}` is small. On a CPU the energies take an
    eighth of the time. Only for keys and queries within ``MAX_EXPONENT`` of 0, see
    :func:`in_range`, and in float32 at least.
    """

    offset = 1.0
    scale = -2.0
    slope_scale = 4.0

    def __init__(self, keys: Tensor, energy: Tensor) -> None:
        super().__init__(torch.exp(keys * 2), energy)

    def prepare(self, query: Tensor) -> None:
        """See :meth:`TanhScore.prepare`: :math:`e^{2q}`."""
        query.mul_(2).exp_()

    def meet(self, query: Tensor) -> None:
        """See :meth:`TanhScore.meet`."""
        torch.mul(self.keys, query.unsqueeze(1), out=self.hidden).add_(1).reciprocal_()

    def to_slope(self) -> None:
        """See :meth:`TanhScore.to_slope`: :math:`u - u^2`."""
        self.hidden.addcmul_(self.hidden, self.hidden, value=-1)


def in_range(vectors: Tensor) -> bool:
    """Whether keys or queries of any shape may enter the exponential form; never for NaN."""
    low, high = torch.aminmax(vectors)
    return low.item() >= -MAX_EXPONENT and high.item() <= MAX_EXPONENT


def in_prepared_range(exponentials: Tensor) -> bool:
    """The same for what :meth:`ExponentialScore.prepare` has made of queries."""
    low, high = torch.aminmax(exponentials)
    bound = math.exp(2 * MAX_EXPONENT)
    return low.item() >= 1 / bound and high.item() <= bound
