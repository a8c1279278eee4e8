"""Recurrent cells: the only file that knows that an LSTM has a cell beside its state.

A recurrent state is a dictionary of batch-first tensors, ``{"hidden": (batch, layers, dim)}`` and,
for an LSTM, also ``"cell"`` of the same shape. It goes in and comes out of every function; modules
remember only weights. Whoever reorders, selects or stores a state treats all entries alike.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

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


@dataclass(frozen=True)
class CellOptions:
    r"""Which transition a recurrent layer makes.

    Args:
        rnn_type: ``"rnn"`` (Elman, 1990), ``"gru"`` (Cho et al., 2014, arXiv:1406.1078) or
            ``"lstm"`` (Hochreiter and Schmidhuber, 1997)
        nonlinearity: ``"tanh"`` or ``"relu"``; of ``"rnn"`` only
        layer_norm: normalise the sums inside the cell (Ba et al., 2016, arXiv:1607.06450)
        recurrent_dropout: probability of dropping a unit of the candidate, the vector that a gate
            writes into the memory (Semeniuta et al., 2016, arXiv:1603.05118); of ``"gru"`` and
            ``"lstm"`` only, since the simple RNN has no memory that such a dropout would spare
        reset_before: the reset gate acts before the recurrent matrix; of ``"gru"`` only
        norm_per_gate: with ``layer_norm``, normalise the sum of each gate on its own, and nothing
            else (RNMT+, Chen et al., 2018, arXiv:1804.09849, section 4.1)
        linear_output: no tanh on the new cell, :math:`s_t = \sigma(o) \odot c_t` (RNMT+ again); of
            ``"lstm"`` only

    Raises:
        ValueError: for an unknown choice, or for two that exclude each other
    """

    rnn_type: str
    nonlinearity: str = "tanh"
    layer_norm: bool = False
    recurrent_dropout: float = 0.0
    reset_before: bool = False
    norm_per_gate: bool = False
    linear_output: bool = False

    def __post_init__(self) -> None:
        kind = f"rnn_type ({self.rnn_type!r})"
        if self.rnn_type not in RNN_TYPES:
            raise ValueError(f"{kind} must be one of {', '.join(RNN_TYPES)}")
        if self.nonlinearity not in NONLINEARITIES:
            choices = ", ".join(NONLINEARITIES)
            raise ValueError(f"nonlinearity ({self.nonlinearity!r}) must be one of {choices}")
        if not 0 <= self.recurrent_dropout < 1:
            raise ValueError(
                f"recurrent_dropout ({self.recurrent_dropout}) must be at least 0 and below 1"
            )
        if self.recurrent_dropout and self.rnn_type == "rnn":
            raise ValueError(
                f"--recurrent-dropout {self.recurrent_dropout} needs a gated cell, gru or lstm, "
                f"but --rnn-type {self.rnn_type} has no gates"
            )
        if self.reset_before and self.rnn_type != "gru":
            raise ValueError(f"reset_before ({self.reset_before}) needs a gru, not {kind}")
        if self.norm_per_gate and not self.layer_norm:
            raise ValueError(
                f"norm_per_gate ({self.norm_per_gate}) needs layer_norm, which is {self.layer_norm}"
            )
        if self.linear_output and self.rnn_type != "lstm":
            raise ValueError(f"linear_output ({self.linear_output}) needs an lstm, not {kind}")

    @property
    def state_names(self) -> tuple[str, ...]:
        """The entries of the state."""
        return STATE_NAMES[self.rnn_type]

    @property
    def has_kernel(self) -> bool:
        """Whether the library's kernel computes exactly this transition."""
        return not (
            self.layer_norm or self.recurrent_dropout or self.reset_before or self.linear_output
        )


class GateNorm(nn.Module):
    """Layer normalisation of each gate on its own, with gains and biases for all.

    Shape: (batch, num_gates * hidden_dim) -> the same
    """

    def __init__(self, num_gates: int, hidden_dim: int) -> None:
        super().__init__()
        self.sizes = (num_gates, hidden_dim)
        self.weight = nn.Parameter(torch.ones(num_gates * hidden_dim))
        self.bias = nn.Parameter(torch.zeros(num_gates * hidden_dim))

    def forward(self, vectors: Tensor) -> Tensor:
        """The normalised vectors."""
        gates = functional.layer_norm(vectors.unflatten(-1, self.sizes), self.sizes[1:])
        return gates.flatten(-2) * self.weight + self.bias


