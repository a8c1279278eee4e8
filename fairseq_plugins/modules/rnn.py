"""Recurrent layers over whole sequences: the library's kernel, or a cell in a loop."""

import torch
from torch import Tensor, nn

from ..ops.autocast import autocast_dtype
from ..ops.recurrence import PreparedLayer, Weights
from ..ops.unpacked_rnn import FUSED, unpacked_rnn
from .cells import Cell, CellOptions, State
from .fast import may_be_fast

# The share of padding up to which rows run faster to the end of the batch than packed, on a CPU:
# where gradients are recorded, and where not. They cost the same there at the shares below (E 256,
# H 512, both directions; one thread of an AMD Zen 4, whose oneDNN has an LSTM but neither of the
# others; 80 rows of 25, 20 of 100 | without gradients also 64 of 15, 5 of 15):
#   LSTM 0.41, 0.65 | 0.23, 0.35, 0.25, 0.5     (at a tenth of padding 1.33 and 2.5 times as fast)
#   GRU  0.20, 0.45 | never
#   RNN  0.15, 0.34 | never
MOST_PADDING = {nn.LSTM: (0.4, 0.2), nn.GRU: (0.2, 0.0), nn.RNN: (0.15, 0.0)}

# Recurrent weights of a direction from which on our own loop pays (a GRU of 420 units, an LSTM of
# 360). Below, its calls from Python cost more than its products save: at 64 units it takes three
# times the kernel's time.
LARGE = 2**19


