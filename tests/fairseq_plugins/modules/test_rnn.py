"""Layers agree with the library's, step by step or at once, and padding is invisible."""

import pytest
import torch
from torch import nn

from fairseq_plugins.modules import rnn as module
from fairseq_plugins.modules.cells import RNN_TYPES, CellOptions, build_cell
from fairseq_plugins.modules.rnn import MOST_PADDING, RNN, CellRNN

# All that a cell can be: by type, and each of the ways that no kernel computes.
OPTIONS = [CellOptions(rnn_type) for rnn_type in RNN_TYPES]
OPTIONS += [CellOptions(rnn_type, layer_norm=True) for rnn_type in RNN_TYPES]
OPTIONS += [CellOptions("rnn", "relu"), CellOptions("gru", reset_before=True)]
OPTIONS += [CellOptions("lstm", recurrent_dropout=0.5)]


def assert_equal_states(state, expected):
    assert list(state) == list(expected)
    for name, tensor in expected.items():
        torch.testing.assert_close(state[name], tensor)


@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_a_sequence_in_two_parts_equals_the_whole(rnn_type, num_layers):
    rnn = RNN(rnn_type, 3, 5, num_layers=num_layers)
    inputs = torch.randn(2, 7, 3)
    whole, last = rnn(inputs)
    first, state = rnn(inputs[:, :4])
    second, end = rnn(inputs[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    assert_equal_states(end, last)
    assert end["hidden"].shape == (2, num_layers, 5)


@pytest.mark.parametrize("most", [0.0, 1.0])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_padded_sequences_equal_each_alone(monkeypatch, rnn_type, bidirectional, most):
    """Whether they are packed (whatever is padded) or not."""
    monkeypatch.setattr(module, "MOST_PADDING", dict.fromkeys(MOST_PADDING, (most, most)))
    rnn = RNN(rnn_type, 3, 5, num_layers=2, bidirectional=bidirectional)
    check_padding(rnn)


def check_padding(rnn):
    """Each row in a batch with NaN for padding equals the row alone."""
    lengths = torch.tensor([2, 6, 1])
    inputs = torch.randn(3, 6, 3)
    inputs[torch.arange(6) >= lengths.unsqueeze(1)] = float("nan")
    outputs, state = rnn.forward_padded(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, last = rnn(inputs[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        assert outputs[row, length:].abs().sum() == 0
        assert_equal_states({name: state[name][row : row + 1] for name in state}, last)


@pytest.fixture
def unpacked(monkeypatch):
    """One entry, of the dropout, for each call that does not pack its rows."""
    calls, run = [], module.unpacked_rnn

    def record(*args, **kwargs):
        calls.append(kwargs["dropout"])
        return run(*args, **kwargs)

    monkeypatch.setattr(module, "unpacked_rnn", record)
    return calls


def rows_padded_to(share, rnn):
    """A run over 10 rows of 10, one of them whole, with a share of padding."""
    lengths = torch.full((10,), 10)
    lengths[1:] -= round(100 * share) // 9
    lengths[1 : 1 + round(100 * share) % 9] -= 1
    assert (10 - lengths).sum() == round(100 * share)
    return rnn.forward_padded(torch.randn(10, 10, 3), lengths)


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_rows_are_packed_from_the_documented_share_of_padding_on(unpacked, rnn_type, gradients):
    rnn = RNN(rnn_type, 3, 5)
    most = MOST_PADDING[type(rnn.rnn)][0 if gradients else 1]
    with torch.set_grad_enabled(gradients):
        rows_padded_to(most + 0.01, rnn)
        assert unpacked == []
        rows_padded_to(0.0, rnn)  # one call of the kernel, as it is
        assert unpacked == []
        for share in {0.01, most - 0.01} if most > 0 else ():
            rows_padded_to(share, rnn)
            assert unpacked.pop() == 0.0


def test_only_eager_calls_on_a_cpu_leave_rows_unpacked(monkeypatch):
    rnn, inputs, lengths = RNN("lstm", 3, 5), torch.randn(2, 10, 3), torch.tensor([10, 9])
    assert rnn.may_unpack(inputs, lengths)
    assert not rnn.may_unpack(inputs.to("meta"), lengths)
    rnn.fast = False
    assert not rnn.may_unpack(inputs, lengths)
    rnn.fast = True
    monkeypatch.setattr(torch.jit, "is_tracing", lambda: True)
    assert not rnn.may_unpack(inputs, lengths)


def test_dropout_between_layers_is_for_training_only(unpacked):
    rnn = RNN("lstm", 3, 5, num_layers=2, dropout=0.3)
    rows_padded_to(0.1, rnn.train())
    rows_padded_to(0.1, rnn.eval())
    assert unpacked == [0.3, 0.0]


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_the_weights_have_the_librarys_names(rnn_type):
    kernel = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[rnn_type]
    expected = kernel(3, 5, 2, bidirectional=True).state_dict()
    found = RNN(rnn_type, 3, 5, num_layers=2, bidirectional=True).state_dict()
    assert {f"rnn.{name}": tensor.shape for name, tensor in expected.items()} == {
        name: tensor.shape for name, tensor in found.items()
    }


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_layer_of_cells_does_not_see_padding(options):
    check_padding(CellRNN(build_cell(options, 5), 3).eval())


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_layer_of_cells_step_by_step_equals_all_steps_at_once(options):
    rnn = CellRNN(build_cell(options, 5), 3).eval()
    inputs = torch.randn(2, 4, 3)
    whole, last = rnn(inputs)
    outputs, state = [], None
    for t in range(4):
        output, state = rnn(inputs[:, t : t + 1], state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole)
    assert_equal_states(state, last)


def layer_like(kernel, options):
    """A layer of cells with the weights of the library's layer."""
    layer = CellRNN(build_cell(options, kernel.hidden_size), kernel.input_size)
    layer.load_state_dict(
        {
            "input.weight": kernel.weight_ih_l0,
            "input.bias": kernel.bias_ih_l0,
            "cell.recurrent.weight": kernel.weight_hh_l0,
            "cell.recurrent.bias": kernel.bias_hh_l0,
        }
    )
    return layer


@pytest.mark.parametrize("options", [o for o in OPTIONS if o.has_kernel], ids=str)
def test_a_layer_of_plain_cells_equals_the_librarys(options):
    extra = {"nonlinearity": options.nonlinearity} if options.rnn_type == "rnn" else {}
    kernels = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
    kernel = kernels[options.rnn_type](3, 5, batch_first=True, **extra)
    layer, inputs, lengths = layer_like(kernel, options), torch.randn(3, 4, 3), [2, 4, 1]
    outputs, last = layer.forward_padded(inputs, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        expected, end = kernel(inputs[row : row + 1, :length])
        end = end if isinstance(end, tuple) else (end,)
        torch.testing.assert_close(outputs[row, :length], expected[0])
        for tensor, other in zip(last.values(), end, strict=True):
            torch.testing.assert_close(tensor[row], other[0])
    first = {name: torch.randn(3, 1, 5) for name in options.state_names}
    start = tuple(tensor.transpose(0, 1) for tensor in first.values())
    expected, _ = kernel(inputs, start if len(start) > 1 else start[0])
    torch.testing.assert_close(layer(inputs, first)[0], expected)


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_no_bias_enters_a_norm_but_the_norms_own(rnn_type):
    layer = CellRNN(build_cell(CellOptions(rnn_type, layer_norm=True), 5), 3)
    biases = [name for name in layer.state_dict() if name.endswith("bias")]
    assert biases
    assert all("norm" in name for name in biases)


def test_a_bidirectional_rnn_takes_no_first_state():
    rnn = RNN("gru", 3, 5, bidirectional=True)
    _, last = rnn(torch.randn(2, 4, 3))
    with pytest.raises(ValueError, match="bidirectional"):
        rnn(torch.randn(2, 4, 3), last)


@pytest.mark.parametrize(
    "arguments, match", [(("ltsm", "tanh"), "'ltsm'"), (("rnn", "tan"), "'tan'")]
)
def test_unknown_cells_are_refused(arguments, match):
    rnn_type, nonlinearity = arguments
    with pytest.raises(ValueError, match=match):
        RNN(rnn_type, 3, 4, nonlinearity=nonlinearity)


@pytest.mark.parametrize("lengths", [[6, 6, 6], [2, 6, 5]])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("rnn_type", "half"), [("rnn", False), ("gru", False), ("lstm", True)])
def test_our_own_recurrence_is_the_kernel(monkeypatch, rnn_type, half, bidirectional, lengths):
    """In training, of large layers; an LSTM's in bfloat16 only, where the two are merely near."""
    monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr(module, "MOST_PADDING", dict.fromkeys(MOST_PADDING, (1.0, 0.0)))
    dtype = torch.float32 if half else torch.float64
    rnn = RNN(rnn_type, 3, 4, num_layers=2, bidirectional=bidirectional).to(dtype)
    inputs, lengths = torch.randn(3, 6, 3, dtype=dtype), torch.tensor(lengths)
    found = []
    for fast in (True, False):
        rnn.fast = fast
        with torch.autocast("cpu", torch.bfloat16, enabled=half and fast):
            assert rnn.may_fuse(inputs) is fast
            outputs, state = rnn.forward_padded(inputs, lengths)
        assert outputs.dtype == dtype
        total = outputs.square().sum() + sum(tensor.sum() for tensor in state.values())
        found.append([outputs, *state.values(), *torch.autograd.grad(total, rnn.parameters())])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, **({"atol": 0.1, "rtol": 0.1} if half else {}))


@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_a_state_given_to_our_own_recurrence_is_where_it_starts(monkeypatch, rnn_type):
    monkeypatch.setattr(module, "LARGE", 0)
    rnn = RNN(rnn_type, 3, 4, num_layers=2)
    inputs, first = torch.randn(2, 5, 3), rnn(torch.randn(2, 1, 3))[1]
    expected, last = rnn(inputs, first)
    rnn.fast = False
    outputs, state = rnn(inputs, first)
    torch.testing.assert_close(outputs, expected)
    assert_equal_states(state, last)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("rnn_type", RNN_TYPES)
def test_prepared_layers_are_the_kernel(monkeypatch, rnn_type, precision):
    monkeypatch.setattr(module, "LARGE", 0)
    rnn = RNN(rnn_type, 32, 64, num_layers=2, bidirectional=True)
    inputs, lengths = torch.randn(3, 6, 32), torch.tensor([2, 6, 5])
    with torch.no_grad():
        expected, last = rnn.forward_padded(inputs, lengths)
        rnn.prepare(precision)
        assert rnn.is_prepared_for(inputs) is (precision == "int8")
        assert rnn.is_prepared_for(inputs[:, :1])
        rnn.most_steps = None
        outputs, state = rnn.forward_padded(inputs, lengths)
    assert not rnn.is_prepared_for(inputs)  # gradients
    tolerance = {"atol": 1e-5 if precision == "fp32" else 0.1, "rtol": 0}
    torch.testing.assert_close(outputs, expected, **tolerance)
    for name, tensor in state.items():
        torch.testing.assert_close(tensor, last[name], **tolerance)


def test_small_layers_are_left_to_the_kernel():
    small, large = RNN("gru", 3, 64), RNN("gru", 3, 420)
    assert not small.may_fuse(torch.zeros(1, 1, 3))
    assert large.may_fuse(torch.zeros(1, 1, 3))
    small.prepare("int8")
    assert small.prepared is None
