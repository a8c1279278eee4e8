"""A trained model as two graphs: what is done once for a sentence, and one step of a search.

The source graph reads a sentence and gives all that a search needs to know of it; the step graph
takes this, a word for each hypothesis and its state, and gives the next word's log-probabilities
and the next state. Every tensor has a name, so that a search need not know the model.
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from fairseq.models import FairseqEncoderDecoderModel
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ..errors import S2SError
from ..modules.bridge import EncoderOut
from ..modules.fast import set_fast
from ..package import TensorNames
from .traceable import make_traceable

BATCH, LENGTHS = 3, (7, 5)  # of the sources that the model is traced with; none is special
TESTED = (2, 13)  # torch, from here on; before, it cannot write some loops, or none


class Graphs(NamedTuple):
    """A model, exported; ``max_source`` is the longest source that it reads."""

    names: TensorNames
    source: ExportedProgram
    step: ExportedProgram
    max_source: int


class SourceGraph(nn.Module):
    """Source (batch, src_len), padded on the right -> the tensors ``names.carried``."""

    def __init__(self, model: FairseqEncoderDecoderModel, names: TensorNames) -> None:
        super().__init__()
        self.encoder, self.decoder, self.names = model.encoder, model.decoder, names

    def forward(self, src_tokens: Tensor) -> tuple[Tensor, ...]:
        """All that a search needs to know of the sentences."""
        encoder_out = self.encoder(src_tokens)
        state = self.decoder.init_state(encoder_out)
        source = (encoder_out[name][0] for name in self.names.source)
        return *source, *(state[name] for name in self.names.state)


class StepGraph(nn.Module):
    """Words (batch,) and the tensors ``names.carried`` -> the tensors ``names.step``."""

    def __init__(self, model: FairseqEncoderDecoderModel, names: TensorNames) -> None:
        super().__init__()
        self.decoder, self.names = model.decoder, names

    def forward(self, words: Tensor, *carried: Tensor) -> tuple[Tensor, ...]:
        """Log-probabilities (batch, vocabulary), alignment (batch, src_len), the next state."""
        count = len(self.names.source)
        source = zip(self.names.source, carried[:count], strict=True)
        encoder_out = {name: [tensor] for name, tensor in source}
        state = dict(zip(self.names.state, carried[count:], strict=True))
        unrolled = self.decoder.teacher_forced(words.unsqueeze(1), state, encoder_out)
        logits = self.decoder.logits(unrolled.features, unrolled, encoder_out)
        lprobs = self.decoder.get_normalized_probs((logits, None), log_probs=True)[:, 0]
        alignment = [unrolled.alignment[:, 0]] if self.names.alignment else []
        return lprobs, *alignment, *(unrolled.state[name] for name in self.names.state)


class Watched(dict[str, list[Tensor]]):
    """An encoder's output that remembers which of its entries were asked for."""

    def __init__(self, entries: EncoderOut) -> None:
        super().__init__(entries)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> list[Tensor]:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """An entry, or ``default``."""
        self.read.add(name)
        return super().get(name, default)


@torch.no_grad()
def trace(model: FairseqEncoderDecoderModel) -> Graphs:
    """Export a model, whose weights are the graphs' own afterwards.

    The number of sentences and their length stay open in both graphs.

    Args:
        model: of this package, in evaluation mode, not prepared for generation

    Raises:
        S2SError: where torch is too old
    """
    model = copy.deepcopy(model).eval()
    set_fast(model, False)
    make_traceable(model)
    names = find_names(model)
    source, step = SourceGraph(model, names), StepGraph(model, names)
    examples = [_carried(model, names, length) for length in LENGTHS]
    max_source = model.encoder.max_positions()
    batch, src_len = Dim("batch", min=1), Dim("src_len", min=1, max=max_source)
    carried_dims = tuple(_dims(shapes, batch, src_len) for shapes in zip(*examples, strict=True))
    words = torch.zeros(BATCH, dtype=torch.long)
    return Graphs(
        names,
        _export(source, (_source(model, LENGTHS[0]),), ({0: batch, 1: src_len},)),
        _export(step, (words, *examples[0]), ({0: batch}, carried_dims)),
        max_source,
    )


def _export(graph: nn.Module, inputs: tuple[Tensor, ...], dims: tuple[Any, ...]) -> ExportedProgram:
    """A module as a program, or S2SError where this torch is too old for it."""
    try:
        return torch.export.export(graph, inputs, dynamic_shapes=dims, strict=False)
    except Exception as error:
        major, minor, *_ = torch.__version__.split(".")
        if (int(major), int(minor)) >= TESTED:
            raise
        raise S2SError(
            f"torch {torch.__version__} cannot write this model as graphs: use torch "
            f"{'.'.join(map(str, TESTED))} or later."
        ) from error


def find_names(model: FairseqEncoderDecoderModel) -> TensorNames:
    """The tensors that a step reads, found by making one."""
    encoder_out = model.encoder(_source(model, LENGTHS[0]))
    state = model.decoder.init_state(encoder_out)
    watched = Watched(encoder_out)
    word = torch.zeros(BATCH, 1, dtype=torch.long)
    unrolled = model.decoder.teacher_forced(word, state, watched)
    model.decoder.logits(unrolled.features, unrolled, watched)
    source = tuple(name for name in encoder_out if name in watched.read)
    states = tuple(name for name in state if name in unrolled.state)
    return TensorNames(source, states, unrolled.alignment is not None)


def _source(model: FairseqEncoderDecoderModel, length: int) -> Tensor:
    """Sentences of an unknown word, one with padding (BATCH, length)."""
    dictionary = model.encoder.dictionary
    tokens = torch.full((BATCH, length), dictionary.unk())
    tokens[:, -1] = dictionary.eos()
    tokens[1, -2:] = torch.tensor([dictionary.eos(), dictionary.pad()])
    return tokens


def _carried(
    model: FairseqEncoderDecoderModel, names: TensorNames, length: int
) -> tuple[Tensor, ...]:
    """The source graph's tensors for sentences of this length, computed without it."""
    encoder_out = model.encoder(_source(model, length))
    state = model.decoder.init_state(encoder_out)
    source = (encoder_out[name][0] for name in names.source)
    return *source, *(state[name] for name in names.state)


def _dims(tensors: Sequence[Tensor], batch: Dim, src_len: Dim) -> dict[int, Dim]:
    """The open dimensions of a tensor, by what it is for sources of two lengths."""
    sizes: Iterable[tuple[int, ...]] = zip(*(tensor.shape for tensor in tensors), strict=True)
    open_dims = {dim: src_len for dim, (one, other) in enumerate(sizes) if one != other}
    return {0: batch, **open_dims}
