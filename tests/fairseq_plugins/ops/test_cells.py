"""A transition in buffers against the cell that a module makes, forward and by autograd."""

import pytest
import torch
from torch import Tensor, autograd

from fairseq_plugins.modules.cells import Cell, CellOptions, build_cell
from fairseq_plugins.ops.cells import CELL_OPS, CellOp, tanh_

BATCH, DIM, STEPS = 3, 4, 3


class Run:
    """One step of the fast form, the middle one of three; the others' rows must stay NaN."""

    def __init__(self, rnn_type: str, size: float = 1.0) -> None:
        torch.manual_seed(1)
        self.op: type[CellOp] = CELL_OPS[rnn_type]
        shape = (BATCH, self.op.num_gates * DIM)
        self.gates, self.recurrent = (size * torch.randn(shape).double() for _ in range(2))
        self.hidden = torch.randn(BATCH, DIM).double().tanh()
        self.cell = torch.randn(BATCH, DIM).double() if self.op.has_cell else None
        self.states = torch.full((STEPS + 1, BATCH, DIM), float("nan")).double()
        self.states[1] = self.hidden
        self.memory = self.op.memory(STEPS, self.hidden, self.cell).double()
        self.memory.fill_(float("nan"))
        if self.op.has_cell:
            self.memory[1] = self.cell
        self.activations = self.gates.clone()
        self.op.forward(1, self.activations, self.recurrent.clone(), self.states, self.memory)

    @property
    def made(self) -> list[Tensor]:
        """The new state and, of an LSTM, cell."""
        return [self.states[2]] + ([self.memory[2]] if self.op.has_cell else [])

    def gradients(self, d_state: Tensor, d_cell: Tensor | None) -> list[Tensor]:
        """Of gates, recurrent share, state and, of an LSTM, cell."""
        d_before = None if d_cell is None else d_cell.clone()
        d_gates, direct = self.op.backward(
            1, self.activations, self.states, self.memory, d_state, d_before
        )
        direct = torch.zeros_like(self.hidden) if direct is None else direct
        found = [d_gates.clone(), self.activations.clone(), direct]
        return found if d_before is None else [*found, d_before]


class Identity(torch.nn.Module):
    """Takes the place of the recurrent weights: the share is given."""

    def __init__(self, share: Tensor) -> None:
        super().__init__()
        self.share = share

    def forward(self, hidden: Tensor) -> Tensor:
        return self.share


def plain(run: Run, rnn_type: str) -> tuple[list[Tensor], list[Tensor]]:
    """What the module's cell makes of the same numbers, and these numbers."""
    given = [run.gates, run.recurrent, run.hidden, *([run.cell] if run.op.has_cell else [])]
    given = [tensor.clone().requires_grad_() for tensor in given]
    cell: Cell = build_cell(CellOptions(rnn_type), DIM).double()
    cell.recurrent = Identity(given[1])
    names = cell.state_names
    state = {name: tensor.unsqueeze(1) for name, tensor in zip(names, given[2:], strict=True)}
    after = cell(given[0], state)
    return [after[name][:, 0] for name in names], given


def is_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [1.0, 100.0])
@pytest.mark.parametrize("rnn_type", CELL_OPS)
def test_a_step_is_that_of_the_cell(rnn_type, size):
    run = Run(rnn_type, size)
    expected, _ = plain(run, rnn_type)
    for found, other in zip(run.made, expected, strict=True):
        is_close(found, other)
    assert run.states[[0, 3]].isnan().all()


@pytest.mark.parametrize("rnn_type", CELL_OPS)
def test_the_gradients_of_a_step_are_those_of_autograd(rnn_type):
    run = Run(rnn_type)
    outputs, given = plain(run, rnn_type)
    d_outputs = [torch.randn_like(output) for output in outputs]
    expected = autograd.grad(outputs, given, d_outputs, allow_unused=True)
    d_cell = d_outputs[1] if run.op.has_cell else None
    for found, other in zip(run.gradients(d_outputs[0], d_cell), expected, strict=True):
        is_close(found, torch.zeros_like(found) if other is None else other)


@pytest.mark.parametrize("rnn_type", CELL_OPS)
def test_the_gates_gradient_of_all_steps_is_kept_in_parts(rnn_type):
    run = Run(rnn_type)
    d_cell = torch.zeros(BATCH, DIM).double() if run.op.has_cell else None
    d_gates, recurrent, *_ = run.gradients(torch.ones(BATCH, DIM).double(), d_cell)
    buffer = torch.zeros(STEPS, *run.activations.shape).double()
    buffer[1] = run.activations
    parts = run.op.gates_gradient(buffer, run.memory)
    assert torch.equal(torch.cat([part[1] for part in parts], dim=1), d_gates)
    assert torch.equal(d_gates, recurrent) is not run.op.gates_recurrent


@pytest.mark.parametrize("rnn_type", CELL_OPS)
def test_sums_beyond_all_bounds_give_numbers(rnn_type):
    run = Run(rnn_type, 1e30)
    assert all(output.isfinite().all() for output in run.made)
    assert (run.made[0].abs() <= 1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_tanh_in_place_is_the_tanh(dtype):
    inputs = torch.linspace(-100, 100, 4001, dtype=dtype)
    result = inputs.clone()
    assert tanh_(result) is result
    error = (result.double() - torch.tanh(inputs.double())).abs().max()
    assert float(error) <= 2 * torch.finfo(dtype).eps
