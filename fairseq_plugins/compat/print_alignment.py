"""Fault: ``--print-alignment`` with a model without attention ends with an IndexError.

``SequenceGeneratorWithAlignment.generate`` (sequence_generator.py) transposes attention that is not
there. With this repair one sentence says so. Models with attention are not concerned, nor are those
that compute alignments in a pass of their own (``full_context_alignment``).
"""

from collections.abc import Callable
from typing import Any

import torch
from fairseq.sequence_generator import SequenceGeneratorWithAlignment

from ..errors import S2SError
from .patching import wrap


def needed() -> bool:
    """Whether the transposition of no attention fails in torch."""
    try:
        torch.empty(0).transpose(1, 0)
    except IndexError:
        return hasattr(SequenceGeneratorWithAlignment, "_prepare_batch_for_alignment")
    return False


def _prepare_batch_for_alignment(
    upstream: Callable[..., Any],
    self: SequenceGeneratorWithAlignment,
    sample: Any,
    hypothesis: list[list[dict[str, Any]]],
) -> Any:
    """Prepare the batch, if there is anything to align."""
    aligns_itself = any(getattr(m, "full_context_alignment", False) for m in self.model.models)
    if not aligns_itself and hypothesis[0][0]["attention"].numel() == 0:
        raise S2SError("--print-alignment needs a model with attention, and this one has none.")
    return upstream(self, sample, hypothesis)


def apply() -> None:
    """Wrap the step between the search and the alignment."""
    wrap(
        SequenceGeneratorWithAlignment, "_prepare_batch_for_alignment", _prepare_batch_for_alignment
    )
