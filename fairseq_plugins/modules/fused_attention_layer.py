"""The attending layer of a decoder through the fused recurrence of ``ops``."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..ops.attention_recurrence import Weights, attention_recurrence
from ..ops.autocast import autocast_dtype, without_autocast
from .attention import Attention, BahdanauAttention, NormedBahdanauAttention
from .cells import Cell, ElmanCell, GRUCell, LSTMCell, State


class AttendingLayer(NamedTuple):
    """What the first layer of an attention decoder gives for a whole target."""

    output: Tensor  # (batch, tgt_len, hidden_dim)
    context: Tensor  # (batch, tgt_len, memory_dim)
    alignment: Tensor  # (batch, tgt_len, src_len)
    state: State  # the last, of this layer and of the attention


def can_be_fused(attention: Attention, cell: Cell) -> bool:
    """Whether the fused recurrence computes exactly this attention and this transition."""
    additive = type(attention) in (BahdanauAttention, NormedBahdanauAttention)
    plain = attention.history is None and attention.window is None
    known = type(cell) in (ElmanCell, GRUCell, LSTMCell) and cell.options.has_kernel
    return additive and plain and known and cell.options.nonlinearity == "tanh"


def run_fused(
    attention: BahdanauAttention,
    cell: Cell,
    embed_gates: nn.Linear,
    context_gates: nn.Linear,
    embedded: Tensor,
    state: State,
    keys: Tensor,
    values: Tensor,
    padding_mask: Tensor,
) -> AttendingLayer:
    """The attending layer over a whole target.

    In float32 at least, whatever the type of the weights; under autocast to bfloat16 the operands
    of the products are of that type, and states, energies and softmax of float32.

    Args:
        embedded: the words (batch, tgt_len, embed_dim)
        state: entries (batch, 1, hidden_dim)
        keys, values, padding_mask: see :meth:`Attention.forward`
    """
    dtype = torch.promote_types(cell.recurrent.weight.dtype, torch.float32)
    device = embedded.device.type
    half = autocast_dtype(device) == torch.bfloat16
    with without_autocast(device):
        energy = attention.energy_vector() / attention.temperature
        recurrent = cell.recurrent
        weights = Weights(
            embed_gates.weight,
            embed_gates.bias,
            attention.query_proj.weight,
            energy,
            context_gates.weight,
            recurrent.weight,
            recurrent.bias,
        )
        first = [state[name][:, 0].to(dtype) for name in cell.state_names]
        states, contexts, alignments, last_cell = attention_recurrence(
            cell.options.rnn_type,
            embedded.transpose(0, 1).to(dtype),
            keys.to(dtype),
            values.to(dtype),
            padding_mask,
            Weights(*(weight.to(dtype) for weight in weights)),
            *first,
            precision="bf16" if half else "fp32",
        )
    last = {"hidden": states[-1]} | ({} if last_cell is None else {"cell": last_cell})
    outputs = (states, contexts, alignments)
    output, context, alignment = (x.transpose(0, 1).to(recurrent.weight.dtype) for x in outputs)
    last = {name: tensor.unsqueeze(1).type_as(output) for name, tensor in last.items()}
    # fairseq's loss for guided alignment views the alignment as rows.
    return AttendingLayer(output, context, alignment.contiguous(), last)
