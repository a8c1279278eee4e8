"""Stacks of layers against their composition by hand, and against the library's kernel."""

import pytest
import torch

from fairseq_plugins.modules.cells import CellOptions
from fairseq_plugins.modules.dropout import one_mask
from fairseq_plugins.modules.rnn import RNN, CellRNN
from fairseq_plugins.modules.stack import Stack, build_rnn

PLAIN = CellOptions("lstm")
NORMALISED = CellOptions("lstm", layer_norm=True)
LENGTHS = torch.tensor([2, 6, 1])
DIRECTIONS = [
    "forward",
    "backward",
    "bidirectional",
    ["bidirectional", "forward", "forward"],
    ["forward", "backward", "forward"],
]


def inputs_of(dim, length=6):
    torch.manual_seed(2)
    return torch.randn(3, length, dim)


@pytest.mark.parametrize("directions", DIRECTIONS, ids=str)
@pytest.mark.parametrize(
    "options", [PLAIN, NORMALISED, CellOptions("gru", reset_before=True)], ids=str
)
def test_padded_rows_equal_each_alone(options, directions):
    rnn = build_rnn(options, 4, 5, num_layers=3, directions=directions, residual_from=3)
    inputs = inputs_of(4)
    outputs, state = rnn.forward_padded(inputs, LENGTHS)
    assert state["hidden"].shape == (3, rnn.state_layers, rnn.output_dim)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, last = rnn(inputs[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        assert outputs[row, length:].abs().sum() == 0
        for name in last:
            torch.testing.assert_close(state[name][row], last[name][0])


def test_outputs_on_padding_are_0_even_where_every_layer_adds_its_input():
    rnn = build_rnn(PLAIN, 5, 5, num_layers=2, residual_from=1)
    outputs, _ = rnn.forward_padded(inputs_of(5), LENGTHS)
    assert outputs[0, 2:].abs().sum() == 0
    assert outputs[0, :2].abs().min() > 0


@pytest.mark.parametrize("options", [PLAIN, NORMALISED], ids=str)
@pytest.mark.parametrize("context_dim", [0, 2])
def test_step_by_step_equals_all_steps_at_once(options, context_dim):
    rnn = build_rnn(
        options, 4, 5, num_layers=3, residual_from=2, context_dim=context_dim, dropout=0.5
    ).eval()
    inputs, extra = inputs_of(4), inputs_of(2)
    state, outputs = None, []
    for t in range(6):
        context = (extra[:, t : t + 1],) if context_dim else ()
        output, state = rnn(inputs[:, t : t + 1], state, *context)
        outputs.append(output)
    whole, last = rnn(inputs, None, *((extra,) if context_dim else ()))
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole)
    for name in last:
        torch.testing.assert_close(state[name], last[name])


@pytest.mark.parametrize("rnn_type", ["rnn", "gru", "lstm"])
def test_a_stack_of_single_kernels_equals_the_stacked_kernel(rnn_type):
    kernel = RNN(rnn_type, 4, 5, num_layers=2, bidirectional=True)
    layers = [RNN(rnn_type, dim, 5, bidirectional=True) for dim in (4, 10)]
    for i, layer in enumerate(layers):
        for name in layer.state_dict():
            layer.get_parameter(name).data.copy_(kernel.get_parameter(name.replace("l0", f"l{i}")))
    outputs, last = Stack(layers, 4).forward_padded(inputs_of(4), LENGTHS)
    expected, end = kernel.forward_padded(inputs_of(4), LENGTHS)
    torch.testing.assert_close(outputs, expected)
    for name in end:
        torch.testing.assert_close(last[name], end[name])


def test_layers_of_gnmt_by_hand():
    """Bidirectional, then forward, then forward with the residual and a context to all."""
    rnn = build_rnn(
        PLAIN,
        4,
        5,
        num_layers=3,
        directions=["bidirectional", "forward", "forward"],
        residual_from=3,
        context_dim=2,
    )
    inputs, context = inputs_of(4), inputs_of(2)
    x1, _ = rnn.layers[0].rnn(torch.cat([inputs, context], dim=-1))
    x2, (h2, c2) = rnn.layers[1].rnn(torch.cat([x1, context], dim=-1))
    x3, (h3, c3) = rnn.layers[2].rnn(torch.cat([x2, context], dim=-1))
    outputs, state = rnn(inputs, None, context)
    torch.testing.assert_close(outputs, x3 + x2)  # of the context, nothing
    torch.testing.assert_close(state["hidden"], torch.stack([h2[0], h3[0]], dim=1))
    torch.testing.assert_close(state["cell"], torch.stack([c2[0], c3[0]], dim=1))
    assert (rnn.state_layers, rnn.num_layers, rnn.output_dim) == (2, 3, 5)


def test_with_layers_that_give_0_the_residual_is_the_input_of_the_same_step():
    rnn = build_rnn(PLAIN, 5, 5, num_layers=3, residual_from=1)
    for parameter in rnn.parameters():
        parameter.data.zero_()
    assert torch.equal(rnn(inputs_of(5))[0], inputs_of(5))


def test_dropout_between_layers_does_not_touch_the_residual():
    rnn = build_rnn(PLAIN, 5, 5, num_layers=3, residual_from=1, dropout=0.9)
    for parameter in rnn.parameters():
        parameter.data.zero_()
    assert torch.equal(rnn.train()(inputs_of(5))[0], inputs_of(5))


class Recorder(torch.nn.Module):
    """A layer that gives what it takes, and remembers it."""

    state_names, output_dim = ("hidden",), 64

    def forward(self, inputs, state=None):
        self.seen = inputs
        return inputs, {"hidden": inputs[:, -1:]}


@pytest.mark.parametrize("variational", [False, True])
def test_dropout_is_drawn_between_layers_only_and_once_for_all_steps_if_variational(variational):
    layers = [Recorder(), Recorder(), Recorder()]
    stack = Stack(layers, 64, dropout=0.5, variational=variational).train()
    ones = torch.ones(2, 5, 64)
    outputs, _ = stack(ones)
    assert torch.equal(layers[0].seen, ones)
    mask = layers[1].seen
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(layers[2].seen, 2 * mask)  # each layer draws its own
    assert torch.equal(outputs, layers[2].seen)
    assert torch.equal(mask, mask[:, :1].expand_as(mask)) == variational


def test_where_masks_are_kept_each_gap_between_layers_keeps_its_own_for_all_steps():
    layers = [Recorder(), Recorder(), Recorder()]
    stack = Stack(layers, 64, dropout=0.5, variational=True).train()
    seen = []
    with one_mask(stack):
        for _ in range(3):
            stack(torch.ones(2, 1, 64))
            seen.append((layers[1].seen, layers[2].seen))
    for first, second in seen:
        assert torch.equal(first, seen[0][0]) and torch.equal(second, seen[0][1])
    assert not torch.equal(second, 2 * first)


def test_the_kernel_is_used_exactly_where_it_computes_this():
    def kernel(options=PLAIN, **arguments):
        return isinstance(build_rnn(options, 5, 5, **arguments), RNN)

    assert kernel()
    assert kernel(num_layers=2, directions="bidirectional", dropout=0.5)
    assert kernel(num_layers=2, directions=["forward", "forward"])
    assert kernel(variational=True, dropout=0.5)  # one layer: nothing between
    assert kernel(num_layers=2, residual_from=3)
    assert not kernel(num_layers=2, variational=True, dropout=0.5)
    assert not kernel(num_layers=2, directions=["bidirectional", "forward"])
    assert not kernel(directions="backward")
    assert not kernel(residual_from=1)
    assert not kernel(context_dim=2)
    assert not kernel(NORMALISED)


def test_layers_of_a_stack_are_kernels_where_they_can_be():
    plain = build_rnn(PLAIN, 5, 5, num_layers=2, residual_from=1)
    normalised = build_rnn(NORMALISED, 5, 5, num_layers=2)
    assert [type(layer) for layer in plain.layers] == [RNN, RNN]
    assert [type(layer) for layer in normalised.layers] == [CellRNN, CellRNN]
    assert "layers.1.rnn.weight_ih_l0" in plain.state_dict()
    assert "layers.1.cell.recurrent.weight" in normalised.state_dict()


@pytest.mark.parametrize(
    "directions", ["backward", ["bidirectional", "forward"], ["forward", "backward"]], ids=str
)
def test_a_first_state_needs_layers_that_all_read_forward(directions):
    rnn = build_rnn(NORMALISED, 4, 5, num_layers=2, directions=directions)
    state = {name: torch.zeros(3, 2, 5) for name in ("hidden", "cell")}
    with pytest.raises(ValueError, match="first state"):
        rnn(inputs_of(4), state)


@pytest.mark.parametrize("given, context", [("none", None), (3, 3)])
def test_a_context_of_another_size_is_refused(given, context):
    rnn = build_rnn(PLAIN, 4, 5, context_dim=2)
    context = None if context is None else inputs_of(context)
    with pytest.raises(ValueError, match="context_dim is 2"):
        rnn(inputs_of(4), None, context)


@pytest.mark.parametrize(
    "arguments, match",
    [
        ({"residual_from": 1}, "4 and its output 5"),
        ({"residual_from": 2, "directions": ["bidirectional", "forward"]}, "10 and its output 5"),
        ({"directions": ["forward"]}, "are 1, but num_layers is 2"),
        ({"directions": "sideways"}, "'sideways'"),
        ({"num_layers": 0}, r"\(0\)"),
        ({"dropout": 1.5}, r"\(1\.5\)"),
        ({"residual_from": -1}, r"\(-1\)"),
    ],
)
def test_what_no_stack_can_be_is_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        build_rnn(PLAIN, 4, 5, **{"num_layers": 2, **arguments})
