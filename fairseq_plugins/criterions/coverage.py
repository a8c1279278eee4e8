"""``--criterion label_smoothed_cross_entropy_with_coverage``: do not look twice at a word."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
)
from fairseq.logging import metrics
from fairseq.models import BaseFairseqModel
from fairseq.tasks import FairseqTask
from torch import Tensor

from ..errors import S2SError

NAME = "label_smoothed_cross_entropy_with_coverage"


def coverage_loss(alignment: Tensor, target_padding: Tensor) -> Tensor:
    r"""The overlap of each alignment with those before it (See et al., 2017, eq. 12).

    .. math::
        \ell_t = \sum_j \min(a_{tj}, cov_{tj}), \quad cov_{tj} = \sum_{k<t} a_{kj}

    Args:
        alignment: (batch, tgt_len, src_len)
        target_padding: (batch, tgt_len), True on padding, whose alignments count for nothing

    Returns:
        (batch, tgt_len), each between 0 and 1, 0 on padding; in float32 at least
    """
    dtype = torch.promote_types(alignment.dtype, torch.float32)
    alignment = alignment.to(dtype).masked_fill(target_padding.unsqueeze(-1), 0)
    # Shifted by one step and summed, rather than summed less itself: exactly 0 at the first step.
    coverage = F.pad(alignment[:, :-1], (0, 0, 1, 0)).cumsum(dim=1)
    return torch.minimum(alignment, coverage).sum(dim=-1)


def alignment_of(net_output: tuple[Any, ...]) -> Tensor:
    """The alignment (batch, tgt_len, src_len) in what a fairseq model returns.

    Raises:
        S2SError: where the model gives none
    """
    extra = net_output[1]
    attn = (extra.get("attn") or [None]) if isinstance(extra, dict) else [None]
    if attn[0] is None:
        raise S2SError(
            f"--criterion {NAME} sums a model's alignments, but this model gives none: use a model "
            "with attention, or --criterion label_smoothed_cross_entropy."
        )
    return attn[0]


@dataclass
class LabelSmoothedCrossEntropyWithCoverageConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """The options of the coverage loss."""

    coverage_weight: float = field(
        default=1.0,
        metadata={"help": "weight of the coverage loss, against looking at the same word again"},
    )


@register_criterion(NAME, dataclass=LabelSmoothedCrossEntropyWithCoverageConfig)
class LabelSmoothedCrossEntropyWithCoverage(LabelSmoothedCrossEntropyCriterion):
    r"""Label-smoothed cross-entropy and the coverage loss (See et al., 2017, eq. 13).

    .. math::
        \mathcal{L} = \sum_t \left(-\log P(y_t) + \lambda \sum_j \min(a_{tj}, cov_{tj})\right)

    over the real target words, :math:`\lambda` being ``coverage_weight``. The log's ``loss`` is
    the whole, and ``coverage_loss`` the second sum without its weight, per target word and, like
    fairseq's other losses, divided by ln 2.

    Raises:
        S2SError: for a negative weight, or a model that gives no alignment
    """

    def __init__(
        self,
        task: FairseqTask,
        sentence_avg: bool,
        label_smoothing: float,
        ignore_prefix_size: int = 0,
        report_accuracy: bool = False,
        coverage_weight: float = 1.0,
    ) -> None:
        super().__init__(task, sentence_avg, label_smoothing, ignore_prefix_size, report_accuracy)
        if not coverage_weight >= 0:
            raise S2SError(f"--coverage-weight is {coverage_weight}, but must be at least 0.")
        self.coverage_weight = coverage_weight

    def forward(
        self, model: BaseFairseqModel, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """The loss, what it is to be divided by, and what is logged.

        With ``reduce`` False the losses are those of single words, (batch * tgt_len, 1).
        """
        outputs = []  # the parent keeps the model's output to itself
        with model.register_forward_hook(lambda *call: outputs.append(call[-1])):
            loss, sample_size, logging_output = super().forward(model, sample, reduce)
        coverage = self.compute_coverage_loss(model, outputs[0], sample)
        coverage = coverage.sum() if reduce else coverage.reshape(-1, 1)
        loss = loss + self.coverage_weight * coverage
        logging_output |= {"loss": loss.data, "coverage_loss": coverage.data}
        return loss, sample_size, logging_output

    def compute_coverage_loss(
        self, model: BaseFairseqModel, net_output: tuple[Any, ...], sample: dict[str, Any]
    ) -> Tensor:
        """Each target word's coverage loss (batch, tgt_len), without an ignored prefix."""
        target_padding = model.get_targets(sample, net_output).eq(self.padding_idx)
        losses = coverage_loss(alignment_of(net_output), target_padding)
        return losses[:, self.ignore_prefix_size :]

    @classmethod
    def reduce_metrics(cls, logging_outputs: list[dict[str, Any]]) -> None:
        """Average over the workers' batches."""
        super().reduce_metrics(logging_outputs)
        total = sum(log.get("coverage_loss", 0) for log in logging_outputs)
        ntokens = sum(log.get("ntokens", 0) for log in logging_outputs)
        metrics.log_scalar("coverage_loss", total / ntokens / math.log(2), ntokens, round=3)
