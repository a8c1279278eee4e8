"""Recurrent layers over right-padded rows of different lengths, without packing the rows.

Every row runs to the end of the batch, and what padding has made is put right: outputs there become
0, the last hidden state is that of the last real step, and the backward direction reads each row
reversed within its length. So a kernel sees plain rectangles, for which it is faster: the
library's, or our own recurrence. The plain twin is ``pack_padded_sequence`` around the same module.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from .recurrence import PreparedLayer, recurrence
from .recurrence import Weights as RecurrenceWeights

FUSED = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn"}  # what our own recurrence computes
KERNELS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
}
SHUT = 1e4  # its sigmoid is 1, and that of its negative 0, in every floating type

Weights = Sequence[Tensor]  # of one layer and direction: input, recurrent, and a bias of each
First = Sequence[Tensor] | None  # hidden and, of an LSTM, cell (batch, hidden_dim); None for zeros


class Rows(NamedTuple):
    """What one layer reads in one direction."""

    inputs: Tensor  # (batch, len, input_dim)
    lengths: Tensor | None  # (batch,); None where there is no padding
    padding: Tensor | None  # (batch, len, 1), True on padding

    def without_padding(self, outputs: Tensor) -> Tensor:
        """Outputs (batch, len, dim) with 0 on padding."""
        return outputs if self.padding is None else outputs.masked_fill(self.padding, 0)

    def last_of(self, outputs: Tensor) -> Tensor:
        """The last real step of each row: (batch, len, dim) -> (batch, dim)."""
        if self.lengths is None:
            return outputs[:, -1]
        at_end = (self.lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.size(2))
        return outputs.gather(1, at_end).squeeze(1)

    def reversed(self) -> "Rows":
        """For the other direction."""
        return self._replace(inputs=reverse_padded(self.inputs, self.lengths))


# One layer in one direction: mode, rows, the layer, its first states.
Direction = Callable[[str, Rows, Any, First], tuple[Tensor, ...]]


def unpacked_rnn(
    mode: str,
    inputs: Tensor,
    lengths: Tensor | None,
    weights: Sequence[Weights | PreparedLayer],
    *,
    first: Sequence[Tensor] | None = None,
    bidirectional: bool = False,
    dropout: float = 0.0,
    precision: str | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` gives for packed rows.

    Args:
        mode: a key of ``KERNELS``, as the module's ``mode``
        inputs: (batch, len, input_dim), padded on the right with anything
        lengths: (batch,), between 1 and len; None where all are len
        weights: the module's ``all_weights``, or a prepared layer for each
        first: the first states, hidden and for an LSTM cell, (layers, batch, hidden_dim), of one
            direction; None for zeros
        bidirectional: whether each layer has two directions
        dropout: probability of dropping an activation between two layers
        precision: of our own recurrence (see ``recurrence``); None for the library's kernel

    Returns:
        outputs (batch, len, directions * hidden_dim), 0 on padding, and the last states, hidden and
        for an LSTM cell: (layers * directions, batch, hidden_dim)
    """
    run = choose_direction(weights[0], precision)
    padding = None
    if lengths is not None:
        lengths = lengths.to(inputs.device)
        steps = torch.arange(inputs.size(1), device=inputs.device)
        padding = (steps >= lengths.unsqueeze(1)).unsqueeze(-1)
    rows, states = Rows(inputs, lengths, padding), []
    rows = rows._replace(inputs=rows.without_padding(inputs))
    directions = 2 if bidirectional else 1
    for layer in range(0, len(weights), directions):
        if layer > 0:
            rows = rows._replace(inputs=functional.dropout(rows.inputs, dropout))
        own = None if first is None else [state[layer] for state in first]
        outputs, *last = run(mode, rows, weights[layer], own)
        states.append(last)
        if bidirectional:
            back, *last = run(mode, rows.reversed(), weights[layer + 1], None)
            states.append(last)
            outputs = torch.cat([outputs, reverse_padded(back, lengths)], dim=-1)
        rows = rows._replace(inputs=outputs)
    return rows.inputs, tuple(torch.stack(tensors) for tensors in zip(*states, strict=True))


def choose_direction(layer: Weights | PreparedLayer, precision: str | None) -> Direction:
    """What runs a layer like this one in one direction."""
    if isinstance(layer, PreparedLayer):
        return prepared_direction
    return kernel_direction if precision is None else partial(fused_direction, precision)


