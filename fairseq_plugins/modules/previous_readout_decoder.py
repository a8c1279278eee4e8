"""The attention decoder of RNNsearch, which writes a word before it takes it in."""

import torch
from torch import Tensor

from .attention_decoder import AttentionRNNDecoder
from .bridge import EncoderOut
from .cells import State
from .decoder import Unrolled


class PreviousReadoutDecoder(AttentionRNNDecoder):
    r"""The decoder of Bahdanau et al. (2015, arXiv:1409.0473), with the readout of A.2.2.

    .. math::
        c_t, a_t = \mathrm{attention}(s_{t-1}, h_1..h_T), \quad
        p(y_t) = \mathrm{softmax}(E\, \mathrm{readout}(s_{t-1}, c_t, y_{t-1})), \quad
        s_t = f([y_{t-1}; c_t], s_{t-1})

    The top layer's previous output, ``top`` (batch, 1, hidden_dim), is an entry of the state: with
    residual connections it is not the layer's own state.
    """

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The state before the first word; its top layer is the first output."""
        state = super().init_state(encoder_out)
        return {**state, "top": state["hidden"][:, -1:]}

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """See :meth:`BaseRNNDecoder.unroll`."""
        unrolled = super().unroll(embedded, state, encoder_out)
        before = torch.cat([state["top"], unrolled.output[:, :-1]], dim=1)
        last = {**unrolled.state, "top": unrolled.output[:, -1:]}
        return unrolled._replace(output=before, state=last)
