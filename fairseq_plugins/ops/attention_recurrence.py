r"""The teacher-forced recurrence of Bahdanau's decoder as one differentiable function.

.. math::
    a_t, c_t = \mathrm{attention}(W_s s_{t-1}, k), \quad
    s_t = f(g_t + W_c c_t, U s_{t-1} + b)

(Bahdanau et al., 2015, arXiv:1409.0473, appendix A.2.2; the twin is the loop of
``modules.attention_decoder.AttentionRNNDecoder``). What does not depend on :math:`s_{t-1}` stays
outside: the keys, the words' share of the gates :math:`g_t`, the readout and the output. Inside, a
step makes two products, :math:`[W_s; U] s_{t-1}` and :math:`W_c c_t`; the backward pass makes their
two transposes, and the gradient of each weight is one product after the loop. The hidden layer of
the attention is computed again, so that memory does not grow with source times target.

On a GPU the attention is one kernel each way, and a loop over a shape that comes again
(``--num-batch-buckets``) is one CUDA graph; nothing in it waits for the GPU.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, autograd

from .additive_score import in_prepared_range
from .attention_step import best_form, make_step
from .autocast import without_autocast
from .cells import CELL_OPS, CellOp
from .cuda_graphs import GraphedByShape
from .packed_linear import pack_linear
from .plain_recurrence import plain_attention_recurrence


class Recurrence(NamedTuple):
    """What the recurrence gives; time first, as it is computed."""

    states: Tensor  # s_1 .. s_T (tgt_len, batch, hidden_dim)
    contexts: Tensor  # c_1 .. c_T (tgt_len, batch, memory_dim)
    alignments: Tensor  # a_1 .. a_T (tgt_len, batch, src_len)
    last_cell: Tensor | None  # (batch, hidden_dim), of an LSTM


class Weights(NamedTuple):
    """The parameters inside the loop.

    Shapes with G = gates * hidden_dim: query W_s (attention_dim, hidden_dim), energy v
    (attention_dim,), context W_c (G, memory_dim), recurrent U (G, hidden_dim), bias b (G,).
    """

    query: Tensor
    energy: Tensor
    context: Tensor
    recurrent: Tensor
    bias: Tensor


def attention_recurrence(
    rnn_type: str,
    gates: Tensor,
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
        gates: the words' share g (tgt_len, batch, G)
        keys: (batch, src_len, attention_dim)
        values: (batch, src_len, memory_dim)
        padding_mask: (batch, src_len), True on padding; a word at least in each row
        weights: see :class:`Weights`
        hidden: s_0 (batch, hidden_dim)
        cell: c_0 (batch, hidden_dim), of an LSTM
        precision: of the operands of the matrix products, see ``pack_linear``; everything else is
            in the type of ``gates``, which is float32 or float64, under autocast too

    A second backward pass (``retain_graph``) is right; where the backward pass itself is to be
    differentiated (``create_graph``) it runs the plain loop.
    """
    bias = torch.zeros_like(padding_mask, dtype=keys.dtype)
    bias.masked_fill_(padding_mask, float("-inf"))
    tensors = (gates, keys, values, bias, *weights, hidden, cell)
    return Recurrence(*_apply(rnn_type, precision, *tensors))


