r"""Less generic replies: hypotheses reranked by maximum mutual information.

Li et al. (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models",
arXiv:1510.03055, section 4: a reply T to a message S is judged by what it says about S, not only
by how likely it is. Their two forms, each term a mean per token here, where they sum and reward
length with a weight of its own:

.. math::
    \log p(T|S) - \lambda \log U(T), \quad
    (1 - \lambda) \log p(T|S) + \lambda \log p(S|T)

The first (MMI-antiLM) needs a language model p(T); this is the same model given an empty source,
an approximation: it was never trained to answer nothing. As in section 4.5.1 only the first
tokens count in :math:`U(T) = \prod_{i \le \gamma} p(t_i | t_{<i})`, since they decide what a reply
is about and later ones mostly whether it is grammatical. The second (MMI-bidi) needs a model that
was trained from replies to messages.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Protocol

FIRST_TOKENS = 6  # gamma, in pieces: about the first four words

Scores = Sequence[float]  # log-probabilities of tokens
Pair = tuple[str, str | Sequence[str]]


class Scorer(Protocol):
    """What ``fairseq_plugins`` loads."""

    def score(self, pairs: Sequence[Pair]) -> list[list[float]]:
        """Log-probability of each token of outputs, given their inputs."""
        ...


def against_language_model(scores: Scores, unconditional: Scores, weight: float) -> float:
    """MMI-antiLM of one reply.

    Args:
        scores: of its tokens given the message
        unconditional: of the same tokens given nothing
        weight: lambda, from 0 to 1
    """
    return fmean(scores) - weight * fmean(unconditional[:FIRST_TOKENS])


def both_directions(scores: Scores, backwards: Scores, weight: float) -> float:
    """MMI-bidi of one reply; ``backwards`` are the scores of the message's tokens given it."""
    return (1 - weight) * fmean(scores) + weight * fmean(backwards)


def rank(
    model: Scorer,
    replies: Sequence[tuple[Sequence[str], Scores]],
    weight: float,
) -> list[float]:
    """MMI-antiLM of replies (tokens and their scores), by the model that has made them."""
    unconditional = model.score([("", tokens) for tokens, _ in replies])
    return [
        against_language_model(scores, without, weight)
        for (_, scores), without in zip(replies, unconditional, strict=True)
    ]


def rank_in_both_directions(
    reverse: Scorer,
    message: str,
    replies: Sequence[tuple[str, Scores]],
    weight: float,
) -> list[float]:
    """MMI-bidi of replies (texts and scores), by a model from replies to messages.

    ``message`` and texts are as that model reads them.
    """
    backwards = reverse.score([(text, message) for text, _ in replies])
    return [
        both_directions(scores, found, weight)
        for (_, scores), found in zip(replies, backwards, strict=True)
    ]
