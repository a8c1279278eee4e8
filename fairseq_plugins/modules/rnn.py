"""Recurrent cells and layers: the only file that knows that an LSTM has a cell beside its state.

A recurrent state is a dictionary of batch-first tensors, ``{"hidden": (batch, layers, dim)}`` and,
for an LSTM, also ``"cell"`` of the same shape. It goes in and comes out of every function; modules
remember only weights. Whoever reorders, selects or stores a state treats all entries alike.
"""

import torch
from torch import Tensor, nn

State = dict[str, Tensor]

STATE_NAMES: dict[str, tuple[str, ...]] = {
    "rnn": ("hidden",),
    "gru": ("hidden",),
    "lstm": ("hidden", "cell"),
}
RNN_TYPES = tuple(STATE_NAMES)
NONLINEARITIES = ("tanh", "relu")


def select_layers(state: State, layers: slice) -> State:
    """The entries of some layers only: (batch, layers, dim) -> (batch, len(layers), dim)."""
    return {name: tensor[:, layers] for name, tensor in state.items()}


def join_layers(*states: State) -> State:
    """Stack the layers of several states: the inverse of :func:`select_layers`."""
    return {name: torch.cat([state[name] for state in states], dim=1) for name in states[0]}


class RNN(nn.Module):
    """Stacked recurrent layers over whole sequences, in one call of the library's kernel.

    Args:
        rnn_type: ``"rnn"`` (Elman, 1990), ``"gru"`` (Cho et al., 2014, arXiv:1406.1078) or
            ``"lstm"`` (Hochreiter and Schmidhuber, 1997)
        input_dim: size of each input vector
        hidden_dim: size of each state, per direction
        num_layers: number of stacked layers
        bidirectional: read the sequence in both directions and concatenate the states
        dropout: probability of dropping an activation between two layers
        nonlinearity: ``"tanh"`` or ``"relu"``; of ``"rnn"`` only

    Shape:
        - inputs: (batch, len, input_dim)
        - state: entries (batch, num_layers, directions * hidden_dim), the directions of a layer
          side by side; ``None`` means zeros
        - outputs: (batch, len, directions * hidden_dim), of the last layer
    """

    def __init__(
        self,
        rnn_type: str,
        input_dim: int,
        hidden_dim: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
    ) -> None:
        super().__init__()
        check_cell(rnn_type, nonlinearity)
        self.state_names = STATE_NAMES[rnn_type]
        self.num_layers = num_layers
        self.output_dim = hidden_dim * (2 if bidirectional else 1)
        kernel = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[rnn_type]
        extra = {"nonlinearity": nonlinearity} if rnn_type == "rnn" else {}
        self.rnn = kernel(
            input_dim,
            hidden_dim,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
            **extra,
        )

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run over ``inputs``; entries of ``state`` that are no recurrent state are ignored."""
        first = None if state is None else self._to_kernel(state)
        outputs, last = self.rnn(inputs, first)
        return outputs, self._from_kernel(last)

    def forward_padded(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """Run over right-padded sequences of different lengths; outputs on padding are 0.

        Shape: lengths (batch,), at least 1; each row's last state is that of its last real step.
        """
        lengths = lengths.cpu()
        if int(lengths.min()) == inputs.size(1):
            return self(inputs)
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths, batch_first=True, enforce_sorted=False
        )
        packed_outputs, last = self.rnn(packed)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(
            packed_outputs, batch_first=True, total_length=inputs.size(1)
        )
        return outputs, self._from_kernel(last)

    def _to_kernel(self, state: State) -> Tensor | tuple[Tensor, ...]:
        """(batch, layers, dim) -> the kernel's (layers, batch, dim); one direction only."""
        tensors = tuple(state[name].transpose(0, 1).contiguous() for name in self.state_names)
        return tensors if len(tensors) > 1 else tensors[0]

    def _from_kernel(self, last: Tensor | tuple[Tensor, ...]) -> State:
        """The kernel's (layers * directions, batch, dim) -> (batch, layers, directions * dim)."""
        tensors = last if isinstance(last, tuple) else (last,)
        return {
            name: tensor.transpose(0, 1).reshape(tensor.size(1), self.num_layers, self.output_dim)
            for name, tensor in zip(self.state_names, tensors, strict=True)
        }


