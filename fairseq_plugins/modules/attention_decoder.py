"""The attention decoders whose context enters the cell: every step looks before it moves."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from .attention import Attention, AttentionOutput, BahdanauAttention
from .bridge import EncoderOut
from .cells import Cell, State
from .decoder import BaseRNNDecoder, Unrolled
from .dropout import Dropout
from .fast import may_be_fast
from .fused_attention_layer import AttendingLayer, can_be_fused, run_fused
from .rnn import RNN
from .stack import Stack


class AttentionDecoder(BaseRNNDecoder):
    """What every decoder with attention shares.

    Args:
        attention: gives a context for a query
    """

    def __init__(self, *args: Any, attention: Attention, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.attention = attention

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The bridge's state, and what the attention remembers of its alignments."""
        self._project(encoder_out)
        past = self.attention.init_state(encoder_out["keys"][0], encoder_out["padding_mask"][0])
        return {**super().init_state(encoder_out), **past}

    def query(self, hidden: Tensor, embedded: Tensor) -> Tensor:
        """What attends: a decoder's state (batch, tgt_len, hidden_dim); a hook of subclasses.

        ``embedded`` is the embedding of the word before, of the same steps.
        """
        return hidden

    def attend(
        self, hidden: Tensor, embedded: Tensor, state: State, encoder_out: EncoderOut
    ) -> AttentionOutput:
        """Context and alignment for the states ``hidden`` (batch, tgt_len, hidden_dim)."""
        self._project(encoder_out)
        return self.attention(
            self.query(hidden, embedded),
            encoder_out["keys"][0],
            encoder_out["values"][0],
            encoder_out["padding_mask"][0],
            state,
        )

    def _project(self, encoder_out: EncoderOut) -> None:
        """Once per sentence; keys and values live beside the memory that they are made from."""
        if "keys" not in encoder_out:
            memory = encoder_out["memory"][0]
            [key_memory] = encoder_out.get("key_memory", [memory])
            encoder_out["keys"] = [self.attention.project_keys(key_memory)]
            encoder_out["values"] = [self.attention.project_values(memory)]