class RNN(nn.Module):
    """Stacked recurrent layers over whole sequences, in one call of the library's kernel.

    Args:
        rnn_type: see :class:`CellOptions`; what the kernel lacks is :class:`CellRNN`'s
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

    fast = True  # see may_be_fast

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
        self.options = CellOptions(rnn_type, nonlinearity)
        self.state_names = self.options.state_names
        self.num_layers = self.state_layers = num_layers
        self.output_dim = hidden_dim * (2 if bidirectional else 1)
        self.prepared: list[PreparedLayer] | None = None
        self.most_steps: int | None = None
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
        """Run over ``inputs``; entries of ``state`` that are no recurrent state are ignored.

        Raises:
            ValueError: for a ``state`` given to a bidirectional RNN
        """
        if state is not None and self.rnn.bidirectional:
            raise ValueError("A bidirectional RNN reads whole sequences: it takes no first state")
        first = None if state is None else self._to_kernel(state)
        prepared, fused = self.is_prepared_for(inputs), self.may_fuse(inputs)
        if prepared or fused:
            return self._unpacked(inputs, None, first, prepared, fused)
        outputs, last = self.rnn(inputs, first)
        return outputs, self._from_kernel(last)

    def forward_padded(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """Run over right-padded sequences of different lengths; outputs on padding are 0.

        Shape: lengths (batch,), at least 1; each row's last state is that of its last real step.
        """
        lengths = lengths.cpu()
        if int(lengths.min()) == inputs.size(1):
            return self(inputs)
        prepared = self.is_prepared_for(inputs)
        if prepared or self.may_unpack(inputs, lengths):
            return self._unpacked(inputs, lengths, None, prepared, self.may_fuse(inputs))
        packed = nn.utils.rnn.pack_padded_sequence(
            inputs, lengths, batch_first=True, enforce_sorted=False
        )
        packed_outputs, last = self.rnn(packed)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(
            packed_outputs, batch_first=True, total_length=inputs.size(1)
        )
        return outputs, self._from_kernel(last)

    def prepare(self, precision: str) -> None:
        """Pack the weights for generation: they must not change any more.

        Args:
            precision: of the products' operands, see ``pack_linear``
        """
        weight = self.rnn.weight_hh_l0
        known = weight.dtype == torch.float32 and weight.is_cpu and self.rnn.mode in FUSED
        if known and weight.numel() >= LARGE:
            self.most_steps = 1 if precision == "fp32" else None  # the kernel is good at sequences
            self.prepared = [
                PreparedLayer(FUSED[self.rnn.mode], Weights(*own), rows=8, precision=precision)
                for own in self.rnn.all_weights
            ]

    def is_prepared_for(self, inputs: Tensor) -> bool:
        """Whether the packed weights serve for these inputs (batch, len, input_dim)."""
        if self.prepared is None or torch.is_grad_enabled():
            return False
        return self.most_steps is None or inputs.size(1) <= self.most_steps

    def may_fuse(self, inputs: Tensor) -> bool:
        """Whether our own recurrence takes the place of the kernel: in training on a CPU.

        It is faster there for a large GRU or tanh RNN (1.1 to 1.5 times, the more the longer the
        rows), which have no oneDNN kernel; and in bfloat16 its states, of any cell, are of
        float32. For an LSTM in float32 the kernel is faster, by a tenth.
        """
        if inputs.device.type != "cpu" or not torch.is_grad_enabled() or not may_be_fast(self):
            return False
        large = self.rnn.mode != "LSTM" and self.rnn.weight_hh_l0.numel() >= LARGE
        return self.rnn.mode in FUSED and (large or _cpu_precision() == "bf16")

    def _unpacked(
        self,
        inputs: Tensor,
        lengths: Tensor | None,
        first: Tensor | tuple[Tensor, ...] | None,
        prepared: bool,
        fused: bool,
    ) -> tuple[Tensor, State]:
        """Rows to the end of the batch; see ``ops.unpacked_rnn``."""
        outputs, last = unpacked_rnn(
            self.rnn.mode,
            inputs,
            lengths,
            self.prepared if prepared and self.prepared is not None else self.rnn.all_weights,
            first=(first,) if isinstance(first, Tensor) else first,
            bidirectional=self.rnn.bidirectional,
            dropout=self.rnn.dropout if self.rnn.training else 0.0,
            precision=_cpu_precision() if fused else None,
        )
        outputs, *states = (tensor.to(self.rnn.weight_ih_l0.dtype) for tensor in (outputs, *last))
        return outputs, self._from_kernel(tuple(states))

    def may_unpack(self, inputs: Tensor, lengths: Tensor) -> bool:
        """Whether rows of these lengths (batch,) are better not packed; see ``MOST_PADDING``."""
        if inputs.device.type != "cpu" or not may_be_fast(self):
            return False
        with_gradients, without = MOST_PADDING.get(type(self.rnn), (0.0, 0.0))
        most = with_gradients if torch.is_grad_enabled() else without
        return 1 - float(lengths.sum()) / (len(lengths) * inputs.size(1)) <= most

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


def _cpu_precision() -> str:
    """Of the products' operands, as the caller's autocast has it."""
    return "bf16" if autocast_dtype("cpu") == torch.bfloat16 else "fp32"


class CellRNN(nn.Module):
    r"""One recurrent layer made of a cell, :math:`s_t = f(W x_t + b, s_{t-1})`, step by step.

    For cells that no kernel computes; the interface is that of a one-layer :class:`RNN`.

    Args:
        cell: the transition f
        input_dim: size of each input vector

    Shape:
        - inputs: (batch, len, input_dim)
        - state: entries (batch, 1, hidden_dim); ``None`` means zeros
        - outputs: (batch, len, hidden_dim)
    """

    def __init__(self, cell: Cell, input_dim: int) -> None:
        super().__init__()
        self.state_names = cell.state_names
        self.num_layers = self.state_layers = 1
        self.output_dim = cell.hidden_dim
        gates_dim = cell.num_gates * cell.hidden_dim
        self.input = nn.Linear(input_dim, gates_dim, bias=cell.input_bias)
        self.cell = cell

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run over ``inputs``; entries of ``state`` that are no recurrent state are ignored."""
        gates = self.input(inputs)
        if state is None:
            zeros = gates.new_zeros(gates.size(0), 1, self.output_dim)
            state = dict.fromkeys(self.state_names, zeros)
        outputs = []
        for step in gates.unbind(1):
            state = self.cell(step, state)
            outputs.append(state["hidden"])
        return torch.cat(outputs, dim=1), state

    def forward_padded(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """See :meth:`RNN.forward_padded`."""
        gates = self.input(inputs)
        steps = torch.arange(inputs.size(1), device=inputs.device)
        ended = (steps >= lengths.to(inputs.device).unsqueeze(1))[:, :, None, None]
        zeros = gates.new_zeros(gates.size(0), 1, self.output_dim)
        state = dict.fromkeys(self.state_names, zeros)
        outputs = []
        for t, step in enumerate(gates.unbind(1)):
            after = self.cell(step, state)
            outputs.append(after["hidden"].masked_fill(ended[:, t], 0))
            state = {name: torch.where(ended[:, t], state[name], after[name]) for name in state}
        return torch.cat(outputs, dim=1), state
