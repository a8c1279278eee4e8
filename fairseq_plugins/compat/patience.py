"""Fault: a training that resumes has forgotten how long its validation has not improved.

``--patience`` counts in attributes of a function (fairseq_cli/train.py, ``should_stop_early``),
which no checkpoint holds; after a restart the count begins anew, and the training ends later. With
this repair the count is saved in the checkpoint's extra state, and found there again.
"""

from collections.abc import Callable
from typing import Any

from fairseq import checkpoint_utils
from fairseq.trainer import Trainer

from .interrupt import program
from .patching import wrap

KEY = "s2s_patience"
COUNTED = ("best", "num_runs")


def needed() -> bool:
    """Whether this process can train; no fairseq saves the count."""
    return program() is not None


def count() -> dict[str, Any]:
    """Where the count is kept."""
    return vars(vars(program())["should_stop_early"])


def save_checkpoint(
    upstream: Callable[..., Any], trainer: Trainer, filename: str, extra_state: dict[str, Any]
) -> Any:
    """Save the count, too."""
    counted = {name: value for name, value in count().items() if name in COUNTED}
    return upstream(trainer, filename, extra_state | ({KEY: counted} if counted else {}))


def load_checkpoint(upstream: Callable[..., Any], cfg: Any, *args: Any, **kwargs: Any) -> Any:
    """Find the count again, where the training is the same one."""
    extra_state, epoch_itr = upstream(cfg, *args, **kwargs)
    if extra_state and not (cfg.reset_dataloader or cfg.reset_meters):
        count().update(extra_state.get(KEY, {}))
    return extra_state, epoch_itr


def apply() -> None:
    """Wrap what writes a checkpoint, and what a training begins with."""
    wrap(Trainer, "save_checkpoint", save_checkpoint)
    wrap(checkpoint_utils, "load_checkpoint", load_checkpoint)
