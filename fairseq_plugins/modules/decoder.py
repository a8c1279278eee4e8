"""The plain RNN decoder: the sentence reaches it only through the vector C."""

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqIncrementalDecoder
from torch import Tensor, nn

from .bridge import Bridge, EncoderOut
from .embedding import Embedding
from .readout import DeepOutput, OutputProjection
from .rnn import RNN, State


class BaseRNNDecoder(FairseqIncrementalDecoder):
    r"""What every RNN decoder shares: :math:`p(y|x) = \prod_t p(y_t | y_{<t}, C)`.

    Teacher forcing gives the whole target at once; generation gives one word at a time and keeps
    the state in fairseq's ``incremental_state``. Both run :meth:`unroll`, the hook of subclasses.

    Args:
        dictionary: the target dictionary
        embed_tokens: the target embedding
        bridge: makes the first state from the encoder's output
        readout: makes the features from the vectors that :meth:`unroll` returns
        output_proj: features -> logits
        dropout_in: dropout on the embeddings
        dropout_out: dropout on the features
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        *,
        bridge: Bridge,
        readout: DeepOutput,
        output_proj: OutputProjection,
        dropout_in: float = 0.0,
        dropout_out: float = 0.0,
    ) -> None:
        super().__init__(dictionary)
        self.embed_tokens = embed_tokens
        self.bridge = bridge
        self.readout = readout
        self.output_proj = output_proj
        self.dropout_in = nn.Dropout(dropout_in)
        self.dropout_out = nn.Dropout(dropout_out)

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The state before the first word; every entry is batch-first."""
        return self.bridge(encoder_out)

    def unroll(
        self, embedded: Tensor, state: State, encoder_out: EncoderOut
    ) -> tuple[tuple[Tensor, ...], Tensor | None, State]:
        """Run over the words ``embedded`` (batch, tgt_len, embed_dim), from ``state`` on.

        Returns:
            the readout's inputs, each (batch, tgt_len, dim); the alignment
            (batch, tgt_len, src_len) or None; the state after the last word
        """
        raise NotImplementedError

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut | None = None,
        incremental_state: dict[str, dict[str, Tensor | None]] | None = None,
        **unused,
    ) -> tuple[Tensor, dict[str, list[Tensor | None]]]:
        """Features for ``prev_output_tokens`` (batch, tgt_len), or for the last of them only.

        Returns:
            features (batch, tgt_len, features_dim), where tgt_len is 1 with an
            ``incremental_state``; and ``{"attn": [alignment]}`` with the alignment
            (batch, tgt_len, src_len), or None for a decoder without attention
        """
        state = None
        if incremental_state is not None:
            prev_output_tokens = prev_output_tokens[:, -1:]
            state = self.get_incremental_state(incremental_state, "state")
        if state is None:
            state = self.init_state(encoder_out)
        embedded = self.dropout_in(self.embed_tokens(prev_output_tokens))
        readout_inputs, alignment, state = self.unroll(embedded, state, encoder_out)
        if incremental_state is not None:
            self.set_incremental_state(incremental_state, "state", state)
        features = self.dropout_out(self.readout(*readout_inputs))
        return features, {"attn": [alignment]}

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut | None = None,
        incremental_state: dict[str, dict[str, Tensor | None]] | None = None,
        features_only: bool = False,
        **unused,
    ) -> tuple[Tensor, dict[str, list[Tensor | None]]]:
        """Logits (batch, tgt_len, vocabulary), or features with ``features_only``."""
        features, extra = self.extract_features(prev_output_tokens, encoder_out, incremental_state)
        return (features if features_only else self.output_layer(features)), extra

    def output_layer(self, features: Tensor, **unused) -> Tensor:
        """Features (..., features_dim) -> logits (..., vocabulary)."""
        return self.output_proj(features)

    def reorder_incremental_state(
        self, incremental_state: dict[str, dict[str, Tensor | None]], new_order: Tensor
    ) -> None:
        """Select hypotheses during beam search."""
        state = self.get_incremental_state(incremental_state, "state")
        if state is not None:
            state = {name: tensor.index_select(0, new_order) for name, tensor in state.items()}
            self.set_incremental_state(incremental_state, "state", state)

    def max_positions(self) -> int:
        """No limit of its own; fairseq's ``--max-target-positions`` rules."""
        return int(1e5)


class RNNDecoder(BaseRNNDecoder):
    r"""The decoder without attention.

    C is the first state only, :math:`s_t = f(y_{t-1}, s_{t-1})` with :math:`s_0 = C` (Sutskever
    et al., 2014, arXiv:1409.3215), or, with ``context_every_step``, also an input of every step
    and of the readout, :math:`s_t = f([y_{t-1}; C], s_{t-1})` (Cho et al., 2014,
    arXiv:1406.1078). The whole target is one call of the recurrent kernel.

    Args:
        rnn: the recurrent layers; their input is a word's embedding, and C where it is used
        context_every_step: give C to every step
    """

    def __init__(self, *args, rnn: RNN, context_every_step: bool = False, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.rnn = rnn
        self.context_every_step = context_every_step

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The bridge's state; C, its last layer, stays in it where every step needs it."""
        state = super().init_state(encoder_out)
        if self.context_every_step:
            state["context"] = state["hidden"][:, -1]
        return state

    def unroll(
        self, embedded: Tensor, state: State, encoder_out: EncoderOut
    ) -> tuple[tuple[Tensor, ...], Tensor | None, State]:
        """See :meth:`BaseRNNDecoder.unroll`; there is no alignment."""
        if not self.context_every_step:
            outputs, last = self.rnn(embedded, state)
            return (outputs,), None, last
        context = state["context"].unsqueeze(1).expand(-1, embedded.size(1), -1)
        outputs, last = self.rnn(torch.cat([embedded, context], dim=-1), state)
        return (outputs, context, embedded), None, {**last, "context": state["context"]}
