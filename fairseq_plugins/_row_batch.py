"""Decoder rows of several searches in one batch, whatever the lengths of their sources."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from fairseq.models import FairseqEncoderDecoderModel
from torch import Tensor

Part = tuple[str, int | str]  # an entry of encoder_out and its place there, or "state" and its name
Parts = dict[Part, Tensor]  # every one batch-first
STATE = "state"


class SourceAxis(NamedTuple):
    """Where a part counts source positions, and what it holds on padding."""

    dim: int
    padding: Tensor  # of size 1 in the batch and in ``dim``


class Layout:
    """What the parts of a model's rows are: found by a trial, so that any model will do.

    Two sources, one of them padded, are encoded and decoded for a word, twice: the second time
    with one more position. What has grown counts source positions, and its last column in the
    padded row is what the model itself makes of padding.

    Args:
        model: in evaluation mode

    Attributes:
        axes: of each part; None where it has no source positions
    """

    def __init__(self, model: FairseqEncoderDecoderModel) -> None:
        self.model = model
        self.source_pad = model.encoder.dictionary.pad()
        self.device = next(model.parameters()).device
        self.axes: dict[Part, SourceAxis | None] = {}
        narrow, wide = (self._trial(length) for length in (2, 3))
        for name in narrow.keys() & wide.keys():
            shapes = zip(narrow[name].shape, wide[name].shape, strict=True)
            dims = [dim for dim, (before, after) in enumerate(shapes) if before != after]
            self.axes[name] = _axis(wide[name], *dims) if dims else None

    def _trial(self, length: int) -> Parts:
        """The parts of a source of one token beside one of ``length``, after a word."""
        eos = self.model.encoder.dictionary.eos()
        batch = RowBatch.encode(self, [torch.tensor([eos]), torch.tensor([eos] * length)])
        batch.step([self.model.decoder.dictionary.eos()] * 2)
        return batch.parts

    def widen(self, name: Part, part: Tensor, width: int) -> Tensor:
        """A part for sources of ``width`` positions."""
        axis = self.axes[name]
        if axis is None or part.size(axis.dim) == width:
            return part
        shape = list(part.shape)
        shape[axis.dim] = width - part.size(axis.dim)
        return torch.cat([part, axis.padding.expand(shape)], dim=axis.dim)

    def cut(self, name: Part, part: Tensor, width: int) -> Tensor:
        """A part for sources of at most ``width`` positions."""
        axis = self.axes[name]
        return part if axis is None else part.narrow(axis.dim, 0, width)


class RowBatch:
    """Rows that take their steps together. Sources are padded on the right.

    Attributes:
        parts: of the encoder's output and of the decoder's state
        lengths: of the rows' sources
    """

    def __init__(self, layout: Layout, parts: Parts, lengths: list[int]) -> None:
        self.layout = layout
        self.parts = parts
        self.lengths = lengths

    @classmethod
    def encode(cls, layout: Layout, sources: Sequence[Tensor]) -> "RowBatch":
        """New rows, one for each source (src_len,)."""
        lengths = [len(source) for source in sources]
        tokens = torch.full((len(sources), max(lengths)), layout.source_pad)
        for row, source in enumerate(sources):
            tokens[row, : len(source)] = source
        tokens = tokens.to(layout.device)
        sizes = torch.tensor(lengths, device=layout.device)
        return cls(layout, _flatten(layout.model.encoder(tokens, sizes), {}), lengths)

    def step(self, words: Sequence[int]) -> tuple[Tensor, Tensor | None]:
        """Take in each row's last word.

        Returns:
            log-probabilities of the next word (rows, vocabulary), and where the model looked
            (rows, longest source), or None without attention
        """
        decoder = self.layout.model.decoder
        encoder_out, state = _unflatten(self.parts)
        incremental_state: dict[str, dict[str, Tensor | None]] = {}
        if state:
            decoder.set_incremental_state(incremental_state, STATE, state)
        tokens = torch.tensor(words, device=self.layout.device).unsqueeze(1)
        output, extra = decoder(
            tokens, encoder_out=encoder_out, incremental_state=incremental_state
        )
        lprobs = decoder.get_normalized_probs((output, None), log_probs=True)[:, -1]
        state = decoder.get_incremental_state(incremental_state, STATE)
        self.parts = _flatten(encoder_out, state)
        alignment = extra["attn"][0]
        return lprobs, None if alignment is None else alignment[:, -1]

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all other rows, and the positions that only they had."""
        lengths = [self.lengths[row] for row in rows]
        width = max(lengths)
        order = torch.tensor(rows, dtype=torch.long, device=self.layout.device)
        self.parts = {
            name: self.layout.cut(name, part, width).index_select(0, order)
            for name, part in self.parts.items()
            if name in self.layout.axes
        }
        self.lengths = lengths

    def join(self, other: "RowBatch") -> None:
        """Take in the rows of another batch, behind those that are here.

        A part that only one of them has, or that the trial has not shown, is one that the decoder
        has derived from the others (in one of two forms, see ``ops.decoding_step``): it is left
        out, and the decoder derives it again.
        """
        lengths = self.lengths + other.lengths
        width = max(lengths)
        names = [name for name in self.parts if name in other.parts and name in self.layout.axes]
        self.parts = {
            name: torch.cat(
                [self.layout.widen(name, batch.parts[name], width) for batch in (self, other)]
            )
            for name in names
        }
        self.lengths = lengths


def _axis(part: Tensor, dim: int) -> SourceAxis:
    """``dim`` of a part, whose first row is padded there at the end."""
    return SourceAxis(dim, part[:1].narrow(dim, part.size(dim) - 1, 1).clone())


def _flatten(encoder_out: dict[str, list[Tensor]], state: dict[str, Tensor]) -> Parts:
    parts: Parts = {(STATE, name): part for name, part in state.items()}
    for name, tensors in encoder_out.items():
        parts.update({(name, place): part for place, part in enumerate(tensors)})
    return parts


def _unflatten(parts: Parts) -> tuple[dict[str, list[Tensor]], dict[str, Tensor]]:
    encoder_out: dict[str, list[Tensor]] = {}
    state: dict[Any, Tensor] = {}  # by name, which is the place of such a part
    for (name, place), part in parts.items():
        if name == STATE:
            state[place] = part
        else:
            encoder_out.setdefault(name, []).append(part)
    return encoder_out, state