class AttentionRecurrence(autograd.Function):
    """See :func:`attention_recurrence`."""

    @staticmethod
    def forward(ctx: Any, rnn_type: str, precision: str, *tensors: Tensor | None) -> tuple:
        ctx.set_materialize_grads(False)
        op = CELL_OPS[rnn_type]
        with without_autocast(tensors[0].device.type):
            outputs, kept, form = _forward(op, precision, *tensors)
        ctx.options = rnn_type, precision, form
        ctx.save_for_backward(*tensors, *outputs[:3], *kept)
        return outputs

    @staticmethod
    def backward(ctx: Any, *d_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
        rnn_type, precision, form = ctx.options
        saved = ctx.saved_tensors
        tensors, kept = saved[:11], saved[11:]
        if torch.is_grad_enabled():
            return None, None, *_differentiable(rnn_type, tensors, d_outputs)
        op = CELL_OPS[rnn_type]
        with without_autocast(tensors[0].device.type):
            gradients = _backward(op, precision, form, tensors, kept, d_outputs)
        return None, None, *gradients


_apply = GraphedByShape(AttentionRecurrence.apply)


def _forward(op: type[CellOp], precision: str, *tensors: Tensor | None) -> tuple:
    """Outputs, what the backward pass reads beside them, and the form of the attention."""
    form = best_form(tensors[1])
    outputs, kept = _loop(op, form, precision, *tensors)
    *_, queries = kept
    if form == "exponential" and not in_prepared_range(queries):
        form = "tanh"  # a rare case, seen only now that all queries are known
        outputs, kept = _loop(op, form, precision, *tensors)
    return outputs, kept, form


def _loop(
    op: type[CellOp],
    form: str,
    precision: str,
    gates: Tensor,
    keys: Tensor,
    values: Tensor,
    bias: Tensor,
    query_weight: Tensor,
    energy: Tensor,
    context_weight: Tensor,
    recurrent_weight: Tensor,
    recurrent_bias: Tensor,
    hidden: Tensor,
    cell: Tensor | None,
) -> tuple[tuple, tuple[Tensor, ...]]:
    """The loop over the target."""
    steps, batch, _ = gates.shape
    attention_dim = len(query_weight)
    attention = make_step(form, keys, energy, bias, values)
    from_state = pack_linear(
        torch.cat([query_weight, recurrent_weight]),
        torch.cat([recurrent_bias.new_zeros(attention_dim), recurrent_bias]),
        rows=batch,
        precision=precision,
    )
    from_context = pack_linear(context_weight, rows=batch, precision=precision)
    activations = gates.clone(memory_format=torch.contiguous_format)
    states = gates.new_empty(steps + 1, *hidden.shape)
    states[0] = hidden
    contexts = gates.new_empty(steps, batch, values.size(-1))
    alignments = gates.new_empty(steps, *bias.shape)
    queries = gates.new_empty(steps, batch, attention_dim)
    memory = op.memory(steps, hidden, cell)
    for t in range(steps):
        shares = from_state(states[t])
        queries[t] = shares[:, :attention_dim]
        attention.prepare(queries[t])
        attention.forward(queries[t], alignments[t], contexts[t])
        activations[t] += from_context(contexts[t])
        op.forward(t, activations[t], shares[:, attention_dim:], states, memory)
    last_cell = memory[-1].clone() if op.has_cell else None
    outputs = (states[1:], contexts, alignments, last_cell)
    return outputs, (states, activations, memory, queries)


def _backward(
    op: type[CellOp],
    precision: str,
    form: str,
    tensors: tuple,
    kept: tuple,
    d_outputs: tuple,
) -> tuple:
    """The gradients of ``tensors``."""
    gates, keys, values, bias, query_weight, energy, context_weight, recurrent_weight = tensors[:8]
    _, contexts, alignments, states, activations, memory, queries = kept
    d_states, d_contexts_out, d_alignments, d_last_cell = d_outputs
    steps, batch, _ = gates.shape
    attention_dim = len(query_weight)
    attention = make_step(form, keys, energy, bias, values)
    attention.start_backward()
    joined = torch.cat([query_weight, recurrent_weight])
    to_state = pack_linear(joined.t(), rows=batch, precision=precision)
    to_context = pack_linear(context_weight.t(), rows=batch, precision=precision)
    d_shares = gates.new_empty(steps, batch, len(joined))
    d_recurrents = d_shares[:, :, attention_dim:]
    d_gates = torch.empty_like(gates) if op.gates_recurrent else d_recurrents
    d_contexts = torch.empty_like(contexts)
    d_state = torch.zeros_like(states[0])
    d_cell = torch.zeros_like(d_state) if op.has_cell else None
    if d_last_cell is not None:
        d_cell += d_last_cell
    for t in reversed(range(steps)):
        if d_states is not None:
            d_state = d_state + d_states[t]
        direct = op.backward(
            t, activations[t], states, memory, d_state, d_cell, d_gates[t], d_recurrents[t]
        )
        d_contexts[t] = to_context(d_gates[t])
        if d_contexts_out is not None:
            d_contexts[t] += d_contexts_out[t]
        d_alignment = None if d_alignments is None else d_alignments[t]
        d_query = d_shares[t, :, :attention_dim]
        attention.backward(queries[t], alignments[t], d_contexts[t], d_alignment, d_query)
        d_state = to_state(d_shares[t])
        if direct is not None:
            d_state += direct
    d_keys, d_energy = attention.gradients()
    d_values = torch.bmm(alignments.permute(1, 2, 0), d_contexts.transpose(0, 1))
    d_joined = _weight_gradient(d_shares, states[:-1], precision)
    d_query_weight, d_recurrent_weight = d_joined.split([attention_dim, len(recurrent_weight)])
    d_context_weight = _weight_gradient(d_gates, contexts, precision)
    d_bias = d_recurrents.sum(dim=(0, 1))
    d_weights = (d_query_weight, d_energy, d_context_weight, d_recurrent_weight, d_bias)
    return d_gates, d_keys, d_values, None, *d_weights, d_state, d_cell


def _weight_gradient(d_outputs: Tensor, inputs: Tensor, precision: str) -> Tensor:
    """Of the weight of a product at every step: one product for all steps."""
    d_outputs, inputs = d_outputs.flatten(0, 1), inputs.flatten(0, 1)
    if precision == "fp32":
        return d_outputs.t() @ inputs
    return (d_outputs.bfloat16().t() @ inputs.bfloat16()).type_as(inputs)


def _differentiable(rnn_type: str, tensors: tuple, d_outputs: tuple) -> list[Tensor | None]:
    """The gradients of ``tensors`` as functions of them, by the plain loop."""
    with torch.enable_grad():
        outputs = plain_attention_recurrence(rnn_type, *tensors)
        pairs = [(o, d) for o, d in zip(outputs, d_outputs, strict=True) if d is not None]
        wanted = [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]
        found = autograd.grad(
            [output for output, _ in pairs],
            wanted,
            [gradient for _, gradient in pairs],
            create_graph=True,
            allow_unused=True,
        )
    gradients = dict(zip(map(id, wanted), found, strict=True))
    return [gradients.get(id(tensor)) for tensor in tensors]
