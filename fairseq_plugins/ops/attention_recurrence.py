r"""The teacher-forced recurrence of Bahdanau's decoder as one differentiable function.

.. math::
    a_t, c_t = \mathrm{attention}(W_s s_{t-1}, k), \quad
    s_t = f(W_x x_t + b_x + W_c c_t, U s_{t-1} + b_u)

(Bahdanau et al., 2015, arXiv:1409.0473, appendix A.2.2; the twin is the loop of
``modules.attention_decoder.AttentionRNNDecoder``). What does not depend on :math:`s_{t-1}` is made
for all steps at once: the keys, readout and output outside, and here :math:`W_x x_t`. A step makes
two products, :math:`[W_s; U] s_{t-1}` and :math:`W_c c_t`; the backward pass makes their two
transposes, and the gradient of each weight is one product after the loop.

The hidden layer of the attention is computed again in the backward pass, so that memory does not
grow with source times target. One buffer (tgt_len, batch, attention_dim + G) holds the queries and
the activations of the gates, and takes their gradients in the backward pass; a second one
(``retain_graph``) runs the loop again.

On a GPU the attention is one kernel each way, and a loop over a shape that comes again
(``--num-batch-buckets``) is one CUDA graph; nothing in it waits for the GPU.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, autograd

from .additive_score import in_prepared_range
from .attention_step import best_form, make_step, padding_bias
from .autocast import without_autocast
from .cells import CELL_OPS, CellOp
from .cuda_graphs import GraphedByShape
from .differentiable import differentiable_gradients
from .packed_linear import pack_linear
from .plain_recurrence import plain_attention_recurrence
from .time_products import flat_product, input_gradient, weight_gradient

# The tensors of ``Inputs`` one after the other, and those of ``Recurrence``.
# fmt: off
Operands = tuple[
    Tensor, Tensor, Tensor, Tensor,
    Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor,
    Tensor, Tensor | None,
]
# fmt: on
Outputs = tuple[Tensor, Tensor, Tensor, Tensor | None]


class Recurrence(NamedTuple):
    """What the recurrence gives; time first, as it is computed."""

    states: Tensor  # s_1 .. s_T (tgt_len, batch, hidden_dim)
    contexts: Tensor  # c_1 .. c_T (tgt_len, batch, memory_dim)
    alignments: Tensor  # a_1 .. a_T (tgt_len, batch, src_len)
    last_cell: Tensor | None  # (batch, hidden_dim), of an LSTM


class Weights(NamedTuple):
    """The parameters, with G = gates * hidden_dim."""

    input: Tensor  # W_x (G, input_dim)
    input_bias: Tensor  # b_x (G,)
    query: Tensor  # W_s (attention_dim, hidden_dim)
    energy: Tensor  # v (attention_dim,)
    context: Tensor  # W_c (G, memory_dim)
    recurrent: Tensor  # U (G, hidden_dim)
    recurrent_bias: Tensor  # b_u (G,)


class Inputs(NamedTuple):
    """All tensors of the recurrence, in the order of the function's arguments."""

    words: Tensor
    keys: Tensor
    values: Tensor
    bias: Tensor
    weights: Weights
    hidden: Tensor
    cell: Tensor | None

    @classmethod
    def of(cls, tensors: Operands) -> "Inputs":
        """From one flat tuple."""
        return cls(*tensors[:4], Weights(*tensors[4:11]), *tensors[11:])


class Run(NamedTuple):
    """What a run over the target has made; the backward pass overwrites buffer and memory."""

    form: str  # of the attention, see ``attention_step``
    buffer: Tensor  # prepared queries and activations (tgt_len, batch, attention_dim + G)
    states: Tensor  # s_0 .. s_T
    contexts: Tensor
    alignments: Tensor
    memory: Tensor  # of the cell, see ``cells``


def attention_recurrence(
    rnn_type: str,
    words: Tensor,
    keys: Tensor,
    values: Tensor,
    padding_mask: Tensor,
    weights: Weights,
    hidden: Tensor,
    cell: Tensor | None = None,
    *,
    precision: str = "fp32",
) -> Recurrence:
    """Run over a whole target.

    Args:
        rnn_type: ``"rnn"`` (tanh), ``"gru"`` or ``"lstm"``
        words: x (tgt_len, batch, input_dim)
        keys: (batch, src_len, attention_dim)
        values: (batch, src_len, memory_dim)
        padding_mask: (batch, src_len), True on padding; a word at least in each row
        weights: see :class:`Weights`
        hidden: s_0 (batch, hidden_dim)
        cell: c_0 (batch, hidden_dim), of an LSTM
        precision: of the operands of the matrix products, see ``pack_linear``; everything else is
            in the type of the tensors, float32 or float64, under autocast too

    A backward pass that is itself to be differentiated (``create_graph``) is the plain form's.
    """
    bias = padding_bias(padding_mask, keys.dtype)
    tensors = (words, keys, values, bias, *weights, hidden, cell)
    return Recurrence(*cast(Outputs, _apply(rnn_type, precision, *tensors)))


