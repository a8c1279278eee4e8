"""Fault: a training that is finished goes on when its command is given again.

fairseq looks at ``--max-update`` and ``--patience`` after an update or a validation, not before the
first: each further call makes one more update, with a schedule that is at its end or begins anew,
or one more epoch, and writes them into checkpoint_last.pt. With this repair such a call changes
nothing. ``--max-epoch`` was always kept.
"""

import logging
from collections.abc import Callable
from typing import Any

from . import patience
from .interrupt import program
from .patching import wrap

logger = logging.getLogger(__name__)


def needed() -> bool:
    """Whether this process can train; every fairseq makes one update too many."""
    return program() is not None


def why_finished(cfg: Any, updates: int) -> str | None:
    """What a training has reached: one of its limits, or None."""
    if 0 < cfg.optimization.max_update <= updates:
        return f"--max-update {cfg.optimization.max_update}"
    if 0 < cfg.checkpoint.patience <= patience.count().get("num_runs", 0):
        return f"--patience {cfg.checkpoint.patience}"
    return None


def train(
    upstream: Callable[..., Any], cfg: Any, trainer: Any, *args: Any, **kwargs: Any
) -> tuple[list[float | None], bool]:
    """Train an epoch, unless the training has come to its end before."""
    reached = why_finished(cfg, trainer.get_num_updates())
    if reached is None:
        result: tuple[list[float | None], bool] = upstream(cfg, trainer, *args, **kwargs)
        return result
    logger.info("nothing to train: %s is reached", reached)
    return [None], True


def apply() -> None:
    """Wrap the loop over an epoch's updates."""
    wrap(program(), "train", train)  # type: ignore[arg-type]