class Cell(nn.Module):
    """One recurrent transition, s_t = f(g_t, s_{t-1}), with the recurrent weights U.

    The input's share of the gates, g_t = W x_t + b, is made outside, so that whatever is known
    before the loop over time is multiplied once for all steps. With layer normalisation the
    sums go through ``LN(v) = weight * (v - mean) / deviation + bias`` and U has no bias, nor
    should W have one (``input_bias``): it would be normalised away, and LN's own takes its place.

    Dropout on the candidate draws a new mask at every step, in training only.

    Shape:
        - gates: (batch, num_gates * hidden_dim)
        - state: entries (batch, 1, hidden_dim); comes out in the same shape
    """

    num_gates: int
    state_names: tuple[str, ...] = ("hidden",)

    def __init__(self, options: CellOptions, hidden_dim: int) -> None:
        super().__init__()
        self.options = options
        self.hidden_dim = hidden_dim
        self.input_bias = not options.layer_norm
        self.recurrent = nn.Linear(hidden_dim, self.num_gates * hidden_dim, bias=self.input_bias)
        dropout = options.recurrent_dropout
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def build_norm(self, gates: int) -> nn.Module:
        """A normalisation over the vector of so many gates, or none."""
        if not self.options.layer_norm or self.options.norm_per_gate:
            return nn.Identity()
        return nn.LayerNorm(gates * self.hidden_dim)

    def build_sum_norm(self, gates: int) -> nn.Module:
        """A normalisation of each of so many gates' sums on its own, or none."""
        if not self.options.norm_per_gate:
            return nn.Identity()
        return GateNorm(gates, self.hidden_dim)

    def forward(self, gates: Tensor, state: State) -> State:
        """The next state."""
        raise NotImplementedError


class ElmanCell(Cell):
    r"""The simple RNN (Elman, 1990): :math:`s_t = \tanh(\mathrm{norm}(g_t + U s_{t-1}))`, or relu.

    norm is the identity, or LN over the sum (Ba et al., 2016, section 3.1, eq. 4).
    """

    num_gates = 1

    def __init__(self, options: CellOptions, hidden_dim: int) -> None:
        super().__init__(options, hidden_dim)
        self.activation = torch.tanh if options.nonlinearity == "tanh" else torch.relu
        self.norm, self.norm_sum = self.build_norm(1), self.build_sum_norm(1)

    def forward(self, gates: Tensor, state: State) -> State:
        total = self.norm_sum(self.norm(gates + self.recurrent(state["hidden"][:, 0])))
        return {"hidden": self.activation(total).unsqueeze(1)}


class GRUCell(Cell):
    r"""The gated recurrent unit (Cho et al., 2014), in the form that cuDNN and torch use.

    .. math::
        r, z = \sigma(\mathrm{norm}_1(g^{rz}) + \mathrm{norm}_2(U^{rz} s_{t-1})), \quad
        n = \tanh(\mathrm{norm}_3(g^n) + r \odot \mathrm{norm}_4(U^n s_{t-1})), \quad
        s_t = (1 - z) \odot \mathrm{dropout}(n) + z \odot s_{t-1}

    The norms are the identity, or LN: over both gates together, and over the candidate alone
    (Ba et al., 2016, supplementary material, the layer-normalised GRU).
    """

    num_gates = 3

    def __init__(self, options: CellOptions, hidden_dim: int) -> None:
        super().__init__(options, hidden_dim)
        self.norm_input, self.norm_recurrent = self.build_norm(2), self.build_norm(2)
        self.norm_input_new, self.norm_recurrent_new = self.build_norm(1), self.build_norm(1)
        self.norm_sum, self.norm_sum_new = self.build_sum_norm(2), self.build_sum_norm(1)
        self.parts = [2 * hidden_dim, hidden_dim]

    def forward(self, gates: Tensor, state: State) -> State:
        hidden = state["hidden"][:, 0]
        rz_in, n_in = gates.split(self.parts, dim=-1)
        rz_rec, n_rec = self.recurrent(hidden).split(self.parts, dim=-1)
        reset, update = self.open_gates(rz_in, rz_rec)
        new = self.candidate(n_in, reset * self.norm_recurrent_new(n_rec))
        return self.update(hidden, new, update)

    def candidate(self, n_in: Tensor, n_rec: Tensor) -> Tensor:
        """The candidate n from the input's and the recurrent share, (batch, hidden_dim)."""
        return torch.tanh(self.norm_sum_new(self.norm_input_new(n_in) + n_rec))

    def open_gates(self, rz_in: Tensor, rz_rec: Tensor) -> tuple[Tensor, ...]:
        """The reset and the update gate, each (batch, hidden_dim)."""
        total = self.norm_sum(self.norm_input(rz_in) + self.norm_recurrent(rz_rec))
        return torch.sigmoid(total).chunk(2, dim=-1)

    def update(self, hidden: Tensor, new: Tensor, update: Tensor) -> State:
        """Keep the share ``update`` of the old state, take the rest from the candidate."""
        new = self.dropout(new)
        return {"hidden": (new + update * (hidden - new)).unsqueeze(1)}


