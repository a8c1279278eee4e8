"""Cells agree with the library's, and with the papers' equations written in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from fairseq_plugins.modules.cells import (
    RNN_TYPES,
    CellOptions,
    build_cell,
    join_layers,
    select_layers,
)

LIBRARY_CELLS = {"rnn": nn.RNNCell, "gru": nn.GRUCell, "lstm": nn.LSTMCell}
BATCH, HIDDEN = 4, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, weight, bias):
    """Over the last axis (Ba et al., 2016, eq. 4, with torch's epsilon)."""
    centred = x - x.mean(-1, keepdims=True)
    return weight * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) + bias


def random_cell(**options):
    """A cell in float64 with random weights, gains and biases; its gates and its state."""
    torch.manual_seed(1)
    options = CellOptions(**options)
    cell = build_cell(options, HIDDEN).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter)
    gates = torch.randn(BATCH, cell.num_gates * HIDDEN).double()
    state = {name: torch.randn(BATCH, 1, HIDDEN).double() for name in options.state_names}
    return cell, gates, state


def weights(cell):
    """The cell's weights in NumPy, by their names; a norm as the function that it is."""
    named = {name: tensor.numpy() for name, tensor in cell.state_dict().items()}

    def norm(name):
        weight, bias = named.get(f"{name}.weight"), named.get(f"{name}.bias")
        return (lambda x: x) if weight is None else lambda x: layer_norm(x, weight, bias)

    bias = named.get("recurrent.bias", np.zeros(len(named["recurrent.weight"])))
    return named["recurrent.weight"], bias, norm


def elman(cell, gates, hidden):
    u, b, norm = weights(cell)
    return np.tanh(norm("norm")(gates + hidden @ u.T + b))


def gru(cell, gates, hidden):
    """The reset gate outside or, in the original, inside the product with U^n."""
    u, b, norm = weights(cell)
    h = HIDDEN
    rz = norm("norm_input")(gates[:, : 2 * h])
    rz = sigmoid(rz + norm("norm_recurrent")(hidden @ u[: 2 * h].T + b[: 2 * h]))
    r, z = rz[:, :h], rz[:, h:]
    inner, outer = (r, 1) if cell.options.reset_before else (1, r)
    share = norm("norm_recurrent_new")((inner * hidden) @ u[2 * h :].T + b[2 * h :])
    n = np.tanh(norm("norm_input_new")(gates[:, 2 * h :]) + outer * share)
    return (1 - z) * n + z * hidden


def lstm(cell, gates, hidden, memory):
    u, b, norm = weights(cell)
    total = norm("norm_input")(gates) + norm("norm_recurrent")(hidden @ u.T + b)
    i, f, g, o = np.split(total, 4, axis=1)
    memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(norm("norm_cell")(memory)), memory


FORMULAS = {"rnn": elman, "gru": gru, "lstm": lstm}


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("kind", [*RNN_TYPES, "original gru"])
def test_cell_agrees_with_the_papers_equation(kind, layer_norm):
    rnn_type, before = kind.split()[-1], kind == "original gru"
    cell, gates, state = random_cell(rnn_type=rnn_type, reset_before=before, layer_norm=layer_norm)
    flat = [tensor[:, 0].numpy() for tensor in state.values()]
    expected = FORMULAS[rnn_type](cell, gates.numpy(), *flat)
    expected = expected if isinstance(expected, tuple) else (expected,)
    for tensor, other in zip(cell(gates, state).values(), expected, strict=True):
        np.testing.assert_allclose(tensor[:, 0].detach().numpy(), other, atol=1e-12)


@pytest.mark.parametrize(
    "rnn_type, nonlinearity", [(name, "tanh") for name in RNN_TYPES] + [("rnn", "relu")]
)
def test_cell_agrees_with_the_librarys(rnn_type, nonlinearity):
    cell, gates, state = random_cell(rnn_type=rnn_type, nonlinearity=nonlinearity)
    extra = {"nonlinearity": nonlinearity} if rnn_type == "rnn" else {}
    library = LIBRARY_CELLS[rnn_type](3, HIDDEN, **extra).double()
    library.weight_hh.data.copy_(cell.recurrent.weight)
    library.bias_hh.data.copy_(cell.recurrent.bias)
    inputs = torch.randn(BATCH, 3).double()
    gates = inputs @ library.weight_ih.t() + library.bias_ih
    before = tuple(tensor[:, 0] for tensor in state.values())
    after = library(inputs, before if len(before) > 1 else before[0])
    after = after if isinstance(after, tuple) else (after,)
    for tensor, expected in zip(cell(gates, state).values(), after, strict=True):
        torch.testing.assert_close(tensor[:, 0], expected)


