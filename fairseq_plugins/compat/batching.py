"""Batches of similar length, in Python: the three functions of fairseq's ``data_utils_fast``.

Each is tested to give the batches of the compiled one.
"""

from collections.abc import Callable

import numpy as np


def batch_by_size_vec(
    indices: np.ndarray,
    num_tokens_vec: np.ndarray,
    max_tokens: int,
    max_sentences: int,
    bsz_mult: int,
) -> list[np.ndarray]:
    """Cut ``indices`` into batches, each below both limits (those above 0).

    A batch has fewer than ``bsz_mult`` sentences or a multiple of it. So there is a running batch
    of a size that is allowed, and a tail behind it that joins as soon as the sum is allowed too.
    """
    if len(indices) == 0:
        return []
    assert max_tokens <= 0 or num_tokens_vec.max() <= max_tokens, (
        f"Sentences lengths should not exceed max_tokens={max_tokens}"
    )
    cuts: list[int] = []
    start = end = 0  # the running batch
    batch_longest = tail_longest = 0
    for position, length in enumerate(num_tokens_vec.tolist()):
        tail_longest = max(tail_longest, length)
        longest = max(batch_longest, tail_longest)
        size = position + 1 - start
        too_big = 0 < max_sentences < size or 0 < max_tokens < size * longest
        if too_big:
            cuts.append(end)
            if 0 < max_tokens < tail_longest * (position + 1 - end):
                cuts.append(position)  # the tail alone is too big as well
                tail_longest = length
            start = cuts[-1]
            longest = tail_longest
        if too_big or size < bsz_mult or size % bsz_mult == 0:
            end = position + 1
            batch_longest, tail_longest = longest, 0
    if end != len(indices):
        cuts.append(end)
    return np.split(indices, cuts)


def batch_by_size_fn(
    indices: np.ndarray,
    num_tokens_fn: Callable[[int], int],
    max_tokens: int,
    max_sentences: int,
    bsz_mult: int,
) -> list[np.ndarray]:
    """The same, with a function that tells the length of a sentence."""
    lengths = np.fromiter((num_tokens_fn(i) for i in indices.tolist()), np.int64, len(indices))
    return batch_by_size_vec(indices, lengths, max_tokens, max_sentences, bsz_mult)


def batch_fixed_shapes_fast(
    indices: np.ndarray, num_tokens_fn: Callable[[int], int], fixed_shapes_sorted: np.ndarray
) -> list[list[int]]:
    """Cut ``indices`` into batches that fit one of the (sentences, tokens) shapes, small to large.

    A batch that has outgrown a shape does not return to it.
    """
    shapes = [tuple(shape) for shape in fixed_shapes_sorted.tolist()]
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = smallest = 0
    for index in indices.tolist():
        longest = max(longest, num_tokens_fn(index))
        fitting = (
            i
            for i in range(smallest, len(shapes))
            if len(batch) < shapes[i][0] and longest <= shapes[i][1]
        )
        shape = next(fitting, None)
        if shape is None:
            batches.append(batch)
            batch, longest, smallest = [], 0, 0
        else:
            smallest = shape
        batch.append(index)
    return batches + [batch] if batch else batches
