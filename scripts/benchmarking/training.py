"""One update as fairseq's trainer makes it: loss, gradient, clipping, Adam."""

from typing import Any

from fairseq import optim
from fairseq.models import BaseFairseqModel
from fairseq.tasks import FairseqTask
from omegaconf import DictConfig

from .data import Batch
from .flops import step_flops
from .measure import Work
from .sizes import Sizes


class Training:
    """A system in training; a call is one update on a batch.

    Args:
        cfg: fairseq's configuration: criterion, optimiser, ``clip_norm``
        task: builds the loss
        model: is trained
        counted: the sizes where the step's matrix products are to be counted
    """

    def __init__(
        self,
        cfg: DictConfig,
        task: FairseqTask,
        model: BaseFairseqModel,
        counted: Sizes | None = None,
    ) -> None:
        self.task, self.model, self.counted = task, model, counted
        self.clip_norm = cfg.optimization.clip_norm
        self.criterion = task.build_criterion(cfg.criterion)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer: Any = optim.build_optimizer(cfg.optimizer, weights)
        self.updates = 0
        self.last_loss = float("nan")

    def __call__(self, batch: Batch) -> Work:
        """See fairseq's ``Trainer.train_step``, of which this is the part on one device."""
        self.criterion.train()
        self.optimizer.zero_grad()
        loss, tokens, _ = self.task.train_step(
            batch, self.model, self.criterion, self.optimizer, self.updates
        )
        self.optimizer.multiply_grads(1 / tokens)
        self.optimizer.clip_grad_norm(self.clip_norm)
        self.optimizer.step()
        self.updates += 1
        self.last_loss = loss.item() / tokens
        flops = 0.0
        if self.counted:
            flops = step_flops(self.counted, len(self.task.target_dictionary), batch)
        return Work(batch["ntokens"], flops)
