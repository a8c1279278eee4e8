"""One batch's beam search, as fairseq does it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor
from torch.nn import functional

from ._alignment_trace import AlignmentTrace
from ._best_words import Scoreboard
from ._word_scores import WordScores

Hypothesis = dict[str, Tensor]

CACHED = 1 << 19  # numbers that a processor's cache holds


class Candidates(NamedTuple):
    """Continuations of the sentences that are left, the best first; each (left, candidates).

    Attributes:
        scores: the sum of their log-probabilities
        words: their last word
        rows: the hypothesis that they continue
    """

    scores: Tensor
    words: Tensor
    rows: Tensor


class Search:
    """The search of one batch; a row is a hypothesis, ``beam`` rows one after another a sentence.

    Each step has the best ``2 * beam`` continuations of a sentence as its candidates. Of the first
    ``beam`` of them those with ``</s>`` are finished; the first ``beam`` without go on. A sentence
    with ``beam`` finished hypotheses leaves the batch.

    Attributes:
        places: the sentences that are left, by their places in the batch
        tokens: (rows, step + 1), what the rows have said, after the symbol that all begin with
        totals: (rows, step + 1), the sum of the log-probabilities up to each word, from 0 on
        ignored: (left, beam), the ranks that are given up, or None; where a dictionary is so small
            that a sentence may have fewer than ``2 * beam`` candidates
    """

    def __init__(
        self, generator: SequenceGenerator, net_input: dict[str, Tensor], bos_token: int | None
    ) -> None:
        self.generator, self.model, self.beam = generator, generator.model, generator.beam_size
        source = net_input["src_tokens"]
        self.max_len = self._max_len(source.size(1))
        self.word_scores = WordScores(generator, self.max_len)
        self.places = list(range(source.size(0)))
        self.results: list[list[Hypothesis]] = [[] for _ in self.places]
        order = torch.arange(source.size(0), device=source.device).repeat_interleave(self.beam)
        encoder_outs = self.model.forward_encoder(net_input)
        self.encoder_outs = self.model.reorder_encoder_out(encoder_outs, order)
        self.incremental_states: list[dict[str, Any]] = [{} for _ in range(self.model.models_size)]
        first = generator.eos if bos_token is None else bos_token
        self.tokens = torch.full_like(order, first).unsqueeze(1)
        self.first_rows = torch.arange(0, len(order), self.beam, device=source.device).unsqueeze(1)
        self.ignored: Tensor | None = None
        self.alignments = AlignmentTrace()

    def _max_len(self, src_len: int) -> int:
        """The number of words that a hypothesis may have before ``</s>``."""
        generator = self.generator
        max_len = int(generator.max_len_a * src_len + generator.max_len_b)
        max_len = min(max_len, generator.max_len - 1)
        message = "min_len cannot be larger than max_len, please adjust these!"
        assert generator.min_len <= max_len, message
        return max_len

    def run(self) -> list[list[Hypothesis]]:
        """Step until every sentence is finished; each n-best list is sorted by score."""
        for step in range(self.max_len + 1):  # one more than words, for </s>
            found = self.candidates(step)
            ends = self.ends(found)
            if ends is not None:
                found, ends = self.finish(step, found, ends)
            if not self.places:
                break
            if step == self.max_len and self.generator.search.stop_on_max_len:
                break  # as fairseq's: an empty list for each sentence that is left
            assert step < self.max_len, f"{step} < {self.max_len}"
            self.move(self.survivors(found, ends))
        return [_sorted(hypotheses) for hypotheses in self.results]

    def candidates(self, step: int) -> Candidates:
        """The best continuations; found for some sentences at a time, as a cache can hold."""
        output, alignment = self.word_scores.decode(
            self.tokens, self.encoder_outs, self.incremental_states
        )
        self.alignments.record(alignment)
        if step == 0:
            self.prepare(output)
        count = min(2 * self.beam, (self.beam if step else 1) * output.size(1) - 1)  # all but <pad>
        best = [
            self.board.best(self.lprobs(step, part, said), before, count)
            for part, said, before in zip(
                self.split(output),
                self.split(self.tokens),
                self.split(self.totals[:, -1:]),
                strict=True,
            )
        ]
        scores, words, beams = (
            best[0] if len(best) == 1 else map(torch.cat, zip(*best, strict=True))
        )
        return Candidates(scores, words, beams + self.first_rows[: len(beams)])

    def lprobs(self, step: int, output: Tensor, said: Tensor) -> Tensor:
        """The words' log-probabilities (rows, vocabulary); minus infinity where an n-gram repeats.

        Args:
            output: of the decoder
            said: (rows, step + 1), the rows of ``tokens``
        """
        lprobs = self.word_scores.lprobs(step, output)
        blocker = self.generator.repeat_ngram_blocker
        if blocker is None:
            return lprobs
        return blocker(said, lprobs, len(said) // self.beam, self.beam, step)

    def prepare(self, output: Tensor) -> None:
        """Before the first word: all rows of a sentence are the same, so that the first counts."""
        rows, vocabulary = output.shape
        like: dict[str, Any] = {"dtype": self.word_scores.dtype(output), "device": output.device}
        self.at_once = min(rows, self.beam * max(1, CACHED // (self.beam * vocabulary)))
        self.board = Scoreboard(self.at_once, vocabulary, self.beam, **like)
        self.totals = torch.full((rows, 1), -math.inf, **like)
        self.totals[:: self.beam] = 0

    def split(self, rows: Tensor) -> Sequence[Tensor]:
        """The rows of some sentences at a time."""
        return rows.split(self.at_once) if len(rows) > self.at_once else [rows]

    def ends(self, found: Candidates) -> Tensor | None:
        """Which candidates end, (left, candidates); None where the first ``beam`` all go on."""
        ends = found.words.eq(self.generator.eos)
        if self.ignored is None and not ends[:, : self.beam].any():
            return None
        ends &= found.scores.ne(-math.inf)
        if self.ignored is not None:
            ends[:, : self.beam] &= ~self.ignored
        return ends

    def finish(self, step: int, found: Candidates, ends: Tensor) -> tuple[Candidates, Tensor]:
        """Keep the hypotheses that end; returns the candidates of the sentences that go on."""
        ended = ends[:, : self.beam]
        rows, scores = found.rows[:, : self.beam][ended], found.scores[:, : self.beam][ended]
        sentences = [row // self.beam for row in rows.tolist()]
        hypotheses = self.hypotheses(step, rows, scores)
        for sentence, hypothesis in zip(sentences, hypotheses, strict=True):
            result = self.results[self.places[sentence]]
            if len(result) < self.beam:
                result.append(hypothesis)
        done = {sentence for sentence in sentences if self.is_finished(step, sentence)}
        if not done:
            return found, ends
        left = [sentence for sentence in range(len(self.places)) if sentence not in done]
        self.places = [self.places[sentence] for sentence in left]
        index = torch.tensor(left, dtype=torch.long, device=rows.device)
        if self.ignored is not None:
            self.ignored = self.ignored[index]
        return Candidates(*(tensor[index] for tensor in found)), ends[index]

    def is_finished(self, step: int, sentence: int) -> bool:
        """By fairseq's own rule, which is a method of its generator."""
        number = len(self.results[self.places[sentence]])
        return self.generator.is_finished(step, sentence, self.max_len, number, self.beam)

    def hypotheses(self, step: int, rows: Tensor, totals: Tensor) -> list[Hypothesis]:
        """What fairseq gives for ``rows`` that end with the total log-probabilities ``totals``."""
        words = self.tokens.index_select(0, rows)[:, 1:]
        words = functional.pad(words, (0, 1), value=self.generator.eos)
        scores = torch.cat([self.totals.index_select(0, rows), totals.unsqueeze(1)], dim=1).diff()
        if self.generator.normalize_scores:
            totals = totals / (step + 1) ** self.generator.len_penalty
        alignments = self.alignments.collect(rows)
        return [
            {
                "tokens": words[i],
                "score": totals[i],
                "attention": alignments[i],
                "alignment": torch.empty(0),
                "positional_scores": scores[i],
            }
            for i in range(len(rows))
        ]

    def survivors(self, found: Candidates, ends: Tensor | None) -> Candidates:
        """The first ``beam`` candidates that do not end, (left, beam); filled up where too few."""
        if ends is None:
            return Candidates(*(tensor[:, : self.beam] for tensor in found))
        if self.ignored is not None:
            ends[:, : self.beam] |= self.ignored
        chosen = ends.int().sort(dim=1, stable=True).indices[:, : self.beam]
        fillers = ends.gather(1, chosen)
        self.ignored = fillers if fillers.any() else None
        return Candidates(*(tensor.gather(1, chosen) for tensor in found))

    def move(self, chosen: Candidates) -> None:
        """Go on with these candidates as the rows."""
        rows = chosen.rows.reshape(-1)
        self.tokens = _extend(self.tokens, rows, chosen.words)
        self.totals = _extend(self.totals, rows, chosen.scores)
        self.alignments.move(rows)
        self.model.reorder_incremental_state(self.incremental_states, rows)
        self.encoder_outs = self.model.reorder_encoder_out(self.encoder_outs, rows)


def _extend(history: Tensor, rows: Tensor, last: Tensor) -> Tensor:
    """The history (rows, steps) of ``rows``, with one more step."""
    return torch.cat([history.index_select(0, rows), last.reshape(-1, 1)], dim=1)


def _sorted(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    """The best first; by fairseq's own call, for the order of equal scores."""
    scores = torch.tensor([float(hypothesis["score"]) for hypothesis in hypotheses])
    return [hypotheses[i] for i in torch.sort(scores, descending=True)[1].tolist()]
