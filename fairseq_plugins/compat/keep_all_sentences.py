"""Fault: up to seven of the longest sentences of every subset are silently dropped.

``data_utils.batch_by_size`` removes the last batch unless its size is a multiple of
``--required-batch-size-multiple`` (8 by default), in training, validation and generation alike:
100 test lines give 96 hypotheses (fairseq issues 5036, 5094, 5351). With this repair the removed
sentences come back as the last batch. Official 0.12.2 drops none, and nothing is added there.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from fairseq.data import data_utils

from .patching import original, wrap


def needed() -> bool:
    """Whether three sentences in batches of multiples of two are fewer than three."""
    limits = {"max_sentences": 2, "required_batch_size_multiple": 2}
    upstream = original(data_utils, "batch_by_size")
    try:
        batches = upstream(np.arange(3), None, np.ones(3, np.int64), **limits)
    except ImportError:  # no batches at all, and pure_batching was left out
        return False
    return sum(map(len, batches)) < 3


def batch_by_size(
    upstream: Callable[..., Any], indices: Any, *args: Any, **kwargs: Any
) -> list[Any]:
    """Batch all of ``indices``."""
    if not isinstance(indices, np.ndarray):
        indices = np.fromiter(indices, np.int64)
    if len(indices) == 0:
        return []
    batches = list(upstream(indices, *args, **kwargs))
    kept = sum(map(len, batches))
    return batches if kept == len(indices) else [*batches, indices[kept:]]


def apply() -> None:
    """Wrap the function that every dataset batches with."""
    wrap(data_utils, "batch_by_size", batch_by_size)
