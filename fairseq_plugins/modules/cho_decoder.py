"""The plain decoder exactly as it was published, with C inside the reset gate's reach."""

from torch import Tensor, nn

from .bridge import EncoderOut
from .cells import CellOptions, GRUCell, State
from .decoder import RNNDecoder, Unrolled


class ContextGRUCell(GRUCell):
    r"""The decoder's unit of Cho et al. (2014, arXiv:1406.1078, appendix A.2).

    .. math::
        r, z = \sigma(g^{rz} + U^{rz} s_{t-1} + C^{rz} c), \quad
        n = \tanh(g^n + r \odot (U^n s_{t-1} + C^n c)), \quad
        s_t = (1 - z) \odot n + z \odot s_{t-1}

    The semantic vector c is an entry of the state that never changes.

    Args:
        options: of a gru
        hidden_dim: size of the state and of c
    """

    state_names = ("hidden", "context")

    def __init__(self, options: CellOptions, hidden_dim: int) -> None:
        super().__init__(options, hidden_dim)
        self.context = nn.Linear(hidden_dim, self.num_gates * hidden_dim, bias=False)

    def forward(self, gates: Tensor, state: State) -> State:
        hidden, context = state["hidden"][:, 0], state["context"][:, 0]
        rz_in, n_in = gates.split(self.parts, dim=-1)
        share = self.recurrent(hidden) + self.context(context)
        rz_rec, n_rec = share.split(self.parts, dim=-1)
        reset, update = self.open_gates(rz_in, rz_rec)
        new = self.candidate(n_in, reset * self.norm_recurrent_new(n_rec))
        return {**self.update(hidden, new, update), "context": state["context"]}


class ChoDecoder(RNNDecoder):
    """:class:`RNNDecoder` with C at every step, over a layer of :class:`ContextGRUCell`.

    C comes from the bridge (``SummaryBridge``), made before the first state.
    """

    def init_state(self, encoder_out: EncoderOut) -> State:
        """The bridge's state with C as ``context`` (batch, 1, hidden_dim)."""
        state = self.bridge(encoder_out)
        return {**state, "context": state["context"].unsqueeze(1)}

    def unroll(self, embedded: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """See :meth:`BaseRNNDecoder.unroll`; there is no alignment."""
        output, last = self.rnn(embedded, state)
        context = state["context"].expand(-1, embedded.size(1), -1)
        return Unrolled(output, context, embedded, None, last)
