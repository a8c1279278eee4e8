"""The registered losses; importing this package registers them."""

from .coverage import (
    LabelSmoothedCrossEntropyWithCoverage,
    LabelSmoothedCrossEntropyWithCoverageConfig,
)
from .fused import FusedLabelSmoothedCrossEntropy, FusedLabelSmoothedCrossEntropyConfig

__all__ = [
    "FusedLabelSmoothedCrossEntropy",
    "FusedLabelSmoothedCrossEntropyConfig",
    "LabelSmoothedCrossEntropyWithCoverage",
    "LabelSmoothedCrossEntropyWithCoverageConfig",
]
