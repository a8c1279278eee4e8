"""Fault: ``--no-repeat-ngram-size`` blocks nothing where its CUDA extension is not in use.

``NGramRepeatBlock._no_repeat_ngram`` (ngram_repeat_block.py) looks for the last words of a
hypothesis at the end of the generator's buffer, where there is only padding until the longest
hypothesis allowed is full. With this repair they are looked for in what was generated so far, and
a size of 1 means that no word comes twice. Inert where upstream blocks.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from fairseq.ngram_repeat_block import NGramRepeatBlock
from torch import Tensor

from .patching import original, wrap


def needed() -> bool:
    """Whether ``5`` may follow ``4`` once more in ``4 5 4``, in a buffer that is longer."""
    block = NGramRepeatBlock(2, use_extension=False)
    tokens = torch.tensor([[2, 4, 5, 4, 1, 1, 1]])
    upstream = original(NGramRepeatBlock, "_no_repeat_ngram")
    lprobs = upstream(block, tokens, torch.zeros(1, 8), 1, 1, 3)
    return bool(lprobs[0, 5] == 0)


def no_repeat_ngram(
    upstream: Callable[..., Any],
    self: NGramRepeatBlock,
    tokens: Tensor,
    lprobs: Tensor,
    bsz: int,
    beam_size: int,
    step: int,
) -> Tensor:
    """Give -inf to every word that would end an n-gram for the second time.

    The first of ``tokens`` is the beginning of the sentence, no word of it.
    """
    size = self.no_repeat_ngram_size
    for row, words in enumerate(tokens[:, 1 : step + 1].tolist()):
        start = len(words) - size + 1
        if start < 0:
            continue
        last = words[start:]
        banned = [words[i + size - 1] for i in range(start) if words[i : i + size - 1] == last]
        lprobs[row, banned] = -math.inf
    return lprobs


def apply() -> None:
    """Wrap the method."""
    wrap(NGramRepeatBlock, "_no_repeat_ngram", no_repeat_ngram)
