"""The best continuations, against one topk over all of them."""

import math

import pytest
import torch

from fairseq_plugins.tasks import _best_words
from fairseq_plugins.tasks._best_words import Scoreboard


def board(rows, vocabulary, beam, dtype=torch.float32):
    return Scoreboard(rows, vocabulary, beam, dtype=dtype, device=torch.device("cpu"))


def topk(lprobs, before, beam, count):
    """Scores, words and hypotheses by the definition."""
    scores = (lprobs + before).view(len(lprobs) // beam, -1)
    values, places = scores.topk(count)
    return values, places % lprobs.size(1), places // lprobs.size(1)


@pytest.mark.parametrize("vocabulary", [5, 16, 97, 2304, 4001, 8004])
@pytest.mark.parametrize("beam, sentences", [(1, 7), (5, 1), (5, 3), (10, 2)])
@pytest.mark.parametrize("few", [0, 10**9])
def test_the_best_are_those_of_one_topk_over_everything(
    monkeypatch, vocabulary, beam, sentences, few
):
    monkeypatch.setattr(_best_words, "FEW", few)
    torch.manual_seed(vocabulary)
    lprobs = torch.randn(sentences * beam, vocabulary, dtype=torch.float64)
    before = torch.randn(sentences * beam, 1, dtype=torch.float64)
    count = min(2 * beam, beam * vocabulary - 1)
    found = board(sentences * beam, vocabulary, beam, torch.float64).best(lprobs, before, count)
    for mine, expected in zip(found, topk(lprobs, before, beam, count), strict=True):
        torch.testing.assert_close(mine, expected, rtol=0, atol=0)


@pytest.mark.parametrize("few", [0, 10**9])
def test_what_is_not_a_number_is_never_among_the_best(monkeypatch, few):
    monkeypatch.setattr(_best_words, "FEW", few)
    torch.manual_seed(1)
    lprobs, before = torch.randn(6, 3000), torch.zeros(6, 1)
    lprobs[1] = math.nan
    lprobs[torch.rand_like(lprobs) < 0.5] = math.nan
    expected = topk(lprobs.masked_fill(lprobs.isnan(), -math.inf), before, 3, 6)
    for mine, other in zip(board(6, 3000, 3).best(lprobs, before, 6), expected, strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=0)


def test_a_board_serves_fewer_rows_without_a_trace_of_those_before():
    torch.manual_seed(1)
    many, few = torch.randn(8, 3000) + 100, torch.randn(4, 3000)
    scoreboard = board(8, 3000, 2)
    scoreboard.best(many, torch.zeros(8, 1), 4)
    again = scoreboard.best(few, torch.zeros(4, 1), 4)
    for mine, expected in zip(again, topk(few, torch.zeros(4, 1), 2, 4), strict=True):
        torch.testing.assert_close(mine, expected, rtol=0, atol=0)
