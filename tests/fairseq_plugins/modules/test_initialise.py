"""First weights."""

from functools import partial

import pytest
import torch
from torch import nn

from fairseq_plugins.modules.cells import CellOptions, build_cell
from fairseq_plugins.modules.embedding import Embedding
from fairseq_plugins.modules.initialise import initialise
from fairseq_plugins.modules.rnn import CellRNN
from fairseq_plugins.modules.stack import build_rnn


def assert_orthogonal(gate):
    torch.testing.assert_close(gate @ gate.t(), torch.eye(len(gate)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kernel, gates", [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_recurrent_weights_of_each_gate_are_orthogonal(kernel, gates):
    rnn = kernel(3, 5, num_layers=2, bidirectional=True)
    rnn.apply(initialise)
    for gate in rnn.weight_hh_l1_reverse.chunk(gates):
        assert_orthogonal(gate)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("rnn_type, gates", [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_recurrent_weights_of_each_gate_of_a_cell_are_orthogonal(rnn_type, gates, layer_norm):
    options = CellOptions(rnn_type, layer_norm=layer_norm)
    stack = build_rnn(options, 3, 5, num_layers=2, residual_from=2)
    stack.apply(initialise)
    last = stack.layers[-1]
    for gate in (last.cell.recurrent.weight if layer_norm else last.rnn.weight_hh_l0).chunk(gates):
        assert_orthogonal(gate)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_input_weights_are_xavier_for_each_gate(layer_norm):
    """Uniform within the bound of one gate's matrix, which they nearly fill."""
    for layer in (
        CellRNN(build_cell(CellOptions("lstm", layer_norm=layer_norm), 40), 20),
        nn.LSTM(20, 40),
    ):
        layer.apply(initialise)
        weight = layer.input.weight if isinstance(layer, CellRNN) else layer.weight_ih_l0
        for gate in weight.chunk(4):
            bound = (6 / (20 + 40)) ** 0.5
            assert 0.97 * bound < float(gate.detach().abs().max()) <= bound


def test_xavier_recurrent_weights_are_within_one_gates_bound_and_not_orthogonal():
    kernel, cell = nn.GRU(3, 40), build_cell(CellOptions("gru"), 40)
    for module, weight in ((kernel, kernel.weight_hh_l0), (cell, cell.recurrent.weight)):
        module.apply(partial(initialise, recurrent="xavier"))
        bound = (6 / (40 + 40)) ** 0.5
        for gate in weight.detach().chunk(3):
            assert 0.97 * bound < float(gate.abs().max()) <= bound
            assert float((gate @ gate.t() - torch.eye(40)).abs().max()) > 0.1


@pytest.mark.parametrize("forget_bias", [1.0, 2.5])
def test_an_lstms_forget_gate_has_its_bias_and_every_other_is_0(forget_bias):
    kernel, cell = nn.LSTM(3, 2), build_cell(CellOptions("lstm"), 2)
    first = partial(initialise, forget_bias=forget_bias)
    kernel.apply(first)
    cell.apply(first)
    expected = [0.0, 0, forget_bias, forget_bias, 0, 0, 0, 0]
    assert (kernel.bias_ih_l0 + kernel.bias_hh_l0).tolist() == expected
    assert cell.recurrent.bias.tolist() == expected


def test_without_any_other_share_a_first_normalised_forget_gate_is_open_by_its_bias_alone():
    """The bias is outside the norm: the cell keeps sigmoid(2) of itself, and nothing is added."""
    cell = build_cell(CellOptions("lstm", layer_norm=True), 3)
    cell.apply(partial(initialise, forget_bias=2.0))
    state = {"hidden": torch.zeros(1, 1, 3), "cell": torch.tensor([[[1.0, 2.0, -4.0]]])}
    after = cell(torch.zeros(1, 12), state)["cell"]
    torch.testing.assert_close(after, state["cell"] * torch.sigmoid(torch.tensor(2.0)))


def test_norms_keep_a_gain_of_1_and_gates_but_the_forget_gate_a_bias_of_0():
    cell = build_cell(CellOptions("gru", layer_norm=True), 3)
    cell.apply(initialise)
    norms = [module for module in cell.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 4
    assert all(norm.weight.eq(1).all() and norm.bias.eq(0).all() for norm in norms)


def test_an_unknown_word_is_refused():
    with pytest.raises(ValueError, match="'unitary'.*orthogonal, xavier"):
        nn.GRU(3, 4).apply(partial(initialise, recurrent="unitary"))


def test_embeddings_are_of_size_1_and_padding_is_0():
    torch.manual_seed(1)
    embedding = Embedding(2000, 64, padding_idx=1)
    output = embedding(torch.arange(2, 2000))
    assert float(output.std().detach()) == pytest.approx(1, abs=0.01)
    assert embedding(torch.tensor([1])).abs().sum() == 0
