r"""The plain forms of the recurrences: as they stand in the papers, with any number of derivatives.

What the fast forms are tested against, and what a backward pass that is itself differentiated runs.
"""

import torch
from torch import Tensor
from torch.nn import functional


def plain_attention_recurrence(
    rnn_type: str,
    inputs: Tensor,
    keys: Tensor,
    values: Tensor,
    bias: Tensor,
    input_weight: Tensor,
    input_bias: Tensor,
    query_weight: Tensor,
    energy: Tensor,
    context_weight: Tensor,
    recurrent_weight: Tensor,
    recurrent_bias: Tensor,
    hidden: Tensor,
    cell: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    r"""States, contexts, alignments and last cell; see ``attention_recurrence``.

    .. math::
        e_{tj} = v^\top \tanh(W_s s_{t-1} + k_j) + b_j, \quad
        a_t = \mathrm{softmax}(e_t), \quad c_t = \sum_j a_{tj} h_j, \quad
        s_t = f(W_x x_t + b_x + W_c c_t, U s_{t-1} + b_u)
    """
    states, contexts, alignments = [], [], []
    for gates in functional.linear(inputs, input_weight, input_bias):
        query = functional.linear(hidden, query_weight)
        energies = torch.tanh(query.unsqueeze(1) + keys) @ energy + bias
        alignment = torch.softmax(energies, dim=-1)
        context = torch.einsum("bj,bjd->bd", alignment, values)
        sums = gates + functional.linear(context, context_weight)
        recurrent = functional.linear(hidden, recurrent_weight, recurrent_bias)
        hidden, cell = move(rnn_type, sums, recurrent, hidden, cell)
        states.append(hidden)
        contexts.append(context)
        alignments.append(alignment)
    return torch.stack(states), torch.stack(contexts), torch.stack(alignments), cell


def plain_recurrence(
    rnn_type: str,
    inputs: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor,
    recurrent_bias: Tensor,
    hidden: Tensor,
    cell: Tensor | None,
) -> tuple[Tensor, Tensor | None]:
    r"""States, and cells of an LSTM; see ``recurrence``.

    .. math:: s_t = f(W_x x_t + b_x, U s_{t-1} + b_u)
    """
    states, cells = [], []
    for gates in functional.linear(inputs, input_weight, input_bias):
        recurrent = functional.linear(hidden, recurrent_weight, recurrent_bias)
        hidden, cell = move(rnn_type, gates, recurrent, hidden, cell)
        states.append(hidden)
        if cell is not None:
            cells.append(cell)
    return torch.stack(states), None if cell is None else torch.stack(cells)


def move(
    rnn_type: str, gates: Tensor, recurrent: Tensor, hidden: Tensor, cell: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """One transition of a cell, s_t and c_t; the equations are in ``modules.cells``."""
    if rnn_type == "rnn":
        return torch.tanh(gates + recurrent), None
    if rnn_type == "gru":
        reset, update, new = gates.chunk(3, dim=-1)
        reset_in, update_in, new_in = recurrent.chunk(3, dim=-1)
        new = torch.tanh(new + torch.sigmoid(reset + reset_in) * new_in)
        return torch.lerp(new, hidden, torch.sigmoid(update + update_in)), None
    assert cell is not None  # of an LSTM
    i, f, new, o = (gates + recurrent).chunk(4, dim=-1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(new)
    return torch.sigmoid(o) * torch.tanh(cell), cell
