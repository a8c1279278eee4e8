"""Rows that are not packed against the library's packed ones: outputs, states and gradients."""

import pytest
import torch
from torch import nn

from fairseq_plugins.ops.unpacked_rnn import hold_cell, unpacked_rnn

LENGTHS = torch.tensor([4, 7, 1, 5, 7, 2])
PADDING = (torch.arange(7) >= LENGTHS.unsqueeze(1)).unsqueeze(-1)
KERNELS = {
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
    "tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "relu": (nn.RNN, {"nonlinearity": "relu"}),
}


def make_kernel(kind, dtype=torch.double, **settings):
    torch.manual_seed(1)
    cls, extra = KERNELS[kind]
    return cls(3, 5, batch_first=True, **extra, **settings).to(dtype)


def make_inputs(dtype=torch.double):
    """Rows with NaN for padding."""
    generator = torch.Generator().manual_seed(2)
    inputs = torch.randn(6, 7, 3, generator=generator, dtype=torch.double).to(dtype)
    return inputs.masked_fill(PADDING, float("nan")).requires_grad_()


def packed(kernel, inputs):
    """The plain twin: outputs and last states."""
    rows = nn.utils.rnn.pack_padded_sequence(
        inputs, LENGTHS, batch_first=True, enforce_sorted=False
    )
    outputs, last = kernel(rows)
    outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True, total_length=7)
    return outputs, *(last if isinstance(last, tuple) else (last,))


def unpacked(kernel, inputs):
    outputs, states = unpacked_rnn(
        kernel.mode,
        inputs,
        LENGTHS,
        kernel.all_weights,
        bidirectional=kernel.bidirectional,
        dropout=kernel.dropout,
    )
    return outputs, *states


def with_gradients(run, kernel, inputs):
    """What a run gives, and the gradients of a random sum of it."""
    made = run(kernel, inputs)
    torch.manual_seed(3)
    loss = sum((tensor.double() * torch.randn(tensor.shape).double()).sum() for tensor in made)
    return [*made, *torch.autograd.grad(loss, [inputs, *kernel.parameters()])]


def assert_equal_to_packed(kernel, inputs, tolerance):
    expected = with_gradients(packed, kernel, inputs)
    found = with_gradients(unpacked, kernel, inputs)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("kind", KERNELS)
def test_they_equal_packed_rows(kind, num_layers, bidirectional, training):
    kernel = make_kernel(kind, num_layers=num_layers, bidirectional=bidirectional)
    assert_equal_to_packed(kernel.train(training), make_inputs(), 1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", KERNELS)
def test_they_equal_packed_rows_in_single_precision(kind, training):
    """Which is what oneDNN computes, where it is there."""
    kernel = make_kernel(kind, torch.float, num_layers=2, bidirectional=True)
    assert_equal_to_packed(kernel.train(training), make_inputs(torch.float), 1e-5)


@pytest.mark.parametrize("kind", ["lstm", "gru", "tanh"])  # a rounding error is one, not a kink's
def test_under_autocast_they_are_close_to_packed_rows_in_the_type_of_whole_ones(kind):
    kernel = make_kernel(kind, torch.float, num_layers=2, bidirectional=True)
    inputs = make_inputs(torch.float)
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = (with_gradients(run, kernel, inputs) for run in (unpacked, packed))
        whole, _ = kernel(inputs.nan_to_num())
    assert found[0].dtype == whole.dtype
    for one, other in zip(found, expected, strict=True):
        assert (one.double() - other.double()).norm() < 0.03 * other.double().norm()


@pytest.mark.parametrize("kind", KERNELS)
def test_they_equal_packed_rows_without_gradients(kind):
    kernel, inputs = make_kernel(kind, torch.float, bidirectional=True), make_inputs(torch.float)
    with torch.no_grad():
        found, expected = unpacked(kernel, inputs), packed(kernel, inputs)
    for one, other in zip(found, expected, strict=True):
        assert not one.requires_grad
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KERNELS)
def test_gradients_are_those_of_finite_differences(kind):
    kernel = make_kernel(kind, num_layers=2, bidirectional=True)
    inputs = make_inputs().detach().nan_to_num().requires_grad_()
    weights = tuple(kernel.parameters())

    def run(inputs, *weights):
        by_direction = [weights[i : i + 4] for i in range(0, len(weights), 4)]
        made, states = unpacked_rnn(kernel.mode, inputs, LENGTHS, by_direction, bidirectional=True)
        return made, *states

    assert torch.autograd.gradcheck(run, (inputs, *weights), fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.double, torch.float, torch.bfloat16, torch.half])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_cell_is_held_on_padding_to_the_last_bit(dtype, size):
    torch.manual_seed(1)
    cell = nn.LSTMCell(3, 5).to(dtype)
    weights = [size * weight.detach() for weight in cell.parameters()]
    told, (weight, *others) = hold_cell(
        torch.zeros(2, 1, 3, dtype=dtype), torch.ones(2, 1, 1, dtype=torch.bool), weights
    )
    hidden, before = torch.randn(2, 5).to(dtype), size * torch.randn(2, 5).to(dtype)
    gates = (told[:, 0] @ weight.t() + hidden @ others[0].t() + others[1] + others[2]).chunk(4, 1)
    after = gates[1].sigmoid() * before + gates[0].sigmoid() * gates[2].tanh()
    assert torch.equal(after, before)


def copying_kernel(num_layers, p):
    """Layers that give on what they get, as long as it is positive."""
    kernel = nn.RNN(4, 4, num_layers, nonlinearity="relu", batch_first=True, dropout=p)
    for name, parameter in kernel.named_parameters():
        identity = name.startswith("weight_ih")
        parameter.data = torch.eye(4) if identity else torch.zeros_like(parameter)
    return kernel


def run_ones(kernel, seed):
    torch.manual_seed(seed)
    lengths = torch.tensor([500, 300])
    outputs, _ = unpacked_rnn(
        kernel.mode, torch.ones(2, 500, 4), lengths, kernel.all_weights, dropout=kernel.dropout
    )
    assert outputs[1, 300:].abs().sum() == 0
    return torch.cat([outputs[0], outputs[1, :300]])


def test_dropout_falls_between_layers_and_keeps_the_mean():
    once, twice = copying_kernel(2, 0.25), copying_kernel(3, 0.25)
    outputs = run_ones(once, 1)
    dropped = outputs == 0
    torch.testing.assert_close(outputs[~dropped], torch.full_like(outputs[~dropped], 4 / 3))
    assert dropped.float().mean() == pytest.approx(0.25, abs=0.03)
    kept = (run_ones(twice, 1) > 0).float().mean()
    assert kept == pytest.approx(0.75**2, abs=0.04)
    assert torch.equal(run_ones(once, 1), outputs)
    assert not torch.equal(run_ones(once, 2), outputs)


def test_one_layer_has_nothing_to_drop():
    assert torch.equal(run_ones(copying_kernel(1, 0.0), 1), torch.ones(800, 4))
