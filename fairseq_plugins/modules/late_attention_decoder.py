"""The attention decoders whose context enters the readout: every step moves, then looks."""

from typing import Any

import torch
from torch import Tensor

from .attention_decoder import AttentionDecoder
from .bridge import EncoderOut
from .cells import State
from .decoder import Unrolled, join_steps
from .rnn import RNN
from .stack import Stack


class LateAttentionDecoder(AttentionDecoder):
    r"""The decoder of Luong et al. (2015, arXiv:1508.04025, section 3) without input feeding.

    .. math::
        s_t = f(y_{t-1}, s_{t-1}), \quad
        c_t, a_t = \mathrm{attention}(s_t, h_1..h_T), \quad
        p(y_t) = \mathrm{softmax}(E\, \mathrm{readout}(s_t, c_t))

    No context enters the recurrence, so neither it nor the attention (unless that one remembers
    its alignments) loops over time in Python: the whole target is one call of each.

    Args:
        rnn: the recurrent layers; the top one attends
    """

    def __init__(self, *args: Any, rnn: RNN | Stack, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rnn = rnn

    def queries(self, output: Tensor, state: State) -> Tensor:
        """The states that attend: here :math:`s_t`; ``state`` is the one before the first."""
        return output

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """See :meth:`BaseRNNDecoder.unroll`."""
        return self.move_and_look(embedded, embedded, state, encoder_out)

    def move_and_look(
        self, inputs: Tensor, embedded: Tensor, state: State, encoder_out: EncoderOut
    ) -> Unrolled:
        """The recurrence over ``inputs`` (batch, tgt_len, dim), then the attention."""
        output, last = self.rnn(inputs, state)
        attended = self.attend(self.queries(output, state), embedded, state, encoder_out)
        last = {**attended.state, **last}
        return Unrolled(output, attended.context, embedded, attended.alignment, last)


class PreviousQueryDecoder(LateAttentionDecoder):
    """The same, but the previous output attends, as with Bahdanau et al. (2015).

    It is an entry of the state, ``top`` (batch, 1, hidden_dim): with residual connections it is
    not the top layer's own state.
    """

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The state before the first word; its top layer is the first output."""
        state = super().init_state(encoder_out)
        return {**state, "top": state["hidden"][:, -1:]}

    def queries(self, output: Tensor, state: State) -> Tensor:
        """The top layer's previous output."""
        return torch.cat([state["top"], output[:, :-1]], dim=1)

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """See :meth:`BaseRNNDecoder.unroll`."""
        unrolled = super().unroll(embedded, state, encoder_out)
        last = {**unrolled.state, "top": unrolled.output[:, -1:]}
        return unrolled._replace(state=last)


class InputFeedingDecoder(LateAttentionDecoder):
    r"""Input feeding (Luong et al., 2015, section 3.3): the decoder knows where it has looked.

    The attentional state, the readout's :math:`\tilde h_{t-1}`, enters the next step's cell beside
    the word: :math:`s_t = f([y_{t-1}; \tilde h_{t-1}], s_{t-1})`, with :math:`\tilde h_0 = 0`.
    """

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The state before the first word, with an attentional state ``feed`` of 0."""
        state = super().init_state(encoder_out)
        hidden = state["hidden"]
        return {**state, "feed": hidden.new_zeros(hidden.size(0), 1, self.readout.output_dim)}

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """See :meth:`BaseRNNDecoder.unroll`."""
        steps = []
        for word in embedded.split(1, dim=1):
            inputs = torch.cat([word, state["feed"]], dim=-1)
            step = self.move_and_look(inputs, word, state, encoder_out)
            feed = self.read(step)
            state = {**step.state, "feed": feed}
            steps.append(step._replace(state=state, features=feed))
        return join_steps(steps)
