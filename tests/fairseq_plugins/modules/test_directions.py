"""Reading backward, or both ways."""

import pytest
import torch

from fairseq_plugins.modules.cells import CellOptions, build_cell
from fairseq_plugins.modules.directions import Backward, Bidirectional, reverse_padded
from fairseq_plugins.modules.rnn import RNN, CellRNN

LENGTHS = torch.tensor([2, 6, 1])


def padded():
    torch.manual_seed(1)
    inputs = torch.randn(3, 6, 3)
    return inputs.masked_fill((torch.arange(6) >= LENGTHS.unsqueeze(1)).unsqueeze(-1), 9.0)


def test_only_the_real_part_of_a_row_is_reversed():
    rows = torch.tensor([[1, 2, 0, 0], [1, 2, 3, 4], [1, 0, 0, 0]]).unsqueeze(-1)
    expected = [[2, 1, 0, 0], [4, 3, 2, 1], [1, 0, 0, 0]]
    assert reverse_padded(rows, torch.tensor([2, 4, 1])).squeeze(-1).tolist() == expected


def test_reversing_twice_changes_nothing():
    inputs = padded()
    assert torch.equal(reverse_padded(reverse_padded(inputs, LENGTHS), LENGTHS), inputs)


def layer(kind, seed):
    torch.manual_seed(seed)
    return RNN("lstm", 3, 5) if kind == "kernel" else CellRNN(build_cell(CellOptions("lstm"), 5), 3)


@pytest.mark.parametrize("kind", ["kernel", "cells"])
def test_backward_equals_the_layer_over_each_row_turned_round(kind):
    forward = layer(kind, 1)
    backward, inputs = Backward(forward), padded()
    outputs, state = backward.forward_padded(inputs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        real = inputs[row : row + 1, :length]
        turned, last = forward(torch.stack(list(reversed(real.unbind(1))), dim=1))
        for t in range(length):
            torch.testing.assert_close(outputs[row, t], turned[0, length - 1 - t])
        assert outputs[row, length:].abs().sum() == 0
        torch.testing.assert_close(state["cell"][row], last["cell"][0])
        alone, _ = backward(real)
        torch.testing.assert_close(outputs[row, :length], alone[0])


def test_both_ways_equal_the_librarys_bidirectional_kernel():
    kernel, ahead, back = RNN("gru", 3, 5, bidirectional=True), RNN("gru", 3, 5), RNN("gru", 3, 5)
    for name in ahead.state_dict():
        ahead.get_parameter(name).data.copy_(kernel.get_parameter(name))
        back.get_parameter(name).data.copy_(kernel.get_parameter(f"{name}_reverse"))
    both, inputs = Bidirectional(ahead, back), padded()
    outputs, state = both.forward_padded(inputs, LENGTHS)
    expected, last = kernel.forward_padded(inputs, LENGTHS)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(state["hidden"], last["hidden"])
    torch.testing.assert_close(both(inputs)[0], kernel(inputs)[0])


@pytest.mark.parametrize(
    "module", [Backward(layer("cells", 1)), Bidirectional(layer("cells", 1), layer("cells", 2))]
)
def test_who_reads_backward_takes_no_first_state(module):
    _, last = module(padded())
    with pytest.raises(ValueError, match="first state"):
        module(padded(), last)
