"""Fault: the checkpoints of tasks without a dataclass do not load with ``weights_only=True``.

``translation_multi_simple_epoch``, ``translation_from_pretrained_bart`` and others are configured
by an ``argparse.Namespace``, which the trainer saves as it is, whatever the model; such a training
can neither be resumed nor generated with. With this repair it is saved as plain data. fairseq
reads that as a configuration with the same attributes, from which it builds the same task.
"""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from fairseq import checkpoint_utils
from fairseq.tasks import TASK_DATACLASS_REGISTRY, TASK_REGISTRY

from .patching import wrap


def needed() -> bool:
    """Whether there are tasks without a dataclass."""
    return not set(TASK_REGISTRY) <= set(TASK_DATACLASS_REGISTRY)


def torch_persistent_save(
    upstream: Callable[..., Any], obj: Any, *args: Any, **kwargs: Any
) -> None:
    """Save a training state with plain options of its task."""
    cfg = obj.get("cfg") if isinstance(obj, dict) else None
    if isinstance(cfg, dict) and isinstance(cfg.get("task"), Namespace):
        obj = {**obj, "cfg": {**cfg, "task": vars(cfg["task"])}}
    upstream(obj, *args, **kwargs)


def apply() -> None:
    """Wrap the function that writes checkpoints."""
    wrap(checkpoint_utils, "torch_persistent_save", torch_persistent_save)