def test_the_reset_gates_place_matters():
    later, gates, state = random_cell(rnn_type="gru")
    before, _, _ = random_cell(rnn_type="gru", reset_before=True)
    before.load_state_dict(later.state_dict())  # one set of names
    difference = before(gates, state)["hidden"] - later(gates, state)["hidden"]
    assert difference.abs().max() > 0.01


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_a_normalised_cell_does_not_see_the_scale_of_its_sums(rnn_type):
    cell, gates, state = random_cell(rnn_type=rnn_type, layer_norm=True)
    cell.recurrent.weight.data.mul_(100)  # beyond the epsilon of the norm
    before = cell(100 * gates, state)
    cell.recurrent.weight.data.mul_(100)
    after = cell(10000 * gates, state)
    torch.testing.assert_close(after["hidden"], before["hidden"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("rnn_type", ["gru", "lstm"])
def test_recurrent_dropout_drops_the_candidate_and_spares_the_memory(rnn_type):
    cell, gates, state = random_cell(rnn_type=rnn_type, recurrent_dropout=0.5)
    name = "cell" if rnn_type == "lstm" else "hidden"
    zero = torch.zeros_like(gates)
    cell.recurrent.weight.data.zero_()
    cell.recurrent.bias.data.zero_()
    # Every gate is open by half, and the candidate is tanh(3): dropped, or doubled.
    part = slice(2 * HIDDEN, 3 * HIDDEN)
    zero[:, part] = 3.0
    written = cell.train()(zero, state)[name] - state[name] / 2
    choices = torch.tensor([0.0, np.tanh(3.0)]).double()
    distance = (written.unsqueeze(-1) - choices).abs()
    assert distance.min(dim=-1).values.max() < 1e-6
    assert set(distance.argmin(dim=-1).flatten().tolist()) == {0, 1}


@pytest.mark.parametrize("rnn_type", ["gru", "lstm"])
def test_recurrent_dropout_is_off_outside_training(rnn_type):
    dropped, gates, state = random_cell(rnn_type=rnn_type, recurrent_dropout=0.5)
    plain, _, _ = random_cell(rnn_type=rnn_type)
    after, expected = dropped.eval()(gates, state), plain(gates, state)
    assert all(torch.equal(after[name], expected[name]) for name in expected)


def test_recurrent_dropout_keeps_the_mean():
    cell, gates, state = random_cell(rnn_type="lstm", recurrent_dropout=0.3)
    many = 20000
    gates, state = (
        gates[:1].expand(many, -1),
        {k: v[:1].expand(many, -1, -1) for k, v in state.items()},
    )
    mean = cell.train()(gates, state)["cell"].mean(dim=0)
    torch.testing.assert_close(mean, cell.eval()(gates, state)["cell"][0], atol=0.02, rtol=0)


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_only_a_plain_cell_has_a_kernel(rnn_type):
    assert CellOptions(rnn_type).has_kernel
    assert not CellOptions(rnn_type, layer_norm=True).has_kernel
    assert not CellOptions("gru", reset_before=True).has_kernel
    assert not CellOptions("lstm", recurrent_dropout=0.1).has_kernel


def test_layers_come_apart_and_together_again():
    state = {"hidden": torch.randn(2, 3, 4), "cell": torch.randn(2, 3, 4)}
    lower, upper = select_layers(state, slice(0, 1)), select_layers(state, slice(1, None))
    joined = join_layers(lower, upper)
    assert all(torch.equal(joined[name], state[name]) for name in state)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"rnn_type": "ltsm"}, "'ltsm'.*rnn, gru, lstm"),
        ({"rnn_type": "rnn", "nonlinearity": "tan"}, "'tan'.*tanh, relu"),
        ({"rnn_type": "lstm", "reset_before": True}, "True.*'lstm'"),
        ({"rnn_type": "rnn", "recurrent_dropout": 0.2}, "0.2.*--rnn-type rnn"),
        ({"rnn_type": "gru", "recurrent_dropout": 1.0}, r"1\.0"),
        ({"rnn_type": "gru", "recurrent_dropout": -0.1}, r"-0\.1"),
    ],
)
def test_bad_options_are_refused_with_both_values(options, match):
    with pytest.raises(ValueError, match=match):
        CellOptions(**options)
