"""``--criterion label_smoothed_cross_entropy_fused``: fairseq's loss in less time and memory."""

from dataclasses import dataclass
from typing import Any

from fairseq import utils
from fairseq.criterions import register_criterion
from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion,
    LabelSmoothedCrossEntropyCriterionConfig,
)
from fairseq.distributed import (
    DistributedTimeoutWrapper,
    LegacyDistributedDataParallel,
    ModuleProxyWrapper,
)
from fairseq.models import BaseFairseqModel
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..modules.decoder import BaseRNNDecoder
from ..modules.fast import may_be_fast
from ..modules.output import OutputProjection
from ..ops.linear_cross_entropy import linear_cross_entropy

NAME = "label_smoothed_cross_entropy_fused"

# What fairseq wraps a model in for several processes, and what leaves each its whole weights.
WRAPPERS = (
    DistributedDataParallel,
    DistributedTimeoutWrapper,
    LegacyDistributedDataParallel,
    ModuleProxyWrapper,
)

# Rows of logits at a time. A CPU's caches like few (128 to 512 are equally fast); on a GPU every
# chunk costs some fifteen launches.
CPU_CHUNK, GPU_CHUNK = 256, 2048


def projection_to_fuse(model: nn.Module) -> OutputProjection | None:
    """A model's output projection, if its features and this weight are all that the loss needs.

    That is so for our decoders, but not where a pointer, a mixture or an adaptive softmax changes
    the distribution; nor where ``DistributedDataParallel`` searches the model's outputs for unused
    parameters: it would take this one, which comes after them, for unused.
    """
    while isinstance(model, WRAPPERS):
        if isinstance(model, DistributedDataParallel) and model.find_unused_parameters:
            return None
        model = model.module
    decoder = getattr(model, "decoder", None)
    if not isinstance(decoder, BaseRNNDecoder) or not may_be_fast(decoder):
        return None
    if decoder.pointer is not None or decoder.adaptive_softmax is not None:
        return None
    return decoder.output_proj if type(decoder.output_proj) is OutputProjection else None


@dataclass
class FusedLabelSmoothedCrossEntropyConfig(LabelSmoothedCrossEntropyCriterionConfig):
    """The options of fairseq's ``label_smoothed_cross_entropy``."""


@register_criterion(NAME, dataclass=FusedLabelSmoothedCrossEntropyConfig)
class FusedLabelSmoothedCrossEntropy(LabelSmoothedCrossEntropyCriterion):
    """fairseq's label-smoothed cross-entropy, without ever holding the logits of all words.

    The same numbers in the log and the same gradients, see ``ops.linear_cross_entropy``. For a
    model whose output cannot be fused (:func:`projection_to_fuse`) and for losses of single words
    (``reduce`` False) it is fairseq's own.
    """

    def forward(
        self, model: BaseFairseqModel, sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """The loss, what it is to be divided by, and what is logged."""
        projection = projection_to_fuse(model) if reduce else None
        if projection is None:
            return super().forward(model, sample, reduce)
        net_output = model(**sample["net_input"], features_only=True)
        target = model.get_targets(sample, net_output)[:, self.ignore_prefix_size :]
        features = net_output[0][:, self.ignore_prefix_size :]
        loss, nll_loss, correct = linear_cross_entropy(
            features.flatten(0, 1),
            projection.weight,
            target.flatten(),
            label_smoothing=self.eps,
            padding_idx=self.padding_idx,
            chunk=GPU_CHUNK if features.is_cuda else CPU_CHUNK,
            count_correct=self.report_accuracy,
        )
        sample_size = len(sample["target"]) if self.sentence_avg else sample["ntokens"]
        logging_output = {
            "loss": loss.data,
            "nll_loss": nll_loss.data,
            "ntokens": sample["ntokens"],
            "nsentences": len(sample["target"]),
            "sample_size": sample_size,
        }
        if correct is not None:
            logging_output["n_correct"] = utils.item(correct)
            logging_output["total"] = utils.item(target.ne(self.padding_idx).sum())
        return loss, sample_size, logging_output