class AttentionRNNDecoder(AttentionDecoder):
    r"""The decoder of Bahdanau et al. (2015, arXiv:1409.0473, sections 3.1 and A.2.2).

    .. math::
        c_t, a_t = \mathrm{attention}(s_{t-1}, h_1..h_T), \quad
        s_t = f([y_{t-1}; c_t], s_{t-1}), \quad
        p(y_t) = \mathrm{softmax}(E\, \mathrm{readout}(s_t, c_t, y_{t-1}))

    The query is the *previous* state, and the context enters the cell. More layers stand on top
    of the first: the first attends, the others run over its outputs, with the context as a
    further input where ``context_to_all_layers`` says so (GNMT, Wu et al., 2016, section 3).

    Args:
        cell: the transition of the first layer
        embed_dim: size of an embedding
        upper: the layers above the first, or None
        dropout: dropout between the first layer and the next
        context_to_all_layers: the layers above take the context too
    """

    def __init__(
        self,
        *args: Any,
        cell: Cell,
        embed_dim: int,
        upper: RNN | Stack | None = None,
        dropout: Dropout | None = None,
        context_to_all_layers: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.cell = cell
        gates_dim = cell.num_gates * cell.hidden_dim
        self.embed_gates = nn.Linear(embed_dim, gates_dim, bias=cell.input_bias)
        self.context_gates = nn.Linear(self.attention.output_dim, gates_dim, bias=False)
        self.upper = upper
        self.dropout = dropout or Dropout(0.0)
        self.context_to_all_layers = context_to_all_layers

    def step(
        self, embedded: Tensor, embed_gates: Tensor, state: State, encoder_out: EncoderOut
    ) -> tuple[AttentionOutput, State]:
        """One word through the attending layer.

        Args:
            embedded: (batch, 1, embed_dim), the previous word
            embed_gates: (batch, gates_dim), its share of the gates
            state: of the first layer, entries (batch, 1, hidden_dim), and of the attention
            encoder_out: what the encoder gave

        Returns:
            the attention's output, the first layer's next state
        """
        attended = self.attend(state["hidden"], embedded, state, encoder_out)  # the query s_{t-1}
        gates = embed_gates + self.context_gates(attended.context[:, 0])
        return attended, self.cell(gates, state)

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """See :meth:`BaseRNNDecoder.unroll`."""
        names = self.cell.state_names
        first = {**state, **{name: state[name][:, :1] for name in names}}
        fused = embedded.size(1) > 1 and self.can_fuse() and may_be_fast(self)
        attend = self._attend_fused if fused else self._attend_by_step
        output, context, alignment, last = attend(embedded, first, encoder_out)
        if self.upper is not None:
            above = {name: state[name][:, 1:] for name in names}
            extra = (context,) if self.context_to_all_layers else ()
            output, above = self.upper(self.dropout(output), above, *extra)
            last = last | {name: torch.cat([last[name], above[name]], dim=1) for name in names}
        return Unrolled(output, context, embedded, alignment, last)

    def can_fuse(self) -> bool:
        """Whether a whole target may go through the fused recurrence; not where a subclass has
        changed the step or the query."""
        hooks = (AttentionRNNDecoder.step, AttentionDecoder.attend, AttentionDecoder.query)
        same = all(getattr(type(self), hook.__name__) is hook for hook in hooks)
        return same and can_be_fused(self.attention, self.cell)

    def _attend_by_step(
        self, embedded: Tensor, state: State, encoder_out: EncoderOut
    ) -> AttendingLayer:
        """The attending layer as it is written above."""
        embed_gates = self.embed_gates(embedded)
        attended, outputs = [], []
        for t in range(embedded.size(1)):
            step, moved = self.step(embedded[:, t : t + 1], embed_gates[:, t], state, encoder_out)
            state = {**step.state, **moved}
            attended.append(step)
            outputs.append(moved["hidden"])
        contexts, alignments, _ = zip(*attended, strict=True)
        joined = (torch.cat(parts, dim=1) for parts in (outputs, contexts, alignments))
        output, context, alignment = joined
        return AttendingLayer(output, context, alignment, state)

    def _attend_fused(
        self, embedded: Tensor, state: State, encoder_out: EncoderOut
    ) -> AttendingLayer:
        """The same, all steps in one function."""
        self._project(encoder_out)
        return run_fused(
            cast(BahdanauAttention, self.attention),  # see can_fuse
            self.cell,
            self.embed_gates,
            self.context_gates,
            embedded,
            state,
            encoder_out["keys"][0],
            encoder_out["values"][0],
            encoder_out["padding_mask"][0],
        )


class ConditionalRNNDecoder(AttentionRNNDecoder):
    r"""The conditional GRU of Nematus (Sennrich et al., 2017, arXiv:1703.04357, section 2.1).

    .. math::
        s'_t = f_1(y_{t-1}, s_{t-1}), \quad
        c_t, a_t = \mathrm{attention}(s'_t, h_1..h_T), \quad
        s_t = f_2(c_t, s'_t)

    The query stands between two transitions: it knows the previous word already.

    Args:
        first_cell: the transition :math:`f_1` before the attention; ``cell`` is :math:`f_2`
    """

    def __init__(self, *args: Any, first_cell: Cell, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.first_cell = first_cell

    def step(
        self, embedded: Tensor, embed_gates: Tensor, state: State, encoder_out: EncoderOut
    ) -> tuple[AttentionOutput, State]:
        """See :meth:`AttentionRNNDecoder.step`."""
        between = self.first_cell(embed_gates, state)
        attended = self.attend(between["hidden"], embedded, state, encoder_out)
        return attended, self.cell(self.context_gates(attended.context[:, 0]), between)