class AttentionRecurrence(autograd.Function):
    """See :func:`attention_recurrence`."""

    @staticmethod
    def forward(ctx: Any, rnn_type: str, precision: str, *tensors: Tensor | None) -> Outputs:
        ctx.set_materialize_grads(False)
        op, inputs = CELL_OPS[rnn_type], Inputs.of(cast(Operands, tensors))
        with without_autocast(inputs.words.device.type):
            run = _forward(op, precision, inputs)
        ctx.options, ctx.run = (rnn_type, precision), run
        ctx.save_for_backward(*tensors)
        last_cell = run.memory[-1].clone() if op.has_cell else None
        # Views, not the tensors themselves: those would keep the graph that they are in alive.
        return run.states[1:], run.contexts[:], run.alignments[:], last_cell

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        rnn_type, precision = ctx.options
        tensors: Operands = ctx.saved_tensors
        gradients: Sequence[Tensor | None]
        if torch.is_grad_enabled():
            plain = plain_attention_recurrence
            gradients = differentiable_gradients(plain, rnn_type, tensors, d_outputs)
            return None, None, *gradients
        op, inputs = CELL_OPS[rnn_type], Inputs.of(tensors)
        with without_autocast(inputs.words.device.type):
            run, ctx.run = ctx.run or _forward(op, precision, inputs), None
            gradients = _backward(op, precision, inputs, run, d_outputs)
        return None, None, *gradients


_apply = GraphedByShape(AttentionRecurrence.apply)


def _forward(op: type[CellOp], precision: str, inputs: Inputs) -> Run:
    """The loop, in the fastest form that is exact."""
    form = best_form(inputs.keys)
    run = _loop(op, form, precision, inputs)
    queries = run.buffer[:, :, : len(inputs.weights.query)]
    if form == "exponential" and not in_prepared_range(queries):
        return _loop(op, "tanh", precision, inputs)  # rare, and seen only now
    return run


def _loop(op: type[CellOp], form: str, precision: str, inputs: Inputs) -> Run:
    """The loop over the target."""
    words, keys, values, bias, weights, hidden, cell = inputs
    steps, batch, _ = words.shape
    attention_dim = len(weights.query)
    attention = make_step(form, keys, weights.energy, bias, values)
    from_state = pack_linear(
        torch.cat([weights.query, weights.recurrent]),
        torch.cat([weights.query.new_zeros(attention_dim), weights.recurrent_bias]),
        rows=batch,
        precision=precision,
    )
    from_context = pack_linear(weights.context, rows=batch, precision=precision)
    buffer = words.new_empty(steps, batch, attention_dim + len(weights.input))
    queries, activations = buffer.tensor_split([attention_dim], dim=2)
    activations.copy_(flat_product(words, weights.input.t(), precision)).add_(weights.input_bias)
    states = words.new_empty(steps + 1, *hidden.shape)
    states[0] = hidden
    contexts = words.new_empty(steps, batch, values.size(-1))
    alignments = words.new_empty(steps, *bias.shape)
    memory = op.memory(steps, hidden, cell)
    unbound = (x.unbind() for x in (queries, activations, alignments, contexts, states[:-1]))
    for t, (query, gates, alignment, context, state) in enumerate(zip(*unbound, strict=True)):
        shares = from_state(state)
        query.copy_(shares[:, :attention_dim])
        attention.prepare(query)
        attention.forward(query, alignment, context)
        gates += from_context(context)
        op.forward(t, gates, shares[:, attention_dim:], states, memory)
    return Run(form, buffer, states, contexts, alignments, memory)


def _backward(
    op: type[CellOp],
    precision: str,
    inputs: Inputs,
    run: Run,
    d_outputs: tuple[Tensor | None, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients of the inputs."""
    words, keys, values, bias, weights, hidden, _ = inputs
    form, buffer, states, contexts, alignments, memory = run
    d_states, d_contexts_out, d_alignments, d_last_cell = d_outputs
    steps, batch, _ = words.shape
    attention_dim = len(weights.query)
    attention = make_step(form, keys, weights.energy, bias, values)
    attention.start_backward()
    joined = torch.cat([weights.query, weights.recurrent])
    to_state = pack_linear(joined.t(), rows=batch, precision=precision)
    to_context = pack_linear(weights.context.t(), rows=batch, precision=precision)
    queries, activations = buffer.tensor_split([attention_dim], dim=2)
    d_contexts = torch.empty_like(contexts)
    d_query = torch.empty_like(queries[0], memory_format=torch.contiguous_format)
    d_state = torch.zeros_like(hidden)
    d_cell = torch.zeros_like(hidden) if op.has_cell else None
    if d_last_cell is not None and d_cell is not None:
        d_cell += d_last_cell
    for t in reversed(range(steps)):
        if d_states is not None:
            d_state = d_state + d_states[t]
        d_gates, direct = op.backward(t, activations[t], states, memory, d_state, d_cell)
        d_contexts[t] = to_context(d_gates)
        if d_contexts_out is not None:
            d_contexts[t] += d_contexts_out[t]
        d_alignment = None if d_alignments is None else d_alignments[t]
        attention.backward(queries[t], alignments[t], d_contexts[t], d_alignment, d_query)
        queries[t] = d_query
        d_state = to_state(buffer[t])
        if direct is not None:
            d_state += direct
    d_keys, d_energy = attention.gradients()
    d_values = torch.bmm(alignments.permute(1, 2, 0), d_contexts.transpose(0, 1))
    d_joined = weight_gradient([buffer], states[:-1], precision)
    parts = op.gates_gradient(activations, memory)
    d_weights = Weights(
        input=weight_gradient(parts, words, precision),
        input_bias=torch.cat([part.sum(dim=(0, 1)) for part in parts]),
        query=d_joined[:attention_dim],
        energy=d_energy,
        context=weight_gradient(parts, contexts, precision),
        recurrent=d_joined[attention_dim:],
        recurrent_bias=activations.sum(dim=(0, 1)),
    )
    d_words = input_gradient(parts, weights.input, precision)
    return d_words, d_keys, d_values, None, *d_weights, d_state, d_cell
