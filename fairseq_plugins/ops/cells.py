r"""One transition of each recurrent cell in buffers of the caller, forward and backward.

The sums of a cell are :math:`g_t + u_t`: ``gates`` is :math:`g_t`, whatever does not depend on the
state before, and ``recurrent`` is :math:`u_t = U s_{t-1} + b`. The equations and the order of the
gates are those of the twins in ``modules.cells``. A tanh is written as :math:`2 \sigma(2x) - 1`,
several times faster on a CPU and as exact as a number of size 1 can be.

``states`` is :math:`s_0 .. s_T` (steps + 1, batch, dim), ``memory`` what else the backward pass of
a cell reads; steps are counted from 0.
"""

from typing import ClassVar

import torch
from torch import Tensor


def tanh_(inputs: Tensor) -> Tensor:
    """The tanh, in place."""
    return inputs.mul_(2).sigmoid_().mul_(2).sub_(1)


class CellOp:
    """The contract.

    Attributes:
        num_gates: sums of a cell, in units of the state's size
        has_cell: whether a second vector, the cell, goes from step to step
        gates_recurrent: whether a gate stands between :math:`u_t` and the sums, so that the two
            have different gradients
    """

    num_gates: ClassVar[int]
    has_cell: ClassVar[bool] = False
    gates_recurrent: ClassVar[bool] = False

    @staticmethod
    def memory(steps: int, hidden: Tensor, cell: Tensor | None) -> Tensor:
        """A buffer that :meth:`forward` fills, for the first state (batch, dim) and cell."""
        return hidden.new_empty(0)

    @staticmethod
    def gates_gradient(activations: Tensor, memory: Tensor) -> list[Tensor]:
        """The gradient of all gates after the last :meth:`backward`, in parts, side by side."""
        return [activations]

    @staticmethod
    def forward(t: int, gates: Tensor, recurrent: Tensor, states: Tensor, memory: Tensor) -> None:
        """Fill ``states[t + 1]``.

        Args:
            gates: (batch, num_gates * dim); becomes the activations
            recurrent: of the same shape
        """
        raise NotImplementedError

    @staticmethod
    def backward(
        t: int,
        activations: Tensor,
        states: Tensor,
        memory: Tensor,
        d_state: Tensor,
        d_cell: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of the step that filled ``states[t + 1]``.

        Args:
            activations: what :meth:`forward` made of ``gates``; becomes the gradient of
                ``recurrent``, which is that of ``gates`` unless ``gates_recurrent``
            memory: of a cell with ``gates_recurrent``, ``memory[t]`` becomes the gradient of the
                last gate
            d_state: of ``states[t + 1]``, (batch, dim)
            d_cell: of the new cell; becomes that of the cell before

        Returns:
            the gradient of ``gates``; and the share of the gradient of ``states[t]`` that does not
            go through the recurrent weights (batch, dim), or None
        """
        raise NotImplementedError


class TanhOp(CellOp):
    r""":math:`s_t = \tanh(g_t + u_t)`; the twin is ``modules.cells.ElmanCell``."""

    num_gates = 1

    @staticmethod
    def forward(t: int, gates: Tensor, recurrent: Tensor, states: Tensor, memory: Tensor) -> None:
        tanh_(torch.add(gates, recurrent, out=states[t + 1]))

    @staticmethod
    def backward(
        t: int,
        activations: Tensor,
        states: Tensor,
        memory: Tensor,
        d_state: Tensor,
        d_cell: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        return torch.mul(d_state, 1 - states[t + 1].square(), out=activations), None


class GRUOp(CellOp):
    r"""The gated recurrent unit; the twin is ``modules.cells.GRUCell``.

    .. math::
        r, z = \sigma(g^{rz} + u^{rz}), \quad n = \tanh(g^n + r \odot u^n), \quad
        s_t = n + z \odot (s_{t-1} - n)

    ``memory`` holds the :math:`u^n` (len, batch, dim).
    """

    num_gates = 3
    gates_recurrent = True

    @staticmethod
    def gates_gradient(activations: Tensor, memory: Tensor) -> list[Tensor]:
        return [activations[:, :, : -memory.size(-1)], memory]

    @staticmethod
    def memory(steps: int, hidden: Tensor, cell: Tensor | None) -> Tensor:
        return hidden.new_empty(steps, *hidden.shape)

    @staticmethod
    def forward(t: int, gates: Tensor, recurrent: Tensor, states: Tensor, memory: Tensor) -> None:
        before, dim = states[t], states.size(-1)
        gates[:, : 2 * dim].add_(recurrent[:, : 2 * dim]).sigmoid_()
        reset, update, new = gates.chunk(3, dim=1)
        memory[t] = recurrent[:, 2 * dim :]
        tanh_(new.addcmul_(reset, memory[t]))
        torch.addcmul(new, update, before - new, out=states[t + 1])

    @staticmethod
    def backward(
        t: int,
        activations: Tensor,
        states: Tensor,
        memory: Tensor,
        d_state: Tensor,
        d_cell: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        reset, update, new = activations.chunk(3, dim=1)
        direct = d_state * update
        d_new = (d_state - direct) * (1 - new.square())
        d_update = direct * (states[t] - new) * (1 - update)
        d_reset = d_new * memory[t] * (reset - reset.square())
        torch.mul(d_new, reset, out=new)
        memory[t] = d_new
        reset.copy_(d_reset)
        update.copy_(d_update)
        return torch.cat([activations[:, : -d_new.size(1)], d_new], dim=1), direct


class LSTMOp(CellOp):
    r"""The long short-term memory; the twin is ``modules.cells.LSTMCell``.

    .. math::
        i, f, o = \sigma(\cdot), \quad \tilde{c} = \tanh(\cdot), \quad
        c_t = f \odot c_{t-1} + i \odot \tilde{c}, \quad s_t = o \odot \tanh(c_t)

    ``memory`` holds :math:`c_0 .. c_T`.
    """

    num_gates = 4
    has_cell = True

    @staticmethod
    def memory(steps: int, hidden: Tensor, cell: Tensor | None) -> Tensor:
        cells = hidden.new_empty(steps + 1, *hidden.shape)
        assert cell is not None  # of an LSTM
        cells[0] = cell
        return cells

    @staticmethod
    def forward(t: int, gates: Tensor, recurrent: Tensor, states: Tensor, memory: Tensor) -> None:
        gates.add_(recurrent)
        i, f, new, o = gates.chunk(4, dim=1)
        new.mul_(2)
        gates.sigmoid_()  # all four at once
        new.mul_(2).sub_(1)
        cell = torch.mul(f, memory[t], out=memory[t + 1]).addcmul_(i, new)
        tanh_(states[t + 1].copy_(cell)).mul_(o)

    @staticmethod
    def backward(
        t: int,
        activations: Tensor,
        states: Tensor,
        memory: Tensor,
        d_state: Tensor,
        d_cell: Tensor | None,
    ) -> tuple[Tensor, Tensor | None]:
        assert d_cell is not None  # of an LSTM
        i, f, new, o = activations.chunk(4, dim=1)
        slopes = activations - activations.square()
        torch.sub(1, new.square(), out=slopes.chunk(4, dim=1)[2])
        squashed = tanh_(memory[t + 1].clone())
        d_squashed = d_state * o
        torch.mul(d_state, squashed, out=o)
        d_cell.add_(d_squashed).addcmul_(d_squashed.mul_(squashed), squashed, value=-1)
        d_before = d_cell * f
        torch.mul(d_cell, memory[t], out=f)
        d_new = d_cell * i
        torch.mul(d_cell, new, out=i)
        new.copy_(d_new)
        d_cell.copy_(d_before)
        return activations.mul_(slopes), None


CELL_OPS: dict[str, type[CellOp]] = {"rnn": TanhOp, "gru": GRUOp, "lstm": LSTMOp}
