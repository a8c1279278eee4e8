"""The bridge: from what the encoder has read to the decoder's first state.

This first state is the semantic vector C of the sentence (its hidden part in the last layer).
An LSTM's cell crosses on its own weights; where the encoder has no cell, the decoder's is made
from the encoder's hidden state, or starts at 0 where nothing is learned.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .cells import State

EncoderOut = dict[str, list[Tensor]]


class Bridge(nn.Module):
    """The contract: ``forward(encoder_out)`` gives entries (batch, decoder_layers, decoder_dim).

    Args:
        encoder_dim: size of an encoder state, both directions together; 0 where there is none
        encoder_layers: number of layers in the encoder's state; 0 where there is none
        encoder_states: the names in the encoder's state, ``("hidden",)`` or with ``"cell"``, or
            ``()`` for an encoder without a state
        memory_dim: size of a memory vector
        bidirectional: whether the second half of an encoder's state read backwards
        decoder_dim: size of a decoder state
        decoder_layers: number of decoder layers
        decoder_states: the names in the decoder's state

    Raises:
        ValueError: for a bridge that needs a state, where the encoder has none
    """

    option: str
    needs_state = True

    def __init__(
        self,
        *,
        encoder_dim: int,
        encoder_layers: int,
        encoder_states: Sequence[str],
        memory_dim: int,
        bidirectional: bool,
        decoder_dim: int,
        decoder_layers: int,
        decoder_states: Sequence[str],
    ) -> None:
        super().__init__()
        if self.needs_state and not encoder_states:
            raise ValueError(
                f"the bridge '{self.option}' reads the encoder's last state, but this encoder "
                "has none; use the bridge 'zero' or 'transform-all'"
            )
        self.encoder_dim = encoder_dim
        self.memory_dim = memory_dim
        self.bidirectional = bidirectional
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


class ZeroBridge(Bridge):
    """The first state is 0: all that the decoder learns of the source comes by attention."""

    option = "zero"
    needs_state = False

    def forward(self, encoder_out: EncoderOut) -> State:
        memory = encoder_out["memory"][0]
        size = (memory.size(0), len(self.source_layers), self.decoder_dim)
        return {name: memory.new_zeros(size) for name in self.decoder_states}


class LastStateBridge(Bridge):
    """C is the encoder's last state as it is (Sutskever et al., 2014, arXiv:1409.3215).

    Raises:
        ValueError: for states of different sizes
    """

    option = "last"

    def __init__(self, **sizes: Any) -> None:
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

    def __init__(self, **sizes: Any) -> None:
        super().__init__(**sizes)
        self.proj = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    nn.Linear(self.summary_dim, self.decoder_dim) for _ in self.source_layers
                )
                for name in self.decoder_states
            }
        )

    @property
    def summary_dim(self) -> int:
        """Size of what :meth:`summary` gives."""
        return self.encoder_dim

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        """What the first ``name`` of decoder layer ``layer`` is made from: (batch, summary_dim)."""
        raise NotImplementedError

    def forward(self, encoder_out: EncoderOut) -> State:
        state = {}
        for name, layers in self.proj.items():
            assert isinstance(layers, nn.ModuleList)
            vectors = [
                proj(self.summary(encoder_out, name, layer)) for layer, proj in enumerate(layers)
            ]
            stacked = torch.stack(vectors, dim=1)
            state[name] = torch.tanh(stacked) if name == "hidden" else stacked
        return state


class TransformLastBridge(LearnedBridge):
    r""":math:`s_0 = \tanh(W h_T)`, of the last state h_T of the corresponding layer.

    Cho et al. (2014) have one more layer in between: :class:`SummaryBridge`.
    """

    option = "transform-last"

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        source = name if name in self.encoder_states else "hidden"
        return encoder_out[source][0][:, self.source_layers[layer]]


class TransformAllBridge(LearnedBridge):
    r""":math:`s_0 = \tanh(W \frac{1}{T} \sum_j h_j)`, over the sentence's real tokens only.

    The mean of all states as Nematus uses it (Sennrich et al., 2017, arXiv:1703.04357, eq. 1).
    """

    option = "transform-all"
    needs_state = False

    @property
    def summary_dim(self) -> int:
        return self.memory_dim

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        memory, padding_mask = encoder_out["memory"][0], encoder_out["padding_mask"][0]
        real = (~padding_mask).unsqueeze(-1).type_as(memory)
        return (memory * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)


class TransformBackwardBridge(TransformLastBridge):
    r""":math:`s_0 = \tanh(W_s \overleftarrow{h}_1)` (Bahdanau et al., 2015, A.2.2).

    The last state of the backward direction is the one that has just read the first word
    (arXiv:1409.0473).

    Raises:
        ValueError: for an encoder that reads forward only
    """

    option = "transform-backward"

    def __init__(self, **sizes: Any) -> None:
        super().__init__(**sizes)
        if not self.bidirectional:
            raise ValueError(
                "--bridge transform-backward reads the backward half of the encoder's last state, "
                "so it needs --encoder-direction bidirectional, not forward, backward or "
                "bidirectional-first"
            )

    @property
    def summary_dim(self) -> int:
        return self.encoder_dim // 2

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        return super().summary(encoder_out, name, layer)[:, self.summary_dim :]


class SummaryBridge(LearnedBridge):
    r""":math:`c = \tanh(V h_T)`, :math:`s_0 = \tanh(V' c)` (Cho et al., 2014, A.1 and A.2).

    The state that comes out also holds ``"context"``, c (batch, decoder_dim), for a decoder that
    reads c at every step (arXiv:1406.1078). ``summary_proj`` is V, ``proj`` is V'; h_T is the top
    layer's.
    """

    option = "summary"

    def __init__(self, **sizes: Any) -> None:
        super().__init__(**sizes)
        self.summary_proj = nn.Linear(self.encoder_dim, self.decoder_dim)

    @property
    def summary_dim(self) -> int:
        return self.decoder_dim

    def summary(self, encoder_out: EncoderOut, name: str, layer: int) -> Tensor:
        return encoder_out["context"][0]

    def forward(self, encoder_out: EncoderOut) -> State:
        context = torch.tanh(self.summary_proj(encoder_out["hidden"][0][:, -1]))
        return {**super().forward({**encoder_out, "context": [context]}), "context": context}


BRIDGES: dict[str, type[Bridge]] = {
    bridge.option: bridge
    for bridge in (
        ZeroBridge,
        LastStateBridge,
        TransformLastBridge,
        TransformAllBridge,
        TransformBackwardBridge,
        SummaryBridge,
    )
}
