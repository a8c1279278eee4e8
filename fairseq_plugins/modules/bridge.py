"""The bridge: from what the encoder has read to the decoder's first state.

This first state is the semantic vector C of the sentence (its hidden part in the last layer).
An LSTM's cell crosses on its own weights; where the encoder has no cell, the decoder's is made
from the encoder's hidden state, or starts at 0 where nothing is learned.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .rnn import State

EncoderOut = dict[str, list[Tensor]]


class Bridge(nn.Module):
    """The contract: ``forward(encoder_out)`` gives entries (batch, decoder_layers, decoder_dim).

    Args:
        encoder_dim: size of an encoder state, both directions together
        encoder_layers: number of encoder layers
        encoder_states: the names in the encoder's state, ``("hidden",)`` or with ``"cell"``
        decoder_dim: size of a decoder state
        decoder_layers: number of decoder layers
        decoder_states: the names in the decoder's state
    """

    def __init__(
        self,
        *,
        encoder_dim: int,
        encoder_layers: int,
        encoder_states: Sequence[str],
        decoder_dim: int,
        decoder_layers: int,
        decoder_states: Sequence[str],
    ) -> None:
        super().__init__()
        self.encoder_dim = encoder_dim
        self.decoder_dim = decoder_dim
        self.encoder_states = tuple(encoder_states)
        self.decoder_states = tuple(decoder_states)
        # The top layers correspond; a deeper decoder's lowest layers share the encoder's lowest.
        self.source_layers = [
            max(0, layer + encoder_layers - decoder_layers) for layer in range(decoder_layers)
        ]

    def forward(self, encoder_out: EncoderOut) -> State:
        """The decoder's first state."""
        raise NotImplementedError


class LastStateBridge(Bridge):
    """C is the encoder's last state as it is (Sutskever et al., 2014, arXiv:1409.3215)."""

    def __init__(self, **sizes) -> None:
        super().__init__(**sizes)
        if self.encoder_dim != self.decoder_dim:
            raise ValueError(
                f"the bridge 'last' copies the encoder's state, so its size ({self.encoder_dim}, "
                f"all directions together) must equal the decoder's ({self.decoder_dim}); "
                "use the bridge 'transform-last' for different sizes"
            )

    def forward(self, encoder_out: EncoderOut) -> State:
        hidden = encoder_out["hidden"][0]
        state = {
            name: encoder_out[name][0][:, self.source_layers]
            for name in self.decoder_states
            if name in self.encoder_states
        }
        for name in self.decoder_states:
            if name not in state:
                state[name] = torch.zeros_like(hidden[:, self.source_layers])
        return state


class LearnedBridge(Bridge):
    r"""C is a learned transform of a summary: :math:`\tanh(W_l x_l)` for decoder layer l.

    Each layer and each name in the state has weights of its own; a cell is not squashed.
    """

    def __init__(self, **sizes) -> None:
        super().__init__(**sizes)
        self.proj = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    nn.Linear(self.encoder_dim, self.decoder_dim) for _ in self.source_layers
                )
                for name in self.decoder_states
            }
        )

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        """What the first ``name`` of decoder layer ``layer`` is made from: (batch, encoder_dim)."""
        raise NotImplementedError

    def forward(self, encoder_out: EncoderOut) -> State:
        state = {}
        for name, layers in self.proj.items():
            vectors = [
                proj(self.summary(encoder_out, name, layer)) for layer, proj in enumerate(layers)
            ]
            stacked = torch.stack(vectors, dim=1)
            state[name] = torch.tanh(stacked) if name == "hidden" else stacked
        return state


class TransformLastBridge(LearnedBridge):
    r""":math:`s_0 = \tanh(W h_T)` (Cho et al., 2014, arXiv:1406.1078, appendix A.2)."""

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        source = name if name in self.encoder_states else "hidden"
        return encoder_out[source][0][:, self.source_layers[layer]]


class TransformAllBridge(LearnedBridge):
    r""":math:`s_0 = \tanh(W \frac{1}{T} \sum_j h_j)`, over the sentence's real tokens only.

    The mean of all states as Nematus uses it (Sennrich et al., 2017, arXiv:1703.04357, eq. 1).
    """

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        memory, padding_mask = encoder_out["memory"][0], encoder_out["padding_mask"][0]
        real = (~padding_mask).unsqueeze(-1).type_as(memory)
        return (memory * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)


BRIDGES: dict[str, type[Bridge]] = {
    "last": LastStateBridge,
    "transform-last": TransformLastBridge,
    "transform-all": TransformAllBridge,
}
