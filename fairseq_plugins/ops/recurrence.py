r"""A recurrent layer over whole sequences as one differentiable function.

.. math:: s_t = f(W x_t + b_x, U s_{t-1} + b_u)

(the twin is the library's kernel in ``modules.rnn``). The inputs' share of the gates is made for
all steps at once. A step makes one product, :math:`U s_{t-1}`, the backward pass its transpose, and
the gradient of each weight is one product after the loop. One buffer holds the activations of the
gates and takes their gradients in the backward pass; a second one (``retain_graph``) runs the loop
again.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, autograd

from .autocast import without_autocast
from .cells import CELL_OPS, CellOp
from .differentiable import differentiable_gradients
from .packed_linear import Product, pack_linear
from .plain_recurrence import plain_recurrence
from .time_products import flat_product, input_gradient, weight_gradient

# The inputs, the weights in the order of ``Weights``, s_0 and c_0.
Operands = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor | None]


class Weights(NamedTuple):
    """The parameters, with G = gates * hidden_dim."""

    input: Tensor  # W (G, input_dim)
    recurrent: Tensor  # U (G, hidden_dim)
    input_bias: Tensor  # b_x (G,)
    recurrent_bias: Tensor  # b_u (G,)


class Run(NamedTuple):
    """What a run has made; the backward pass overwrites buffer and memory."""

    buffer: Tensor  # activations (len, batch, G)
    states: Tensor  # s_0 .. s_T
    memory: Tensor  # of the cell, see ``cells``


def recurrence(
    rnn_type: str,
    inputs: Tensor,
    weights: Weights,
    hidden: Tensor,
    cell: Tensor | None = None,
    *,
    precision: str = "fp32",
) -> tuple[Tensor, Tensor | None]:
    """Run over whole sequences.

    Args:
        rnn_type: ``"rnn"`` (tanh), ``"gru"`` or ``"lstm"``
        inputs: x (len, batch, input_dim)
        weights: see :class:`Weights`
        hidden, cell: s_0 and, of an LSTM, c_0 (batch, hidden_dim)
        precision: of the operands of the products, see ``pack_linear``; everything else is in the
            type of the tensors, float32 or float64, under autocast too

    Returns:
        the states s_1 .. s_T and, of an LSTM, the cells, (len, batch, hidden_dim)

    A backward pass that is itself to be differentiated (``create_graph``) is the plain form's.
    """
    operands = (inputs, *weights, hidden, cell)
    return Recurrence.apply(rnn_type, precision, *operands)  # type: ignore[no-untyped-call]


class Recurrence(autograd.Function):
    """See :func:`recurrence`."""

    @staticmethod
    def forward(
        ctx: Any, rnn_type: str, precision: str, *tensors: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        ctx.set_materialize_grads(False)
        op, operands = CELL_OPS[rnn_type], cast(Operands, tensors)
        with without_autocast(operands[0].device.type):
            run = _forward(op, precision, *operands)
        ctx.options, ctx.run = (rnn_type, precision), run
        ctx.save_for_backward(*tensors)
        # Views: the tensors themselves would keep the graph that they are in alive.
        return run.states[1:], run.memory[1:] if op.has_cell else None

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        rnn_type, precision = ctx.options
        tensors: Operands = ctx.saved_tensors
        gradients: Sequence[Tensor | None]
        if torch.is_grad_enabled():
            gradients = differentiable_gradients(plain_recurrence, rnn_type, tensors, d_outputs)
            return None, None, *gradients
        op = CELL_OPS[rnn_type]
        with without_autocast(tensors[0].device.type):
            run, ctx.run = ctx.run or _forward(op, precision, *tensors), None
            gradients = _backward(op, precision, tensors, run, *d_outputs)
        return None, None, *gradients


def _forward(
    op: type[CellOp],
    precision: str,
    inputs: Tensor,
    input_weight: Tensor,
    recurrent_weight: Tensor,
    input_bias: Tensor,
    recurrent_bias: Tensor,
    hidden: Tensor,
    cell: Tensor | None,
) -> Run:
    """The loop, with the weights as they are now."""
    rows = inputs.size(1)
    from_state = pack_linear(recurrent_weight, recurrent_bias, rows=rows, precision=precision)
    buffer = flat_product(inputs, input_weight.t(), precision).add_(input_bias)
    return _loop(op, from_state, buffer, hidden, cell)


def _loop(
    op: type[CellOp], from_state: Product, buffer: Tensor, hidden: Tensor, cell: Tensor | None
) -> Run:
    """The loop over the gates' share of the inputs, ``buffer``, which becomes the activations."""
    states = buffer.new_empty(len(buffer) + 1, *hidden.shape)
    states[0] = hidden
    memory = op.memory(len(buffer), hidden, cell)
    for t, (gates, state) in enumerate(zip(buffer.unbind(), states[:-1].unbind(), strict=True)):
        op.forward(t, gates, from_state(state), states, memory)
    return Run(buffer, states, memory)


class PreparedLayer:
    """A layer in one direction whose weights do not change any more, for generation.

    Args:
        rnn_type, weights, precision: see :func:`recurrence`
        rows: about how many sequences run together
    """

    def __init__(self, rnn_type: str, weights: Weights, *, rows: int, precision: str) -> None:
        self.op = CELL_OPS[rnn_type]
        self.hidden_dim = weights.recurrent.size(1)
        self.from_input, self.from_state = (
            pack_linear(weight, bias, rows=rows, precision=precision)
            for weight, bias in zip(weights[:2], weights[2:], strict=True)
        )

    @torch.no_grad()
    def __call__(
        self, inputs: Tensor, hidden: Tensor, cell: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """See :func:`recurrence`."""
        run = _loop(self.op, self.from_state, self.from_input(inputs), hidden, cell)
        return run.states[1:], run.memory[1:] if self.op.has_cell else None


def _backward(
    op: type[CellOp],
    precision: str,
    tensors: Operands,
    run: Run,
    d_states: Tensor | None,
    d_cells: Tensor | None,
) -> tuple[Tensor | None, ...]:
    """The gradients of ``tensors``."""
    inputs, input_weight, recurrent_weight, _, _, hidden, _ = tensors
    buffer, states, memory = run
    to_state = pack_linear(recurrent_weight.t(), rows=inputs.size(1), precision=precision)
    d_state = torch.zeros_like(hidden)
    d_cell = torch.zeros_like(hidden) if op.has_cell else None
    for t in reversed(range(len(inputs))):
        if d_states is not None:
            d_state = d_state + d_states[t]
        if d_cells is not None and d_cell is not None:
            d_cell += d_cells[t]
        _, direct = op.backward(t, buffer[t], states, memory, d_state, d_cell)
        d_state = to_state(buffer[t])
        if direct is not None:
            d_state += direct
    parts = op.gates_gradient(buffer, memory)
    d_weights = Weights(
        input=weight_gradient(parts, inputs, precision),
        recurrent=weight_gradient([buffer], states[:-1], precision),
        input_bias=torch.cat([part.sum(dim=(0, 1)) for part in parts]),
        recurrent_bias=buffer.sum(dim=(0, 1)),
    )
    return input_gradient(parts, input_weight, precision), *d_weights, d_state, d_cell
