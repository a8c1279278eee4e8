"""Beam search as fairseq does it, over numpy arrays: no torch, no fairseq, no model.

Each step has the best ``2 * beam`` continuations of a sentence as its candidates. Of the first
``beam`` of them those with ``</s>`` are finished; the first ``beam`` without go on. A sentence with
``beam`` finished hypotheses leaves the batch. Scores are sums of log-probabilities in float32,
divided in the end by the length to the power of ``lenpen`` (fairseq 0.12.2, ``SequenceGenerator``;
the tests hold this search against it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .vocabulary import Vocabulary

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Tensors = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class SearchSettings:
    """How to search.

    Attributes:
        beam: hypotheses kept
        lenpen: above 1 favours long outputs
        temperature: divides the logits
        no_repeat_ngram: no n-gram of this size occurs twice; 0 for no such rule
        min_len, max_len: bounds on the number of words before ``</s>``
    """

    beam: int = 5
    lenpen: float = 1.0
    temperature: float = 1.0
    no_repeat_ngram: int = 0
    min_len: int = 1
    max_len: int = 200


class Found(NamedTuple):
    """A finished hypothesis.

    Attributes:
        words: indices, ``</s>`` the last
        score: the sum of ``word_scores``, divided by the length's power
        word_scores: log-probability of each word
        alignment: (words, src_len), or None
    """

    words: list[int]
    score: float
    word_scores: Floats
    alignment: Floats | None


class StepResult(NamedTuple):
    """What a step gives: log-probabilities (rows, vocabulary), alignment (rows, src_len), state."""

    lprobs: Floats
    alignment: Floats | None
    state: Tensors


class StepModel(Protocol):
    """A decoder."""

    def __call__(self, words: Ints, source: Tensors, state: Tensors) -> StepResult:
        """One step: words (rows,), and of every row what ``source`` and ``state`` hold."""
        ...


class Candidates(NamedTuple):
    """Continuations of the sentences that are left, the best first; each (left, candidates)."""

    scores: Floats
    words: Ints
    rows: Ints


class BeamSearch:
    """The search of one batch; ``beam`` rows one after another are a sentence.

    Args:
        step: the decoder
        source: of each sentence, what stays the same
        state: of each sentence, the first state
        settings: how to search
        vocabulary: the number of symbols; no beam is wider than those that can come first

    Attributes:
        places: the sentences that are left, by their places in the batch
        words: (rows, steps + 1), what the rows have said, after ``</s>``, which begins all
        totals: (rows, steps + 1), the sum of the log-probabilities up to each word, from 0 on
        ignored: (left, beam), the ranks that are given up, in a vocabulary that is too small
    """

    def __init__(
        self,
        step: StepModel,
        source: Tensors,
        state: Tensors,
        settings: SearchSettings,
        vocabulary: int,
    ) -> None:
        self.step, self.settings = step, settings
        self.beam = min(settings.beam, vocabulary - 1)  # all but <pad>
        self.sentences = source
        sentences = len(next(iter(state.values())))
        self.places = np.arange(sentences)
        self.results: list[list[Found]] = [[] for _ in self.places]
        rows = np.repeat(self.places, self.beam)
        self.source, self.state = select(source, rows), select(state, rows)
        self.words = np.full((len(rows), 1), Vocabulary.eos)
        self.totals = np.full((len(rows), 1), -np.inf, np.float32)
        self.totals[:: self.beam] = 0  # all rows of a sentence are the same: the first counts
        self.alignments: list[Floats] = []  # (rows, src_len) of each step
        self.parents: list[Ints] = []  # of the rows of each step but the first, in the one before
        self.ignored = np.zeros((sentences, self.beam), bool)

    def run(self) -> list[list[Found]]:
        """Step until every sentence is finished; each list has the best first."""
        for step in range(self.settings.max_len + 1):  # one more than words, for </s>
            found = self.candidates(step)
            ends = (found.words == Vocabulary.eos) & np.isfinite(found.scores)
            ends[:, : self.beam] &= ~self.ignored
            found, ends = self.finish(step, found, ends)
            if not len(self.places):
                break
            self.move(found, ends)
        return [sorted(each, key=lambda one: -one.score) for each in self.results]

    def candidates(self, step: int) -> Candidates:
        """The best continuations of each sentence."""
        result = self.step(self.words[:, -1], self.source, self.state)
        self.state = result.state
        if result.alignment is not None:
            self.alignments.append(result.alignment)
        totals = self.lprobs(step, result.lprobs) + self.totals[:, -1:]
        vocabulary = totals.shape[1]
        scores = totals.reshape(len(self.places), -1)
        if step == 0:
            scores = scores[:, :vocabulary]
        count = min(2 * self.beam, scores.shape[1] - 1)  # all but <pad>
        index = best(scores, count)
        rows = index // vocabulary + self.beam * np.arange(len(index))[:, None]
        return Candidates(np.take_along_axis(scores, index, 1), index % vocabulary, rows)

    def lprobs(self, step: int, lprobs: Floats) -> Floats:
        """The words' log-probabilities, minus infinity for those that may not come."""
        settings = self.settings
        if settings.temperature != 1:
            lprobs = log_softmax(lprobs / np.float32(settings.temperature))
        lprobs = np.where(np.isnan(lprobs), -np.inf, lprobs)
        lprobs[:, Vocabulary.pad] = -np.inf
        if step >= settings.max_len:
            ends = lprobs[:, Vocabulary.eos].copy()
            lprobs[:] = -np.inf
            lprobs[:, Vocabulary.eos] = ends
        if step < settings.min_len:
            lprobs[:, Vocabulary.eos] = -np.inf
        if settings.no_repeat_ngram:
            for row, said in enumerate(self.words[:, 1:].tolist()):
                lprobs[row, repeated(said, settings.no_repeat_ngram)] = -np.inf
        return lprobs

    def finish(
        self, step: int, found: Candidates, ends: NDArray[np.bool_]
    ) -> tuple[Candidates, NDArray[np.bool_]]:
        """Keep the hypotheses that end; returns what there is for the sentences that go on."""
        done = np.zeros(len(self.places), bool)
        for sentence, rank in zip(*np.nonzero(ends[:, : self.beam]), strict=True):
            result = self.results[self.places[sentence]]
            if len(result) < self.beam:
                row, total = found.rows[sentence, rank], found.scores[sentence, rank]
                result.append(self.hypothesis(step, row, total))
            done[sentence] = len(result) == self.beam or step == self.settings.max_len
        if not done.any():
            return found, ends
        left = ~done
        self.places, self.ignored = self.places[left], self.ignored[left]
        rows = np.repeat(self.places, self.beam)
        self.source = select(self.sentences, rows)
        found = Candidates(found.scores[left], found.words[left], found.rows[left])
        return found, ends[left]

    def hypothesis(self, step: int, row: int, total: np.float32) -> Found:
        """What ``row`` has said, with ``</s>``, which brings it to the sum ``total``."""
        scores = np.diff(np.append(self.totals[row], total))
        length = np.float32((step + 1) ** self.settings.lenpen)
        words = [*self.words[row, 1:].tolist(), Vocabulary.eos]
        return Found(words, float(total / length), scores, self.alignment(row))

    def alignment(self, row: int) -> Floats | None:
        """Where ``row`` has looked (steps, src_len), followed back through the rows before it."""
        steps = []
        for place in reversed(range(len(self.alignments))):
            steps.append(self.alignments[place][row])
            row = self.parents[place - 1][row] if place else row
        return np.stack(steps[::-1]) if steps else None

    def move(self, found: Candidates, ends: NDArray[np.bool_]) -> None:
        """Go on with the first ``beam`` candidates that do not end; filled up where too few."""
        ends[:, : self.beam] |= self.ignored
        chosen = np.argsort(ends, axis=1, kind="stable")[:, : self.beam]
        self.ignored = np.take_along_axis(ends, chosen, 1)
        rows = np.take_along_axis(found.rows, chosen, 1).reshape(-1)
        words = np.take_along_axis(found.words, chosen, 1).reshape(-1)
        scores = np.take_along_axis(found.scores, chosen, 1).reshape(-1)
        self.words = np.column_stack([self.words[rows], words])
        self.totals = np.column_stack([self.totals[rows], scores])
        self.parents.append(rows)
        self.state = select(self.state, rows)


def select(tensors: Tensors, rows: Ints) -> Tensors:
    """These rows of each tensor."""
    return {name: tensor[rows] for name, tensor in tensors.items()}


def best(scores: Floats, count: int) -> Ints:
    """Where the ``count`` largest of each row are, the largest first: (rows, count)."""
    largest = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(scores, largest, 1), axis=1, kind="stable")
    return np.take_along_axis(largest, order, 1)


def repeated(said: list[int], size: int) -> list[int]:
    """The words after which an n-gram of this size would stand there for the second time."""
    start = len(said) - size + 1
    if start < 0:
        return []
    last = said[start:]
    return [said[i + size - 1] for i in range(start) if said[i : i + size - 1] == last]


def log_softmax(logits: Floats) -> Floats:
    """Over the last dimension."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
