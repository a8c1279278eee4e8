"""The attention decoder: every step looks at the sentence anew."""

import torch
from torch import Tensor, nn

from .attention import BahdanauAttention
from .bridge import EncoderOut
from .decoder import BaseRNNDecoder
from .rnn import RNN, Cell, State, join_layers, select_layers


class AttentionRNNDecoder(BaseRNNDecoder):
    r"""The decoder of Bahdanau et al. (2015, arXiv:1409.0473, sections 3.1 and A.2.2).

    .. math::
        c_t, a_t = \mathrm{attention}(s_{t-1}, h_1..h_T), \quad
        s_t = f([y_{t-1}; c_t], s_{t-1}), \quad
        p(y_t) = \mathrm{softmax}(E\, \mathrm{readout}(s_t, c_t, y_{t-1}))

    The query is the *previous* state, and the context enters both the cell and the readout.
    More layers stand on top of the first: the first attends, the others run over its outputs
    (the paper has one; GNMT, Wu et al., 2016, attends from the bottom layer too).

    Args:
        attention: gives a context for a query
        cell: the transition of the first layer
        embed_dim: size of an embedding
        memory_dim: size of a context
        upper: the layers above the first, or None
        dropout: dropout between the first layer and the next
    """

    def __init__(
        self,
        *args,
        attention: BahdanauAttention,
        cell: Cell,
        embed_dim: int,
        memory_dim: int,
        upper: RNN | None = None,
        dropout: float = 0.0,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.attention = attention
        self.cell = cell
        gates_dim = cell.num_gates * cell.hidden_dim
        self.embed_gates = nn.Linear(embed_dim, gates_dim)
        self.context_gates = nn.Linear(memory_dim, gates_dim, bias=False)
        self.upper = upper
        self.dropout = nn.Dropout(dropout)

    def step(
        self, embed_gates: Tensor, state: State, encoder_out: EncoderOut
    ) -> tuple[Tensor, State]:
        r"""One word through the attending layer.

        The attention mixes the memory's shares of the gates, :math:`W_c h_j`, which are made once
        per sentence, rather than the memory: :math:`W_c c_t = \sum_j a_{tj} (W_c h_j)`.

        Args:
            embed_gates: (batch, gates_dim), the previous word's share of the gates
            state: of the first layer, entries (batch, 1, hidden_dim)
            encoder_out: with ``keys`` and ``memory_gates``

        Returns:
            alignment (batch, src_len), the next state
        """
        context_gates, alignment = self.attention(
            state["hidden"][:, 0],  # the query s_{t-1}
            encoder_out["keys"][0],
            encoder_out["memory_gates"][0],
            encoder_out["padding_mask"][0],
        )
        return alignment, self.cell(embed_gates + context_gates, state)

    def unroll(
        self, embedded: Tensor, state: State, encoder_out: EncoderOut
    ) -> tuple[tuple[Tensor, ...], Tensor | None, State]:
        """See :meth:`BaseRNNDecoder.unroll`."""
        self._project_memory(encoder_out)
        embed_gates = self.embed_gates(embedded)
        first = select_layers(state, slice(0, 1))
        alignments, outputs = [], []
        for t in range(embedded.size(1)):
            alignment, first = self.step(embed_gates[:, t], first, encoder_out)
            alignments.append(alignment)
            outputs.append(first["hidden"][:, 0])
        alignment, output = torch.stack(alignments, dim=1), torch.stack(outputs, dim=1)
        context = torch.bmm(alignment, encoder_out["memory"][0])
        if self.upper is not None:
            output, above = self.upper(self.dropout(output), select_layers(state, slice(1, None)))
            first = join_layers(first, above)
        return (output, context, embedded), alignment, first

    def _project_memory(self, encoder_out: EncoderOut) -> None:
        """Once per sentence; the projections live beside the memory that they are made from."""
        if "keys" not in encoder_out:
            memory = encoder_out["memory"][0]
            encoder_out["keys"] = [self.attention.project_keys(memory)]
            encoder_out["memory_gates"] = [self.context_gates(memory)]
