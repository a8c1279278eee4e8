"""Cells and layers agree with the library's, and states keep their layout."""

import pytest
import torch
from torch import nn

from fairseq_plugins.modules.rnn import (
    RNN,
    RNN_TYPES,
    STATE_NAMES,
    build_cell,
    join_layers,
    select_layers,
)

LIBRARY_CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_cell_agrees_with_the_librarys(rnn_type):
    torch.manual_seed(1)
    library = LIBRARY_CELLS[rnn_type](3, 5)
    cell = build_cell(rnn_type, 5)
    cell.recurrent.weight.data.copy_(library.weight_hh)
    cell.recurrent.bias.data.copy_(library.bias_hh)
    inputs = torch.randn(4, 3)
    state = {name: torch.randn(4, 1, 5) for name in STATE_NAMES[rnn_type]}
    gates = inputs @ library.weight_ih.t() + library.bias_ih
    before = tuple(tensor[:, 0] for tensor in state.values())
    after = library(inputs, before if len(before) > 1 else before[0])
    after = after if isinstance(after, tuple) else (after,)
    for tensor, expected in zip(cell(gates, state).values(), after, strict=True):
        torch.testing.assert_close(tensor[:, 0], expected)


def test_relu_cell_agrees_with_the_librarys():
    library = nn.RNNCell(3, 5, nonlinearity="relu")
    cell = build_cell("rnn", 5, "relu")
    cell.recurrent.weight.data.copy_(library.weight_hh)
    cell.recurrent.bias.data.copy_(library.bias_hh)
    inputs, hidden = torch.randn(4, 3), torch.randn(4, 5)
    gates = inputs @ library.weight_ih.t() + library.bias_ih
    after = cell(gates, {"hidden": hidden.unsqueeze(1)})["hidden"][:, 0]
    torch.testing.assert_close(after, library(inputs, hidden))


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_sequence_in_two_parts_equals_the_whole(rnn_type, num_layers):
    rnn = RNN(rnn_type, 3, 5, num_layers=num_layers)
    inputs = torch.randn(2, 7, 3)
    whole, last = rnn(inputs)
    first, state = rnn(inputs[:, :4])
    second, end = rnn(inputs[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    for name, tensor in end.items():
        assert tensor.shape == (2, num_layers, 5)
        torch.testing.assert_close(tensor, last[name])


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padded_sequences_equal_each_alone(rnn_type, bidirectional):
    rnn = RNN(rnn_type, 3, 5, num_layers=2, bidirectional=bidirectional)
    lengths = torch.tensor([2, 6, 1])
    inputs = torch.randn(3, 6, 3)
    outputs, state = rnn.forward_padded(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, last = rnn(inputs[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        assert outputs[row, length:].abs().sum() == 0
        for name, tensor in last.items():
            torch.testing.assert_close(state[name][row], tensor[0])


def test_layers_come_apart_and_together_again():
    state = {"hidden": torch.randn(2, 3, 4), "cell": torch.randn(2, 3, 4)}
    lower, upper = select_layers(state, slice(0, 1)), select_layers(state, slice(1, None))
    joined = join_layers(lower, upper)
    assert all(torch.equal(joined[name], state[name]) for name in state)


@pytest.mark.parametrize(
    "arguments, match", [(("ltsm", "tanh"), "'ltsm'"), (("rnn", "tan"), "'tan'")]
)
def test_unknown_cells_are_refused(arguments, match):
    rnn_type, nonlinearity = arguments
    with pytest.raises(ValueError, match=match):
        build_cell(rnn_type, 4, nonlinearity)
    with pytest.raises(ValueError, match=match):
        RNN(rnn_type, 3, 4, nonlinearity=nonlinearity)
