"""A model's graphs in onnxruntime, with its dictionaries and its SentencePiece model."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .._pieces import check_length, decode, encode, read_pieces_file
from ..errors import S2SError
from ..hypothesis import Hypothesis, check_settings
from ..package import PIECES, Package, graph_file, read_package
from .graph import Graph, OnnxGraph
from .search import BeamSearch, Found, Ints, SearchSettings, StepResult, Tensors
from .vocabulary import Vocabulary

MAX_TOKENS = 4000  # source tokens in a batch
MAX_SCORES = 1 << 26  # of a step of a batch: one for each sentence, hypothesis and word


def load(path: str | Path, *, precision: str = "fp32", threads: int | None = None) -> "OnnxModel":
    """Load a model that ``s2s export --onnx`` has made.

    Args:
        path: its folder
        precision: ``"fp32"``, or ``"int8"`` where it was exported with ``--int8``
        threads: of onnxruntime; by default as many as there are processors

    Raises:
        S2SError: in one sentence, for whatever is missing, damaged or does not fit
    """
    package = read_package(path)
    if package.graphs is None or precision not in package.graphs.precisions:
        flag = "--int8" if precision == "int8" else "--onnx"
        raise S2SError(
            f"The package {package.folder} has no graphs of precision {precision!r}: export the "
            f"model again with {flag}."
        )
    source, step = (
        OnnxGraph(package.file(graph_file(part, precision)), threads) for part in ("source", "step")
    )
    return OnnxModel(package, source, step)


class OnnxModel:
    """An exported model; made by :func:`load`. Any number of threads may use it at a time.

    Args:
        package: what is known of it
        source: what is done once for a sentence
        step: one step of a search

    Attributes:
        attends: whether it gives alignments
    """

    def __init__(self, package: Package, source: Graph, step: Graph) -> None:
        assert package.graphs is not None  # see load
        self.package, self.names = package, package.graphs
        self.attends = self.names.alignment
        self.source = Vocabulary.read(package.dictionary(0))
        self.target = Vocabulary.read(package.dictionary(1))
        self.pieces = read_pieces_file(package.file(PIECES)) if package.pieces else None
        self._source_graph, self._step_graph = source, step

    def encode(self, text: str) -> list[str]:
        """Text -> pieces, or words where the model has no SentencePiece model."""
        return encode(self.pieces, text)

    def decode(self, tokens: Sequence[str]) -> str:
        """Pieces -> text."""
        return decode(self.pieces, tokens)

    def generate(
        self,
        texts: Sequence[str],
        *,
        beam: int = 5,
        nbest: int = 1,
        temperature: float = 1.0,
        lenpen: float = 1.0,
        no_repeat_ngram: int = 0,
        min_len: int = 1,
        max_len: int = 200,
    ) -> list[list[Hypothesis]]:
        """The ``nbest`` outputs for each text, best first, by beam search.

        Args:
            texts: any number of texts, in any order
            beam: hypotheses kept
            temperature: divides the logits
            lenpen: above 1 favours long outputs
            no_repeat_ngram: no n-gram of this size occurs twice; 0 for no such rule
            min_len, max_len: bounds on the number of tokens

        Raises:
            S2SError: for settings out of range, or a text that is too long
        """
        check_settings(
            beam=beam, nbest=nbest, min_len=min_len, max_len=max_len, temperature=temperature
        )
        settings = SearchSettings(beam, lenpen, temperature, no_repeat_ngram, min_len, max_len)
        sources = [self._source(text) for text in texts]
        results: list[list[Hypothesis]] = [[] for _ in sources]
        rows = max(1, MAX_SCORES // (beam * len(self.target)))
        for places in _batches([len(source) for source in sources], rows):
            found = self.search([sources[place] for place in places], settings)
            for place, hypotheses in zip(places, found, strict=True):
                each = [self._hypothesis(sources[place], one) for one in hypotheses[:nbest]]
                results[place] = each
        return results

    def search(self, sources: Sequence[list[int]], settings: SearchSettings) -> list[list[Found]]:
        """The hypotheses of some sources (indices, ``</s>`` at the end) in one batch."""
        names = self.names
        longest = max(len(source) for source in sources)
        src_tokens = np.full((len(sources), longest), Vocabulary.pad)
        for row, source in zip(src_tokens, sources, strict=True):
            row[: len(source)] = source
        tensors = self._source_graph.run(names.carried, {"src_tokens": src_tokens})
        fixed = dict(zip(names.carried, tensors, strict=True))
        state = {name: fixed.pop(name) for name in names.states}
        return BeamSearch(self._step, fixed, state, settings, len(self.target)).run()

    def _step(self, words: Ints, source: Tensors, state: Tensors) -> StepResult:
        """One step of the decoder."""
        names = self.names
        lprobs, *rest = self._step_graph.run(names.step, {"words": words, **source, **state})
        alignment = rest.pop(0) if self.attends else None
        return StepResult(lprobs, alignment, dict(zip(names.states, rest, strict=True)))

    def _source(self, text: str) -> list[int]:
        """Text -> indices, ``</s>`` at the end."""
        source = [*map(self.source.index, self.encode(text)), Vocabulary.eos]
        check_length(len(source), self.names.max_source)
        return source

    def _hypothesis(self, source: list[int], found: Found) -> Hypothesis:
        tokens = [self.target[word] for word in found.words]
        ends = (Vocabulary.bos, Vocabulary.pad, Vocabulary.eos)
        content = [self.target[word] for word in found.words if word not in ends]
        alignment = found.alignment
        return Hypothesis(
            text=self.decode(content),
            tokens=tokens,
            score=found.score,
            token_scores=found.word_scores.tolist(),
            source_tokens=[self.source[word] for word in source],
            alignment=None if alignment is None else alignment[:, : len(source)].tolist(),
        )


def _batches(lengths: Sequence[int], rows: int) -> Iterator[list[int]]:
    """The places of the sources, those of similar length together, at most ``rows`` of them."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: lengths[place]):
        tokens = (len(batch) + 1) * lengths[place]
        if batch and (tokens > MAX_TOKENS or len(batch) == rows):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
