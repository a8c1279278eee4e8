r"""One step of generation with attention: everything that a sentence or a word decides is at hand.

.. math::
    a_t = \mathrm{softmax}(v^\top \tanh(W_s s_{t-1} + k)), \quad
    s_t = f(x_t + \sum_j a_{tj} (W_c h_j), U s_{t-1} + b)

The mixed values are not the memory :math:`h_j` but what the context is multiplied by,
:math:`W_c h_j` (and the readout's share): the sum commutes with the product, so a step has one
matrix product less. The k hypotheses of a sentence share its keys and values.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .additive_score import in_range
from .attention_step import padding_bias
from .cells import CELL_OPS
from .packed_linear import Product


class Sentences(NamedTuple):
    """What a step reads of the source, made once for each sentence."""

    keys: Tensor  # e^{2k} where ``exponential``, else k (sentences, src_len, attention_dim)
    values: Tensor  # (sentences, src_len, values_dim)
    bias: Tensor  # 0 on words, minus infinity on padding (sentences, 1, src_len)
    exponential: bool


def sentences(keys: Tensor, values: Tensor, padding_mask: Tensor) -> Sentences:
    """The sentences of a batch, in the exponential form of the energies where it is exact.

    On a CPU only: elsewhere a tanh costs nothing and to look at the keys would.
    """
    bias = padding_bias(padding_mask, keys.dtype).unsqueeze(1)
    exponential = keys.device.type == "cpu" and in_range(keys)
    return Sentences(torch.exp(keys * 2) if exponential else keys, values, bias, exponential)


class DecodingStep:
    """The attending layer, for any number of hypotheses of each sentence.

    Args:
        rnn_type: ``"rnn"`` (tanh), ``"gru"`` or ``"lstm"``
        from_state: s -> [W_s s; U s + b], (rows, hidden_dim) -> (rows, attention_dim + G)
        energy: v (attention_dim,)
    """

    def __init__(self, rnn_type: str, from_state: Product, energy: Tensor) -> None:
        self.op = CELL_OPS[rnn_type]
        self.from_state = from_state
        self.energy = energy

    def __call__(
        self, source: Sentences, gates: Tensor, hidden: Tensor, cell: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """One word for each hypothesis.

        Args:
            source: n sentences; the hypotheses of a sentence are neighbours in the rows
            gates: the word's share (rows, G); may be overwritten
            hidden, cell: the states before (rows, hidden_dim)

        Returns:
            the new state; the new cell, or None; the mixed values without their first G columns,
            which have entered the cell, (rows, values_dim - G); alignment (rows, src_len)
        """
        shares = self.from_state(hidden)
        attention_dim = len(self.energy)
        query = shares[:, :attention_dim].unflatten(0, (len(source.keys), -1))
        alignment = torch.softmax(self.energies(source, query).add_(source.bias), dim=-1)
        mixed = torch.bmm(alignment, source.values).flatten(0, 1)
        gates_dim = gates.size(1)
        gates = gates + mixed[:, :gates_dim]
        states = hidden.new_empty(2, *hidden.shape)
        states[0] = hidden
        memory = self.op.memory(1, hidden, cell)
        self.op.forward(0, gates, shares[:, attention_dim:], states, memory)
        new_cell = memory[1] if self.op.has_cell else None
        return states[1], new_cell, mixed[:, gates_dim:], alignment.flatten(0, 1)

    def energies(self, source: Sentences, query: Tensor) -> Tensor:
        """But for a constant: query (sentences, k, attention_dim) -> (sentences, k, src_len)."""
        keys = source.keys.unsqueeze(1)
        query = query.unsqueeze(2)
        if not source.exponential:
            return torch.tanh(keys + query) @ self.energy
        if in_range(query):
            exponentials = torch.exp(query * 2)
            return torch.mul(keys, exponentials).add_(1).reciprocal_() @ (self.energy * -2)
        return torch.tanh(keys.log().div_(2) + query) @ self.energy
