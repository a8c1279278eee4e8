"""Tests of the blocking of repeated n-grams."""

import pytest
import torch
from fairseq.ngram_repeat_block import NGramRepeatBlock

from fairseq_plugins.compat import no_repeat_ngram


def test_upstream_still_blocks_nothing_in_a_buffer_that_is_not_full() -> None:
    assert no_repeat_ngram.needed()


@pytest.mark.parametrize(
    "size, banned",
    [(1, {4, 5, 6}), (2, {5, 6}), (3, {6}), (4, set()), (9, set())],
)
def test_what_would_end_an_ngram_for_the_second_time_is_banned(size: int, banned: set) -> None:
    block = NGramRepeatBlock(size, use_extension=False)
    words = [4, 5, 4, 6, 5, 4]  # 4 5, 5 4, 4 6, 6 5; 5 4 6 is the trigram after "5 4"
    tokens = torch.tensor([[2, *words, 1, 1, 1, 1]])
    lprobs = block(tokens, torch.zeros(1, 8), 1, 1, len(words))
    assert {int(word) for word in torch.isinf(lprobs[0]).nonzero()} == banned
