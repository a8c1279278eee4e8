"""The plain RNN decoder: the sentence reaches it only through the vector C."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqIncrementalDecoder
from torch import Tensor, nn

from .bridge import Bridge, EncoderOut
from .cells import State
from .dropout import Dropout, one_mask
from .embedding import Embedding
from .hypotheses import repeat
from .pointer import PointerGenerator
from .readout import Readout
from .rnn import RNN, CellRNN
from .scheduled_sampling import Schedule, mix
from .stack import Stack

IncrementalState = dict[str, dict[str, Tensor | None]]
PreparedForm = Callable[[Tensor, State, EncoderOut], "Unrolled"]


class Unrolled(NamedTuple):
    """What a decoder has made of one word or of a whole target.

    Attributes:
        output: s_t of the top layer (batch, tgt_len, hidden_dim)
        context: c_t, or the semantic vector C (batch, tgt_len, context_dim), or None
        embedded: the embedding of y_{t-1} (batch, tgt_len, embed_dim), or None where a step was
            prepared, which has no need of it
        alignment: (batch, tgt_len, src_len), or None without attention
        state: the state after the last word; every entry is batch-first
        features: the readout's (batch, tgt_len, features_dim), where a step needs those of the
            step before it; otherwise None, and the readout runs once for all steps
    """

    output: Tensor
    context: Tensor | None
    embedded: Tensor | None
    alignment: Tensor | None
    state: State
    features: Tensor | None = None


def join_steps(steps: Sequence[Unrolled]) -> Unrolled:
    """Consecutive words as one target."""
    return Unrolled(
        torch.cat([step.output for step in steps], dim=1),
        _join([step.context for step in steps]),
        _join([step.embedded for step in steps]),
        _join([step.alignment for step in steps]),
        steps[-1].state,
        _join([step.features for step in steps]),
    )


def _join(parts: list[Tensor | None]) -> Tensor | None:
    """One field of consecutive words, which all of them have or none."""
    present = [part for part in parts if part is not None]
    return torch.cat(present, dim=1) if present else None


class BaseRNNDecoder(FairseqIncrementalDecoder):
    r"""What every RNN decoder shares: :math:`p(y|x) = \prod_t p(y_t | y_{<t}, C)`.

    Teacher forcing gives the whole target at once; generation gives one word at a time and keeps
    the state in fairseq's ``incremental_state``. Both run :meth:`unroll`, the hook of subclasses.

    Args:
        dictionary: the target dictionary
        embed_tokens: the target embedding
        bridge: makes the first state from the encoder's output
        readout: makes the features from the vectors that ``readout_inputs`` names
        readout_inputs: fields of :class:`Unrolled`
        output_proj: features -> logits, or log-probabilities; None with ``adaptive_softmax``
        adaptive_softmax: fairseq's, for its criterion ``adaptive_loss``
        pointer: mixes in the probability of copying a source word
        schedule: of scheduled sampling (Bengio et al., 2015), or None for pure teacher forcing
        word_dropout: replaces input words by ``<unk>`` in training
        dropout_in: dropout on the embeddings
        dropout_out: dropout on the features
    """

    fast = True  # see may_be_fast

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        *,
        bridge: Bridge,
        readout: Readout,
        readout_inputs: Sequence[str],
        output_proj: nn.Module | None,
        adaptive_softmax: nn.Module | None = None,
        pointer: PointerGenerator | None = None,
        schedule: Schedule | None = None,
        word_dropout: nn.Module | None = None,
        dropout_in: Dropout | None = None,
        dropout_out: Dropout | None = None,
    ) -> None:
        super().__init__(dictionary)
        self.embed_tokens = embed_tokens
        self.bridge = bridge
        self.readout = readout
        self.readout_inputs = tuple(readout_inputs)
        self.output_proj = output_proj
        self.adaptive_softmax = adaptive_softmax
        self.pointer = pointer
        self.schedule = schedule
        self.gold_probability = 1.0 if schedule is None else schedule.probability(0)
        self.word_dropout = word_dropout or nn.Identity()
        self.dropout_in = dropout_in or Dropout(0.0)
        self.dropout_out = dropout_out or Dropout(0.0)
        self.need_attn = True
        self.prepared: PreparedForm | None = None

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The state before the first word; every entry is batch-first."""
        return self.bridge(encoder_out)

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """Run over the words ``embedded`` (batch, tgt_len, embed_dim), from ``state`` on.

        In a search ``encoder_out`` may have one row for several of the batch: see ``hypotheses``.
        """
        raise NotImplementedError

    def extract_features(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut | None = None,
        incremental_state: IncrementalState | None = None,
        **unused: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor | None]]]:
        """Features for ``prev_output_tokens`` (batch, tgt_len), or for the last of them only.

        Returns:
            features (batch, tgt_len, features_dim), where tgt_len is 1 with an
            ``incremental_state``; and ``{"attn": [alignment]}`` with the alignment
            (batch, tgt_len, src_len), or None for a decoder without attention
        """
        assert encoder_out is not None  # fairseq leaves it out only for language models
        unrolled = self.run(prev_output_tokens, encoder_out, incremental_state)
        return self.dropout_out(unrolled.features), {"attn": [unrolled.alignment]}

    def forward(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut | None = None,
        incremental_state: IncrementalState | None = None,
        features_only: bool = False,
        **unused: Any,
    ) -> tuple[Tensor, dict[str, list[Tensor | None]]]:
        """Logits (batch, tgt_len, vocabulary) and ``{"attn": [alignment]}``.

        See :meth:`extract_features`; with ``features_only`` the features in place of the logits.
        Some outputs are log-probabilities (a mixture, a pointer): the softmax leaves them as they
        are. An adaptive softmax takes the features themselves.
        """
        assert encoder_out is not None  # fairseq leaves it out only for language models
        unrolled = self.run(prev_output_tokens, encoder_out, incremental_state)
        features = self.dropout_out(unrolled.features)
        logits = features if features_only else self.logits(features, unrolled, encoder_out)
        return logits, {"attn": [unrolled.alignment if self.need_attn else None]}

    def run(
        self,
        prev_output_tokens: Tensor,
        encoder_out: EncoderOut,
        incremental_state: IncrementalState | None = None,
    ) -> Unrolled:
        """All steps, or one with an ``incremental_state``; with the features of each."""
        with one_mask(self):
            if incremental_state is not None:
                state = self.get_incremental_state(incremental_state, "state")
                word = prev_output_tokens[:, -1:]
                if state is None:  # of each sentence; a search may have several hypotheses of it
                    state = self.init_state(encoder_out)
                    state = {name: repeat(part, len(word)) for name, part in state.items()}
                step = self.prepared or self.teacher_forced
                unrolled = step(word, state, encoder_out)
                self.set_incremental_state(incremental_state, "state", unrolled.state)
                return unrolled
            state = self.init_state(encoder_out)
            if self.training and self.gold_probability < 1:
                return self._sampled(prev_output_tokens, state, encoder_out)
            return self.teacher_forced(prev_output_tokens, state, encoder_out)

    def teacher_forced(self, tokens: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """The words as they are given."""
        embedded = self.dropout_in(self.embed_tokens(self.word_dropout(tokens)))
        unrolled = self.unroll(embedded, state, encoder_out)
        if unrolled.features is None:
            unrolled = unrolled._replace(features=self.read(unrolled))
        return unrolled

    def _sampled(self, tokens: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """Scheduled sampling: a word is the given one, or drawn from the step before it."""
        steps, word = [], tokens[:, :1]
        for t in range(tokens.size(1)):
            step = self.teacher_forced(word, state, encoder_out)
            steps.append(step)
            state = step.state
            if t + 1 < tokens.size(1):
                gold = tokens[:, t + 1]
                own = self.draw(step, encoder_out)
                own = torch.where(gold.eq(self.dictionary.pad()), gold, own)
                word = mix(gold, own, self.gold_probability).unsqueeze(1)
        return join_steps(steps)

    @torch.no_grad()
    def draw(self, step: Unrolled, encoder_out: EncoderOut) -> Tensor:
        """A word (batch,) from the distribution of one step; never padding."""
        assert step.features is not None  # see teacher_forced
        logits = self.logits(step.features, step, encoder_out)
        lprobs = self.get_normalized_probs((logits, None), log_probs=True).flatten(0, 1)
        lprobs[:, self.dictionary.pad()] = float("-inf")
        return torch.multinomial(lprobs.float().exp(), 1).squeeze(1)

    def read(self, unrolled: Unrolled) -> Tensor:
        """The readout's features."""
        return self.readout(*(getattr(unrolled, name) for name in self.readout_inputs))

    def logits(self, features: Tensor, unrolled: Unrolled, encoder_out: EncoderOut) -> Tensor:
        """Features -> logits, with the copies mixed in where there is a pointer."""
        logits = self.output_layer(features)
        if self.pointer is None:
            return logits
        inputs = (unrolled.output, unrolled.context, unrolled.embedded)
        src_tokens = repeat(encoder_out["src_tokens"][0], logits.size(0))
        return self.pointer(logits, inputs, unrolled.alignment, src_tokens)

    def output_layer(self, features: Tensor) -> Tensor:
        """Features -> logits; an adaptive softmax takes the features."""
        return features if self.output_proj is None else self.output_proj(features)

    def set_num_updates(self, num_updates: int) -> None:
        """Where training stands; fairseq's trainer tells before every update."""
        if self.schedule is not None:
            self.gold_probability = self.schedule.probability(num_updates)

    def reorder_incremental_state(
        self, incremental_state: IncrementalState, new_order: Tensor
    ) -> None:
        """Select hypotheses during beam search."""
        state = self.get_incremental_state(incremental_state, "state")
        if state is not None:
            state = {name: tensor.index_select(0, new_order) for name, tensor in state.items()}
            self.set_incremental_state(incremental_state, "state", state)

    def reorder_incremental_state_scripting(
        self, incremental_state: IncrementalState, new_order: Tensor
    ) -> None:
        """What fairseq's searches call; its own form looks at every module, at every step."""
        self.reorder_incremental_state(incremental_state, new_order)

    def max_positions(self) -> int:
        """No limit of its own; fairseq's ``--max-target-positions`` rules."""
        return int(1e5)


class RNNDecoder(BaseRNNDecoder):
    r"""The decoder without attention.

    C is the first state only, :math:`s_t = f(y_{t-1}, s_{t-1})` with :math:`s_0 = C` (Sutskever
    et al., 2014, arXiv:1409.3215), or, with ``context_every_step``, also an input of every step
    and of the readout, :math:`s_t = f([y_{t-1}; C], s_{t-1})` (Cho et al., 2014,
    arXiv:1406.1078). The whole target is one call of the recurrent layers.

    Args:
        rnn: the recurrent layers; their input is a word's embedding, and C where it is used
        context_every_step: give C to every step
    """

    def __init__(
        self,
        *args: Any,
        rnn: RNN | CellRNN | Stack,
        context_every_step: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.rnn = rnn
        self.context_every_step = context_every_step

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The bridge's state; C stays in it where every step needs it."""
        state = super().init_state(encoder_out)
        if self.context_every_step and "context" not in state:
            state["context"] = state["hidden"][:, -1]
        return state

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """See :meth:`BaseRNNDecoder.unroll`; there is no alignment."""
        if not self.context_every_step:
            output, last = self.rnn(embedded, state)
            return Unrolled(output, None, embedded, None, last)
        context = state["context"].unsqueeze(1).expand(-1, embedded.size(1), -1)
        output, last = self.rnn(torch.cat([embedded, context], dim=-1), state)
        return Unrolled(output, context, embedded, None, {**last, "context": state["context"]})
