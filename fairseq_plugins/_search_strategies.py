"""fairseq's constrained search and its sampling, where fairseq's own fail or disturb others."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from fairseq.data import Dictionary
from fairseq.search import LexicallyConstrainedBeamSearch, Sampling
from torch import Tensor

BANK = 100  # log-probabilities that a constraint's word is worth, by fairseq


class Candidate(NamedTuple):
    """A continuation of one of a sentence's hypotheses.

    Attributes:
        score: the sum of its log-probabilities
        word: its last one
        beam: the hypothesis that it continues
        state: which constraints it has met, of fairseq
    """

    score: float
    word: int
    beam: int
    state: Any


class ConstrainedSearch(LexicallyConstrainedBeamSearch):
    """fairseq's search, but no candidate is impossible while there are others.

    fairseq adds each constraint's next word, even where it has a score of minus infinity since
    a prefix is forced or an n-gram would repeat, and prefers it for the constraint's sake.
    """

    def step_sentence(
        self,
        step: int,
        sentno: int,
        lprobs: Tensor,
        constraint_states: Sequence[Any],
        beams_buf: Tensor,
        indices_buf: Tensor,
        scores_buf: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, list[Any]]:
        """The best candidates of one sentence, dealt out to its banks: how much they have met.

        Args:
            step: 0 where all hypotheses are the same still
            sentno: the sentence's place
            lprobs: (beam, vocabulary), of the whole hypotheses
            constraint_states: of each hypothesis
            beams_buf, indices_buf, scores_buf: the best candidates: hypothesis, word, score

        Returns:
            the scores, words and hypotheses of ``num_cands`` candidates, and their states
        """
        states = constraint_states[:1] if step == 0 else constraint_states
        words = [
            (beam, int(word)) for beam, state in enumerate(states) for word in state.next_tokens()
        ]
        found = dict(
            zip(
                zip(beams_buf.tolist(), indices_buf.tolist(), strict=True),
                scores_buf.tolist(),
                strict=True,
            )
        )
        if words:
            places = tuple(torch.tensor(words, device=lprobs.device).unbind(1))
            found.update(zip(words, lprobs[places].tolist(), strict=True))
        candidates = [
            Candidate(score, word, beam, constraint_states[beam].advance(word))
            for (beam, word), score in found.items()
        ]
        possible = [each for each in candidates if each.score > -math.inf]
        impossible = [each for each in candidates if each.score == -math.inf]
        met = len(constraint_states[0].tokens)
        taken = [*_dealt(possible, met), *impossible][: self.num_cands]
        taken += [taken[-1]._replace(score=-math.inf)] * (self.num_cands - len(taken))
        like: dict[str, Any] = {"device": lprobs.device}
        return (
            torch.tensor([each.score for each in taken], dtype=scores_buf.dtype, **like),
            torch.tensor([each.word for each in taken], **like),
            torch.tensor([each.beam for each in taken], **like),
            [each.state for each in taken],
        )


def _dealt(candidates: Sequence[Candidate], most: int) -> Iterator[Candidate]:
    """The best of each bank, the fullest first; then the second of each, and so on."""
    ranked = sorted(candidates, key=lambda c: (most - c.state.bank) * BANK - c.score)
    places, rank = [], -1
    for place, candidate in enumerate(ranked):
        same = place > 0 and candidate.state.bank == ranked[place - 1].state.bank
        rank = rank + 1 if same else 0
        places.append(most - candidate.state.bank + rank * (len(ranked) + 1))
    return (ranked[place] for place in sorted(range(len(ranked)), key=places.__getitem__))


class SeededSampling(Sampling):
    """fairseq's sampling by random numbers of its own.

    The process's are everybody's: to seed them for one search disturbs the others. A row of which
    nothing may be said goes on at a score of minus infinity, so that it never ends.
    """

    def __init__(
        self, dictionary: Dictionary, topk: int, topp: float, generator: torch.Generator
    ) -> None:
        super().__init__(dictionary, topk, topp)
        self.generator = generator

    def step(
        self,
        step: int,
        lprobs: Tensor,
        scores: Tensor,
        prev_output_tokens: Tensor | None = None,
        original_batch_idxs: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw a word for each hypothesis.

        Args:
            step: 0 where all hypotheses are the same still
            lprobs: (sentences, beam, vocabulary)
            scores: (sentences, beam, step), the sums so far

        Returns:
            the sums, the words and the hypotheses that they continue, each (sentences, beam)
        """
        sentences, beam, vocabulary = lprobs.shape
        if step == 0:
            lprobs = lprobs[:, :1]
        probs, words = self._likeliest(lprobs.contiguous())
        rows = probs.view(-1, probs.size(-1))
        possible = rows.masked_fill(rows.sum(1, keepdim=True) <= 0, 1.0)
        drawn = torch.multinomial(
            possible, beam if step == 0 else 1, replacement=True, generator=self.generator
        ).view(sentences, beam, 1)
        sums = probs.expand(-1, beam, -1).gather(2, drawn).log().squeeze(2)
        if words is not None:
            drawn = words.expand(-1, beam, -1).gather(2, drawn)
        if step == 0:
            return sums, drawn.squeeze(2), drawn.new_zeros(sentences, beam)
        beams = torch.arange(beam, device=drawn.device).expand(sentences, beam)
        return sums + scores[:, :, step - 1], drawn.squeeze(2), beams

    def _likeliest(self, lprobs: Tensor) -> tuple[Tensor, Tensor | None]:
        """What is drawn from: probabilities, and of which words; None for all of them."""
        if self.sampling_topp > 0:
            return self._sample_topp(lprobs)
        if self.sampling_topk > 0:
            lprobs, words = lprobs.topk(self.sampling_topk)
            return lprobs.exp(), words
        return lprobs.exp(), None