class Cell(nn.Module):
    """One recurrent transition, s_t = f(g_t, s_{t-1}), with the recurrent weights U.

    The input's share of the gates, g_t = W x_t + b, is made outside, so that whatever is known
    before the loop over time is multiplied once for all steps.

    Shape:
        - gates: (batch, num_gates * hidden_dim)
        - state: entries (batch, 1, hidden_dim); comes out in the same shape
    """

    num_gates: int
    state_names: tuple[str, ...] = ("hidden",)

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.recurrent = nn.Linear(hidden_dim, self.num_gates * hidden_dim)

    def forward(self, gates: Tensor, state: State) -> State:
        """The next state."""
        raise NotImplementedError


class ElmanCell(Cell):
    r"""The simple RNN, :math:`s_t = \tanh(g_t + U s_{t-1})`, or relu (Elman, 1990)."""

    num_gates = 1

    def __init__(self, hidden_dim: int, nonlinearity: str = "tanh") -> None:
        super().__init__(hidden_dim)
        self.activation = torch.tanh if nonlinearity == "tanh" else torch.relu

    def forward(self, gates: Tensor, state: State) -> State:
        hidden = state["hidden"][:, 0]
        return {"hidden": self.activation(gates + self.recurrent(hidden)).unsqueeze(1)}


class GRUCell(Cell):
    r"""The gated recurrent unit (Cho et al., 2014), in the form that cuDNN and torch use.

    .. math::
        r, z = \sigma(g^{rz} + U^{rz} s_{t-1}), \quad
        n = \tanh(g^n + r \odot U^n s_{t-1}), \quad
        s_t = (1 - z) \odot n + z \odot s_{t-1}
    """

    num_gates = 3

    def forward(self, gates: Tensor, state: State) -> State:
        hidden = state["hidden"][:, 0]
        r_in, z_in, n_in = gates.chunk(3, dim=-1)
        r_rec, z_rec, n_rec = self.recurrent(hidden).chunk(3, dim=-1)
        reset = torch.sigmoid(r_in + r_rec)
        update = torch.sigmoid(z_in + z_rec)
        new = torch.tanh(n_in + reset * n_rec)
        return {"hidden": (new + update * (hidden - new)).unsqueeze(1)}


class LSTMCell(Cell):
    r"""The long short-term memory with forget gate (Gers et al., 2000).

    .. math::
        i, f, \tilde{c}, o = g_t + U s_{t-1}, \quad
        c_t = \sigma(f) \odot c_{t-1} + \sigma(i) \odot \tanh(\tilde{c}), \quad
        s_t = \sigma(o) \odot \tanh(c_t)
    """

    num_gates = 4
    state_names = ("hidden", "cell")

    def forward(self, gates: Tensor, state: State) -> State:
        gates = gates + self.recurrent(state["hidden"][:, 0])
        i, f, new, o = gates.chunk(4, dim=-1)
        cell = torch.sigmoid(f) * state["cell"][:, 0] + torch.sigmoid(i) * torch.tanh(new)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        return {"hidden": hidden.unsqueeze(1), "cell": cell.unsqueeze(1)}


def build_cell(rnn_type: str, hidden_dim: int, nonlinearity: str = "tanh") -> Cell:
    """The cell of a type, for a decoder whose input depends on its own last state."""
    check_cell(rnn_type, nonlinearity)
    if rnn_type == "rnn":
        return ElmanCell(hidden_dim, nonlinearity)
    return {"gru": GRUCell, "lstm": LSTMCell}[rnn_type](hidden_dim)


def check_cell(rnn_type: str, nonlinearity: str) -> None:
    """Refuse an unknown cell type or nonlinearity.

    Raises:
        ValueError: naming the choices
    """
    if rnn_type not in RNN_TYPES:
        raise ValueError(f"rnn_type ({rnn_type!r}) must be one of {', '.join(RNN_TYPES)}")
    if nonlinearity not in NONLINEARITIES:
        raise ValueError(
            f"nonlinearity ({nonlinearity!r}) must be one of {', '.join(NONLINEARITIES)}"
        )
