"""Fault: ``--diverse-beam-groups`` fails with an IndexError in any but the smallest data sets.

``DiverseBeamSearch.step`` (search.py) keeps a table with a row per sentence of the batch, but reads
it with the sentences' ids in the data set. With this repair it is read with their places in the
batch. Inert in 0.12.2, whose search keeps no such table.
"""

from collections.abc import Callable
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.search import DiverseBeamSearch
from torch import Tensor

from .patching import original, wrap


def needed() -> bool:
    """Whether a sentence whose id is beyond the batch fails at the second step."""
    search = DiverseBeamSearch(Dictionary(), num_groups=2, diversity_strength=0.5)
    step = original(DiverseBeamSearch, "step")
    lprobs, scores, ids = torch.zeros(1, 2, 8), torch.zeros(1, 2, 1), torch.tensor([7])
    try:
        step(search, 0, lprobs, scores, None, ids)
        step(search, 1, lprobs, scores, None, ids)
    except IndexError:
        return True
    return False


def step(
    upstream: Callable[..., Any],
    self: DiverseBeamSearch,
    step: int,
    lprobs: Tensor,
    scores: Tensor,
    prev_output_tokens: Tensor | None = None,
    original_batch_idxs: Tensor | None = None,
) -> Any:
    """Search one step, with places (0, 1, ...) for the ids of the sentences that are left."""
    if original_batch_idxs is not None:
        if step == 0:
            self.first_ids = original_batch_idxs
        same = original_batch_idxs.unsqueeze(1) == self.first_ids  # (left, batch)
        original_batch_idxs = same.int().argmax(dim=1)
    return upstream(self, step, lprobs, scores, prev_output_tokens, original_batch_idxs)


def apply() -> None:
    """Wrap the method."""
    wrap(DiverseBeamSearch, "step", step)
