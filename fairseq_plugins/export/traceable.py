"""Layers in a form that a graph with an open length can hold.

The library's kernels (``nn.GRU``) have none, and a loop of Python would be unrolled: here each
recurrent layer becomes a cell in a scan over time, with the same weights. fairseq's Transformer
asks whether there is padding at all, which a graph cannot; nor can it cut a row into turns.
"""

from typing import NamedTuple

import torch
from fairseq.models.transformer import TransformerEncoderBase
from fairseq.utils import make_positions
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from ..modules.bridge import EncoderOut
from ..modules.cells import Cell, State, build_cell
from ..modules.directions import Backward, Bidirectional
from ..modules.hierarchical_encoder import HierarchicalEncoder
from ..modules.rnn import RNN, CellRNN
from ..modules.stack import Stack


class ScannedRNN(CellRNN):
    """A :class:`CellRNN` whose loop over time is a scan."""

    def forward_padded(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """See :meth:`RNN.forward_padded`."""
        steps = torch.arange(inputs.size(1), device=inputs.device)
        return self.scan(inputs, steps >= lengths.unsqueeze(1))

    def scan(
        self, inputs: Tensor, skip: Tensor, fresh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run over ``inputs`` (batch, len, input_dim).

        Args:
            skip: (batch, len), where the state stays and the output is 0
            fresh: (batch, len), where the state before the step is 0; by default nowhere
        """
        flags = [skip] if fresh is None else [skip, fresh]
        steps = [self.input(inputs), *(flag.unsqueeze(-1) for flag in flags)]
        first = [inputs.new_zeros(inputs.size(0), self.output_dim) for _ in self.state_names]
        last, outputs = scan(self._step, first, tuple(part.transpose(0, 1) for part in steps))
        state = zip(self.state_names, last, strict=True)
        return outputs.transpose(0, 1), {name: tensor.unsqueeze(1) for name, tensor in state}

    def _step(self, before: list[Tensor], step: tuple[Tensor, ...]) -> tuple[list[Tensor], Tensor]:
        """One step of the scan."""
        gates, skip, *fresh = step
        given = [tensor.masked_fill(fresh[0], 0) for tensor in before] if fresh else before
        state = zip(self.state_names, given, strict=True)
        moved = self.cell(gates, {name: tensor.unsqueeze(1) for name, tensor in state})
        after = [moved[name].squeeze(1) for name in self.state_names]
        kept = [torch.where(skip, *pair) for pair in zip(before, after, strict=True)]
        return kept, after[0].masked_fill(skip, 0)


class PaddedTransformer(nn.Module):
    """fairseq's Transformer encoder over rows that may have padding, whether they do or not."""

    def __init__(self, transformer: TransformerEncoderBase) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, src_tokens: Tensor, token_embeddings: Tensor) -> dict[str, list[Tensor]]:
        """What fairseq's gives for these words: ``encoder_out``, (src_len, batch, dim)."""
        parts = self.transformer
        padding_mask = src_tokens.eq(parts.padding_idx)
        positions = make_positions(src_tokens, parts.padding_idx)
        vectors = parts.embed_scale * token_embeddings + parts.embed_positions.weights[positions]
        if parts.layernorm_embedding is not None:
            vectors = parts.layernorm_embedding(vectors)
        vectors = vectors.masked_fill(padding_mask.unsqueeze(-1), 0).transpose(0, 1)
        for layer in parts.layers:
            vectors = layer(vectors, encoder_padding_mask=padding_mask)
        if parts.layer_norm is not None:
            vectors = parts.layer_norm(vectors)
        return {"encoder_out": [vectors]}


class Read(NamedTuple):
    """What recurrent layers make of turns.

    Attributes:
        outputs: (batch, len, dim), of the top layer
        state: the last one
        directions: of the top layer, its hidden states at every word (batch, len, hidden_dim), and
            whether it reads backward
    """

    outputs: Tensor
    state: State
    directions: list[tuple[Tensor, bool]]


class DenseHierarchicalEncoder(nn.Module):
    """A :class:`HierarchicalEncoder` over whole rows, since a graph cannot cut them into turns.

    The token RNN reads a row through and forgets all at the beginning of a turn; the context RNN
    moves only at the ends of turns.
    """

    def __init__(self, encoder: HierarchicalEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.dictionary, self.max_positions = encoder.dictionary, encoder.max_positions

    def forward(self, src_tokens: Tensor) -> EncoderOut:
        """See :meth:`HierarchicalEncoder.forward`; padding is on the right."""
        parts = self.encoder
        padding_mask = src_tokens.eq(self.dictionary.pad())
        real = ~padding_mask
        last = real.cumsum(dim=1) == real.sum(dim=1, keepdim=True)
        ends = real & (last | src_tokens.eq(parts.separator))
        steps = torch.arange(src_tokens.size(1), device=src_tokens.device)
        starts = real & (ends.index_select(1, (steps - 1).clamp(min=0)) | (steps == 0))
        turn = starts.cumsum(dim=1)
        together = turn.unsqueeze(2) == turn.unsqueeze(1)  # (batch, len, len)

        def of_turn(marked: Tensor, vectors: Tensor) -> Tensor:
            """At every word the vector of the word of its turn that is marked."""
            return torch.bmm((together & marked.unsqueeze(1)).to(vectors.dtype), vectors)

        words = read(parts.token_rnn, parts.embed_tokens(src_tokens), padding_mask, starts, ends)
        vectors = [of_turn(starts if back else ends, h) for h, back in words.directions]
        context = read(parts.context_rnn, torch.cat(vectors, dim=-1), ~ends)
        memory = torch.cat([words.outputs, of_turn(ends, context.outputs)], dim=-1)
        return {
            "memory": [memory.masked_fill(padding_mask.unsqueeze(-1), 0)],
            "padding_mask": [padding_mask],
            "src_tokens": [src_tokens],
            **{name: [tensor] for name, tensor in context.state.items()},
        }


def read(
    layer: nn.Module,
    inputs: Tensor,
    skip: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
) -> Read:
    """Run scanning layers over rows of turns.

    Args:
        layer: a stack, or a layer of one
        inputs: (batch, len, input_dim)
        skip: (batch, len), where no state moves
        starts, ends: (batch, len), of the turns between which nothing is remembered
    """
    if isinstance(layer, Stack):
        reads: list[Read] = []

        def run(i: int, vectors: Tensor) -> tuple[Tensor, State]:
            reads.append(read(layer.layers[i], vectors, skip, starts, ends))
            return reads[-1].outputs, reads[-1].state

        outputs, state = layer.run(inputs, None, run)
        return Read(outputs, state, reads[-1].directions)
    if isinstance(layer, Bidirectional):
        ahead, back = (read(part, inputs, skip, starts, ends) for part in (layer.ahead, layer.back))
        state = {name: torch.cat([ahead.state[name], back.state[name]], -1) for name in ahead.state}
        outputs = torch.cat([ahead.outputs, back.outputs], dim=-1)
        return Read(outputs, state, ahead.directions + back.directions)
    if isinstance(layer, Backward):
        turned = [None if flag is None else flag.flip(1) for flag in (ends, starts)]
        found = read(layer.layer, inputs.flip(1), skip.flip(1), *turned)
        directions = [(hidden.flip(1), True) for hidden, _ in found.directions]
        return Read(found.outputs.flip(1), found.state, directions)
    assert isinstance(layer, ScannedRNN)  # see make_traceable
    outputs, state = layer.scan(inputs, skip, starts)
    return Read(outputs, state, [(outputs, False)])


def make_traceable(module: nn.Module) -> None:
    """Put layers with the same weights in the place of those that have no form in a graph."""
    for name, part in module.named_children():
        if isinstance(part, HierarchicalEncoder):
            make_traceable(part)
            setattr(module, name, DenseHierarchicalEncoder(part))
        elif isinstance(part, RNN):
            setattr(module, name, _layers_of(part))
        elif type(part) is CellRNN:
            setattr(module, name, _scanned(part.cell, part.input))
        elif isinstance(part, TransformerEncoderBase):
            setattr(module, name, PaddedTransformer(part))
        else:
            make_traceable(part)


def _layers_of(rnn: RNN) -> Stack:
    """The layers of a kernel, each direction a cell in a scan."""
    kernel = rnn.rnn
    directions = []
    for weights in kernel.all_weights:
        input_weight, recurrent_weight, input_bias, recurrent_bias = weights
        cell = build_cell(rnn.options, kernel.hidden_size)
        cell.recurrent.weight, cell.recurrent.bias = recurrent_weight, recurrent_bias
        proj = nn.Linear(input_weight.size(1), len(input_weight))
        proj.weight, proj.bias = input_weight, input_bias
        directions.append(_scanned(cell, proj))
    layers: list[ScannedRNN | Bidirectional] = list(directions)
    if kernel.bidirectional:
        pairs = zip(directions[::2], directions[1::2], strict=True)
        layers = [Bidirectional(*pair) for pair in pairs]
    return Stack(layers, kernel.input_size)


def _scanned(cell: Cell, proj: nn.Linear) -> ScannedRNN:
    """The layer of a cell and of its input's weights."""
    layer = ScannedRNN(cell, proj.in_features)
    layer.input = proj
    return layer
