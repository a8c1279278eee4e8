"""Stacks of recurrent layers that one call of the library's kernel cannot express."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .cells import CellOptions, State, build_cell, join_layers, select_layers
from .directions import DIRECTIONS, NO_FIRST_STATE, Backward, Bidirectional
from .dropout import Dropout
from .rnn import RNN, CellRNN

Layer = RNN | CellRNN | Backward | Bidirectional


class Stack(nn.Module):
    r"""Recurrent layers of several kinds, one above the other.

    .. math:: x^i = f^i([\mathrm{dropout}(x^{i-1}); c]) + x^{i-1}

    The sum with :math:`x^{i-1}`, the layer's own input (not the previous step), is made from the
    layer ``residual_from`` on (Wu et al., 2016, GNMT, arXiv:1609.08144, eq. 6); c is the context
    that GNMT's decoder gives to all layers. Neither dropout nor c touches the residual, and
    :math:`x^0`, the input of the stack, has an ``input_dropout`` of its own.

    Args:
        layers: one-layer modules with the interface of :class:`RNN`, from the bottom to the top
        input_dim: size of each input vector, without the context
        dropout: probability of dropping an activation between two layers
        variational: one dropout mask for all steps of a call
        residual_from: the first layer, counted from 1, that adds its input; 0 for none
        context_dim: size of the context, 0 for none
        input_dropout: probability of dropping an activation below the lowest layer

    Shape:
        - inputs: (batch, len, input_dim)
        - context: (batch, len, context_dim)
        - state: entries (batch, state_layers, output_dim). Where widths differ it holds only the
          layers above the last change of width; ``None`` means zeros
        - outputs: (batch, len, output_dim), of the last layer

    Raises:
        ValueError: for a residual between vectors of two sizes
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_dim: int,
        *,
        dropout: float = 0.0,
        variational: bool = False,
        residual_from: int = 0,
        context_dim: int = 0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        # One for each gap, so that each keeps a mask of its own where masks are kept.
        below = [input_dropout, *[dropout] * (len(layers) - 1)]
        self.dropouts = nn.ModuleList(Dropout(p, variational) for p in below)
        self.residual_from = residual_from
        self.context_dim = context_dim
        self.state_names = layers[-1].state_names
        self.num_layers = len(self.layers)
        widths = [layer.output_dim for layer in layers]
        self.output_dim = widths[-1]
        narrower = [i for i, width in enumerate(widths, 1) if width != self.output_dim]
        self.state_layers = self.num_layers - max(narrower, default=0)
        for i, (before, after) in enumerate(zip([input_dim, *widths], widths, strict=False), 1):
            if self.adds_input(i) and before != after:
                raise ValueError(
                    f"A residual connection around layer {i} needs equal sizes, but its input has "
                    f"{before} and its output {after} (--residual-from {residual_from})"
                )

    def adds_input(self, layer: int) -> bool:
        """Whether a layer, counted from 1, adds its input to its output."""
        return 0 < self.residual_from <= layer

    def forward(
        self, inputs: Tensor, state: State | None = None, context: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run over ``inputs``; entries of ``state`` that are no recurrent state are ignored.

        Raises:
            ValueError: for a ``state`` where a layer does not read forward, or for a context of
                another size than ``context_dim``, none at all included
        """
        if state is not None and self.state_layers != self.num_layers:
            raise ValueError(f"{NO_FIRST_STATE}, but layers of two widths do not")
        states: Sequence[State | None] = [None] * self.num_layers
        if state is not None:
            state = {name: state[name] for name in self.state_names}
            states = [select_layers(state, slice(i, i + 1)) for i in range(self.num_layers)]
        return self.run(inputs, context, lambda i, vectors: self.layers[i](vectors, states[i]))

    def forward_padded(
        self, inputs: Tensor, lengths: Tensor, context: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run over right-padded sequences of different lengths, lengths (batch,).

        Outputs on padding are 0. The last states are those of each row's last step in the order
        of reading, which a residual connection does not change.
        """
        layers: Sequence[Layer] = self.layers  # type: ignore[assignment]
        outputs, state = self.run(
            inputs, context, lambda i, vectors: layers[i].forward_padded(vectors, lengths)
        )
        steps = torch.arange(inputs.size(1), device=inputs.device)
        padding_mask = steps >= lengths.to(inputs.device).unsqueeze(1)
        return outputs.masked_fill(padding_mask.unsqueeze(-1), 0), state

    def run(
        self,
        vectors: Tensor,
        context: Tensor | None,
        layer: Callable[[int, Tensor], tuple[Tensor, State]],
    ) -> tuple[Tensor, State]:
        """Pass through the layers, where ``layer(i, inputs)`` is the i-th, counted from 0."""
        given = 0 if context is None else context.size(-1)
        if given != self.context_dim:
            raise ValueError(f"context_dim is {self.context_dim}, but the context has {given}")
        states = []
        for i in range(self.num_layers):
            inputs = self.dropouts[i](vectors)
            inputs = inputs if context is None else torch.cat([inputs, context], dim=-1)
            outputs, state = layer(i, inputs)
            states.append(state)
            vectors = outputs + vectors if self.adds_input(i + 1) else outputs
        return vectors, join_layers(*states[-self.state_layers :])


def build_layer(options: CellOptions, input_dim: int, hidden_dim: int, direction: str) -> Layer:
    """One layer: the library's kernel where it can, a cell in a loop where it cannot."""

    def kernel(bidirectional: bool = False) -> RNN:
        return RNN(
            options.rnn_type,
            input_dim,
            hidden_dim,
            bidirectional=bidirectional,
            nonlinearity=options.nonlinearity,
        )

    def loop() -> CellRNN:
        return CellRNN(build_cell(options, hidden_dim), input_dim)

    if direction == "bidirectional":
        return kernel(True) if options.has_kernel else Bidirectional(loop(), loop())
    layer = kernel() if options.has_kernel else loop()
    return Backward(layer) if direction == "backward" else layer


def build_rnn(
    options: CellOptions,
    input_dim: int,
    hidden_dim: int,
    *,
    num_layers: int = 1,
    directions: Sequence[str] | str = "forward",
    dropout: float = 0.0,
    variational: bool = False,
    residual_from: int = 0,
    context_dim: int = 0,
    input_dropout: float = 0.0,
) -> RNN | Stack:
    """Recurrent layers: one call of the library's kernel where it computes this, else a stack.

    Args:
        options: the transition of every layer
        input_dim: size of each input vector, without the context
        hidden_dim: size of each state, per direction
        num_layers: number of stacked layers
        directions: ``"forward"``, ``"backward"`` or ``"bidirectional"``, one word for all layers
            or one for each
        dropout: probability of dropping an activation between two layers
        variational: one dropout mask for all steps
        residual_from: the first layer, counted from 1, that adds its input; 0 for none
        context_dim: size of a context that every layer is given
        input_dropout: probability of dropping an activation below the lowest layer

    Raises:
        ValueError: for an unknown direction, another number of directions than layers, or sizes
            that a residual connection cannot add
    """
    directions = [directions] * num_layers if isinstance(directions, str) else list(directions)
    check_layers(num_layers, directions, dropout, residual_from)
    between = dropout if num_layers > 1 else 0.0
    residual = 0 < residual_from <= num_layers
    plain = not (residual or context_dim or input_dropout or (variational and between))
    same = len(set(directions)) == 1 and directions[0] != "backward"
    if options.has_kernel and plain and same:
        return RNN(
            options.rnn_type,
            input_dim,
            hidden_dim,
            num_layers=num_layers,
            bidirectional=directions[0] == "bidirectional",
            dropout=between,
            nonlinearity=options.nonlinearity,
        )
    layers: list[Layer] = []
    width = input_dim
    for direction in directions:
        layers.append(build_layer(options, width + context_dim, hidden_dim, direction))
        width = layers[-1].output_dim
    return Stack(
        layers,
        input_dim,
        dropout=between,
        variational=variational,
        residual_from=residual_from,
        context_dim=context_dim,
        input_dropout=input_dropout,
    )


def check_layers(
    num_layers: int, directions: Sequence[str], dropout: float, residual_from: int
) -> None:
    """Refuse what no stack can be: see :func:`build_rnn`."""
    if num_layers < 1:
        raise ValueError(f"num_layers ({num_layers}) must be at least 1")
    if len(directions) != num_layers:
        raise ValueError(
            f"directions ({', '.join(directions)}) are {len(directions)}, but num_layers is "
            f"{num_layers}"
        )
    for direction in directions:
        if direction not in DIRECTIONS:
            raise ValueError(f"direction ({direction!r}) must be one of {', '.join(DIRECTIONS)}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout ({dropout}) must be at least 0 and below 1")
    if residual_from < 0:
        raise ValueError(f"residual_from ({residual_from}) must be at least 0")
