"""Reading backward, or both ways, over right-padded rows."""

import torch
from torch import Tensor, nn

from ..ops.unpacked_rnn import reverse_padded
from .cells import State
from .rnn import RNN, CellRNN

DIRECTIONS = ("forward", "backward", "bidirectional")
NO_FIRST_STATE = "Only layers that all read forward take a first state"


class Backward(nn.Module):
    """A layer that reads each row from its last real step to its first.

    Outputs stay at their inputs' positions; the last state is that of the row's first step.
    """

    def __init__(self, layer: RNN | CellRNN) -> None:
        super().__init__()
        self.layer = layer
        self.state_names, self.output_dim = layer.state_names, layer.output_dim

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run over whole rows."""
        if state is not None:
            raise ValueError(f"{NO_FIRST_STATE}, but this one reads backward")
        outputs, last = self.layer(inputs.flip(1))
        return outputs.flip(1), last

    def forward_padded(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """See :meth:`RNN.forward_padded`."""
        outputs, last = self.layer.forward_padded(reverse_padded(inputs, lengths), lengths)
        return reverse_padded(outputs, lengths), last


class Bidirectional(nn.Module):
    """Two layers over the same inputs, their outputs and their states side by side."""

    def __init__(self, ahead: RNN | CellRNN, back: RNN | CellRNN) -> None:
        super().__init__()
        self.ahead, self.back = ahead, Backward(back)
        self.state_names = ahead.state_names
        self.output_dim = ahead.output_dim + back.output_dim

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run over whole rows."""
        if state is not None:
            raise ValueError(f"{NO_FIRST_STATE}, but this one is bidirectional")
        return self._join(self.ahead(inputs), self.back(inputs))

    def forward_padded(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """See :meth:`RNN.forward_padded`."""
        ahead = self.ahead.forward_padded(inputs, lengths)
        return self._join(ahead, self.back.forward_padded(inputs, lengths))

    def _join(
        self, ahead: tuple[Tensor, State], back: tuple[Tensor, State]
    ) -> tuple[Tensor, State]:
        """Concatenate the vectors of both directions."""
        state = {name: torch.cat([ahead[1][name], back[1][name]], dim=-1) for name in ahead[1]}
        return torch.cat([ahead[0], back[0]], dim=-1), state