def kernel_direction(mode: str, rows: Rows, weights: Weights, first: First) -> tuple[Tensor, ...]:
    """One layer in one direction: outputs, 0 on padding, and the last states (batch, dim)."""
    inputs = rows.inputs
    own = first_states(mode, inputs, weights[1].size(1), first)
    states = [state.unsqueeze(0) for state in own]
    if mode == "LSTM" and rows.padding is not None:
        inputs, weights = hold_cell(inputs, rows.padding, weights)
    # Biases, one layer, no dropout, gradients or not, one direction, batch first.
    settings = (True, 1, 0.0, torch.is_grad_enabled(), False, True)
    start = tuple(states) if mode == "LSTM" else states[0]
    outputs, *last = KERNELS[mode](inputs, start, weights, *settings)
    outputs = rows.without_padding(outputs)
    return outputs, rows.last_of(outputs), *(cell[0] for cell in last[1:])


def fused_direction(
    precision: str, mode: str, rows: Rows, weights: Weights, first: First
) -> tuple[Tensor, ...]:
    """The same by our own recurrence, in float32 at least, as its outputs are."""
    dtype = torch.promote_types(weights[0].dtype, torch.float32)
    states = first_states(mode, rows.inputs, weights[1].size(1), first)
    outputs, cells = recurrence(
        FUSED[mode],
        rows.inputs.transpose(0, 1).to(dtype),
        RecurrenceWeights(*(weight.to(dtype) for weight in weights)),
        *(state.to(dtype) for state in states),
        precision=precision,
    )
    return batch_first(rows, outputs, cells)


def prepared_direction(
    mode: str, rows: Rows, layer: PreparedLayer, first: First
) -> tuple[Tensor, ...]:
    """The same, without gradients, by a prepared layer."""
    states = first_states(mode, rows.inputs, layer.hidden_dim, first)
    outputs, cells = layer(rows.inputs.transpose(0, 1).contiguous(), *states)
    return batch_first(rows, outputs, cells)


def batch_first(rows: Rows, outputs: Tensor, cells: Tensor | None) -> tuple[Tensor, ...]:
    """What a recurrence gives (len, batch, hidden_dim), as :func:`kernel_direction` gives it."""
    outputs = rows.without_padding(outputs.transpose(0, 1))
    last = [outputs] if cells is None else [outputs, cells.transpose(0, 1)]
    return outputs, *(rows.last_of(steps) for steps in last)


def first_states(mode: str, inputs: Tensor, hidden_dim: int, first: First) -> Sequence[Tensor]:
    """Given ones, or zeros."""
    if first is not None:
        return first
    zeros = inputs.new_zeros(len(inputs), hidden_dim)
    return [zeros] * (2 if mode == "LSTM" else 1)


def hold_cell(inputs: Tensor, padding: Tensor, weights: Weights) -> tuple[Tensor, Weights]:
    r"""Inputs and weights with which an LSTM's cell stays what it is on padding, exactly.

    One more input tells padding, and its weights open the forget gate and shut the input gate:
    :math:`c_t = 1 \cdot c_{t-1} + 0 \cdot \tilde{c}_t`. The cell is not among the kernel's outputs,
    so its last value is the only one that can be had.
    """
    input_weight, *others = weights
    gate = input_weight.size(0) // 4  # the gates: input, forget, candidate, output
    column = input_weight.new_zeros(len(input_weight), 1)
    column[:gate], column[gate : 2 * gate] = -SHUT, SHUT
    told = torch.cat([inputs, padding.to(inputs.dtype)], dim=-1)
    return told, (torch.cat([input_weight, column], dim=1), *others)


def reverse_padded(inputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Reverse the real part of each right-padded row; the padding stays at the end.

    Shape: inputs (batch, len, dim), lengths (batch,) or None for len -> (batch, len, dim)
    """
    if lengths is None:
        return inputs.flip(1)
    steps = torch.arange(inputs.size(1), device=inputs.device)
    last = lengths.to(inputs.device).unsqueeze(1) - 1
    index = torch.where(steps > last, steps, last - steps)  # (batch, len)
    return inputs.gather(1, index.unsqueeze(-1).expand_as(inputs))
