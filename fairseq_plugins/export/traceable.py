"""Layers in a form that a graph with an open length can hold.

The library's kernels (``nn.GRU``) have none, and a loop of Python would be unrolled: here each
recurrent layer becomes a cell in a scan over time, with the same weights. fairseq's Transformer
asks whether there is padding at all, which a graph cannot.
"""

import torch
from fairseq.models.transformer import TransformerEncoderBase
from fairseq.utils import make_positions
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from ..modules.cells import Cell, State, build_cell
from ..modules.directions import Bidirectional
from ..modules.rnn import RNN, CellRNN
from ..modules.stack import Stack


class ScannedRNN(CellRNN):
    """A :class:`CellRNN` whose loop over time is a scan."""

    def forward_padded(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """See :meth:`RNN.forward_padded`."""
        steps = torch.arange(inputs.size(1), device=inputs.device)
        ended = (steps >= lengths.unsqueeze(1)).t().unsqueeze(-1)  # (len, batch, 1)
        gates = self.input(inputs).transpose(0, 1)
        first = [inputs.new_zeros(inputs.size(0), self.output_dim) for _ in self.state_names]
        last, outputs = scan(self._step, first, (gates, ended))
        state = zip(self.state_names, last, strict=True)
        return outputs.transpose(0, 1), {name: tensor.unsqueeze(1) for name, tensor in state}

    def _step(
        self, before: list[Tensor], step: tuple[Tensor, Tensor]
    ) -> tuple[list[Tensor], Tensor]:
        """One step; on padding the state stays, and the output is 0."""
        gates, ended = step
        state = zip(self.state_names, before, strict=True)
        moved = self.cell(gates, {name: tensor.unsqueeze(1) for name, tensor in state})
        after = [moved[name].squeeze(1) for name in self.state_names]
        kept = [torch.where(ended, *pair) for pair in zip(before, after, strict=True)]
        return kept, after[0].masked_fill(ended, 0)


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


def make_traceable(module: nn.Module) -> None:
    """Put layers with the same weights in the place of those that have no form in a graph."""
    for name, part in module.named_children():
        if isinstance(part, RNN):
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
