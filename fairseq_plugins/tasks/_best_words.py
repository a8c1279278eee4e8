"""The best continuations of each sentence, without a topk over the whole vocabulary."""

import math

import torch
from torch import Tensor

FEW = 20_000  # numbers; among so few, topk over all of them is as fast

Best = tuple[Tensor, Tensor, Tensor]


class Scoreboard:
    r"""The scores :math:`s_{iw}` of the words w after the hypotheses i, to find the best of them.

    Words stand in groups, w in group ``w % groups``. The best k words are in the k groups whose
    best words are best: a maximum over each group, which is cheap, leaves few words to choose from.
    Memory is taken once, with columns of minus infinity up to a whole number of groups.

    Args:
        rows: the most that will come; ``beam`` rows one after another are a sentence's hypotheses
        vocabulary: the number of words
        beam: the number of hypotheses of a sentence
        dtype: of the log-probabilities
        device: where they are
    """

    def __init__(
        self, rows: int, vocabulary: int, beam: int, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.vocabulary, self.beam = vocabulary, beam
        # about as many groups as words that are left; 16 numbers are one instruction
        self.groups = 16 * max(1, round(math.sqrt(2 * vocabulary) / 16))
        self.width = math.ceil(vocabulary / self.groups) * self.groups
        self.scores = torch.full((rows, self.width), -math.inf, dtype=dtype, device=device)
        self.first_words = torch.arange(0, self.width, self.groups, device=device)

    def best(self, lprobs: Tensor, before: Tensor, count: int) -> Best:
        """The ``count`` largest of :math:`s_{iw} = b_i + l_{iw}`; NaN counts as minus infinity.

        Which of two equal ones comes first is not specified.

        Args:
            lprobs: :math:`l`, (rows, vocabulary)
            before: :math:`b`, (rows, 1)
            count: at most ``beam * vocabulary``

        Returns:
            the scores, the best first; the words w; the hypotheses i, from 0 on in each sentence:
            each (sentences, count)
        """
        scores = self.scores[: len(lprobs)]
        torch.add(lprobs, before, out=scores[:, : self.vocabulary])
        scores.nan_to_num_(nan=-math.inf, posinf=math.inf, neginf=-math.inf)
        scores = scores.view(-1, self.beam * self.width)
        if scores.numel() < FEW or self.groups < count:
            sums, places = scores.topk(count)
        else:
            among = self._places(scores, count)
            sums, best = scores.gather(1, among).topk(count)
            places = among.gather(1, best)
        return sums, places % self.width, places // self.width

    def _places(self, scores: Tensor, count: int) -> Tensor:
        """Where the best words are: all places of the best groups, (sentences, places)."""
        peaks = scores.view(-1, self.width // self.groups, self.groups).amax(1)
        picked = peaks.view(len(scores), -1).topk(count, sorted=False).indices
        first = torch.add(picked, picked // self.groups, alpha=self.width - self.groups)
        return (first.unsqueeze(2) + self.first_words).flatten(1)