class OriginalGRUCell(GRUCell):
    r"""The gated recurrent unit as it was published: the reset gate before the recurrent matrix.

    .. math:: n = \tanh(\mathrm{norm}_3(g^n) + \mathrm{norm}_4(U^n (r \odot s_{t-1})))

    (Cho et al., 2014, arXiv:1406.1078, eq. 8; Bahdanau et al., 2015, appendix A.1.1, whose z is
    1 - z here). The rest, and the names of the weights, are those of :class:`GRUCell`.
    """

    def forward(self, gates: Tensor, state: State) -> State:
        hidden = state["hidden"][:, 0]
        rz_in, n_in = gates.split(self.parts, dim=-1)
        rz_weight, n_weight = self.recurrent.weight.split(self.parts)
        bias = self.recurrent.bias
        rz_bias, n_bias = (None, None) if bias is None else bias.split(self.parts)
        reset, update = self.open_gates(rz_in, functional.linear(hidden, rz_weight, rz_bias))
        n_rec = functional.linear(reset * hidden, n_weight, n_bias)
        new = self.candidate(n_in, self.norm_recurrent_new(n_rec))
        return self.update(hidden, new, update)


class LSTMCell(Cell):
    r"""The long short-term memory with forget gate (Gers et al., 2000).

    .. math::
        i, f, \tilde{c}, o = \mathrm{norm}_1(g_t) + \mathrm{norm}_2(U s_{t-1}), \quad
        c_t = \sigma(f) \odot c_{t-1} + \sigma(i) \odot \mathrm{dropout}(\tanh(\tilde{c})), \quad
        s_t = \sigma(o) \odot \tanh(\mathrm{norm}_3(c_t))

    The norms are the identity, or LN: the first two over all four gates together, the third over
    the new cell, which goes on to the next step unnormalised (Ba et al., 2016, eq. 20-22); or,
    per gate, one of the sum (RNMT+), whose cell may also leave out the last tanh.
    """

    num_gates = 4
    state_names = ("hidden", "cell")

    def __init__(self, options: CellOptions, hidden_dim: int) -> None:
        super().__init__(options, hidden_dim)
        self.norm_input, self.norm_recurrent = self.build_norm(4), self.build_norm(4)
        self.norm_cell, self.norm_sum = self.build_norm(1), self.build_sum_norm(4)
        self.squash = nn.Identity() if options.linear_output else nn.Tanh()

    def forward(self, gates: Tensor, state: State) -> State:
        recurrent = self.norm_recurrent(self.recurrent(state["hidden"][:, 0]))
        total = self.norm_sum(self.norm_input(gates) + recurrent)
        i, f, new, o = total.chunk(4, dim=-1)
        new = self.dropout(torch.tanh(new))
        cell = torch.sigmoid(f) * state["cell"][:, 0] + torch.sigmoid(i) * new
        hidden = torch.sigmoid(o) * self.squash(self.norm_cell(cell))
        return {"hidden": hidden.unsqueeze(1), "cell": cell.unsqueeze(1)}


def build_cell(options: CellOptions, hidden_dim: int) -> Cell:
    """The cell of some options, for whoever makes its input step by step."""
    if options.reset_before:
        return OriginalGRUCell(options, hidden_dim)
    return {"rnn": ElmanCell, "gru": GRUCell, "lstm": LSTMCell}[options.rnn_type](
        options, hidden_dim
    )
