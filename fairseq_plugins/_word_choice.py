"""Which word a row says next: the likeliest, or one that is drawn."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class RowOptions:
    """How a row is searched for.

    Attributes:
        sampling: draw each word; otherwise the likeliest is taken
        temperature: divides the logits that are drawn from
        topk: draw from the k likeliest words; 0 means all
        topp: and from the likeliest that together have probability p
        seed: of this row's draws, which depend on nothing else; None for any
        min_len, max_len: bounds on the number of words, ``</s>`` not counted in the upper one
        no_repeat_ngram: no n-gram of this size occurs twice; 0 for no such rule
    """

    sampling: bool = False
    temperature: float = 1.0
    topk: int = 0
    topp: float = 1.0
    seed: int | str | None = None
    min_len: int = 1
    max_len: int = 200
    no_repeat_ngram: int = 0


class History:
    """What a row has said, and what it may not say therefore.

    Attributes:
        words: said so far
        random: where its draws come from
    """

    def __init__(self, options: RowOptions) -> None:
        self.options = options
        self.words: list[int] = []
        self.random = random.Random(options.seed)
        self._after: dict[tuple[int, ...], list[int]] = {}  # what has followed n - 1 words

    def say(self, word: int) -> None:
        """Add a word."""
        size = self.options.no_repeat_ngram
        self.words.append(word)
        if size and len(self.words) >= size:
            self._after.setdefault(tuple(self.words[-size:-1]), []).append(word)

    def banned(self) -> list[int]:
        """The words that would end an n-gram for the second time."""
        size = self.options.no_repeat_ngram
        if not size or len(self.words) < size:
            return []
        return self._after.get(tuple(self.words[len(self.words) - size + 1 :]), [])


def choose(lprobs: Tensor, rows: Sequence[History], pad: int, eos: int) -> tuple[Tensor, Tensor]:
    """The next word of each row, by the rules of fairseq's generator.

    Args:
        lprobs: (rows, vocabulary); minus infinity is written over what may not be said

    Returns:
        the words and their log-probabilities under the model (rows,); where nothing may be said
        that has a number, the word is ``</s>``
    """
    forbid(lprobs, rows, pad, eos)
    scores, words = lprobs.max(dim=1)
    drawn = [place for place, row in enumerate(rows) if row.options.sampling]
    if drawn:
        every = len(drawn) == len(rows)
        places = torch.tensor(drawn, device=lprobs.device)
        part = lprobs if every else lprobs.index_select(0, places)
        found = draw(part, [rows[place] for place in drawn])
        words = found if every else words.index_copy(0, places, found)
        scores = lprobs.gather(1, words.unsqueeze(1)).squeeze(1)
    return torch.where(scores.isfinite(), words, eos), scores


def forbid(lprobs: Tensor, rows: Sequence[History], pad: int, eos: int) -> None:
    """Write minus infinity over what each row may not say."""
    lprobs[:, pad] = -math.inf
    ended = [place for place, row in enumerate(rows) if len(row.words) >= row.options.max_len]
    if ended:
        ends = lprobs[ended, eos]
        lprobs[ended] = -math.inf
        lprobs[ended, eos] = ends
    short = [place for place, row in enumerate(rows) if len(row.words) < row.options.min_len]
    if short:
        lprobs[short, eos] = -math.inf
    banned = [(place, word) for place, row in enumerate(rows) for word in row.banned()]
    if banned:
        places, words = zip(*banned, strict=True)
        lprobs[places, words] = -math.inf


def draw(lprobs: Tensor, rows: Sequence[History]) -> Tensor:
    """A word for each row (rows,), by the row's own random numbers.

    The words that are drawn from are the likeliest: as many as ``topk`` says, and until they have
    probability ``topp`` together (Holtzman et al., 2020, arXiv:1904.09751).
    """
    options = [row.options for row in rows]
    like: dict[str, Any] = {"dtype": torch.float32, "device": lprobs.device}
    temperature = torch.tensor([each.temperature for each in options], **like).unsqueeze(1)
    scaled = (lprobs / temperature).softmax(dim=1, dtype=torch.float32)
    order = None
    if any(each.topk > 0 or each.topp < 1 for each in options):
        scaled, order = scaled.sort(dim=1, descending=True)
        topp = torch.tensor([each.topp for each in options], **like).unsqueeze(1)
        topk = torch.tensor([each.topk or scaled.size(1) for each in options], **like)
        ranks = torch.arange(scaled.size(1), device=lprobs.device)
        kept = (scaled.cumsum(dim=1) - scaled < topp) & (ranks < topk.unsqueeze(1))
        kept[:, 0] = True
        scaled = scaled * kept
    mass = scaled.cumsum(dim=1)
    numbers = torch.tensor([row.random.random() for row in rows], **like).unsqueeze(1)
    places = torch.searchsorted(mass, numbers * mass[:, -1:], right=True)
    last = (scaled > 0).long().mul_(torch.arange(scaled.size(1), device=mass.device)).amax(dim=1)
    places = torch.minimum(places, last.unsqueeze(1))  # a number rounded up to the whole mass
    return (places if order is None else order.gather(1, places)).squeeze(1)
