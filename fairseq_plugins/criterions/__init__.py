"""The registered losses; importing this package registers them."""

from .coverage import (
    LabelSmoothedCrossEntropyWithCoverage,
    LabelSmoothedCrossEntropyWithCoverageConfig,
)

__all__ = [
    "LabelSmoothedCrossEntropyWithCoverage",
    "LabelSmoothedCrossEntropyWithCoverageConfig",
]
