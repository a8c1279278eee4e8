"""Fault: checkpoints of fairseq's own lstm and transformer do not load with ``weights_only=True``.

Models with ``add_args`` store an ``argparse.Namespace`` in the checkpoint, which torch refuses.
Opt in with ``S2S_ALLOW_NAMESPACE=1``: that one class is then allowed, only while fairseq reads a
checkpoint. Off by default, since our own models do not need it.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

import torch
from fairseq import checkpoint_utils

from .patching import wrap


def needed() -> bool:
    """Whether the user asked for it."""
    return os.environ.get("S2S_ALLOW_NAMESPACE") == "1"


def load_checkpoint_to_cpu(upstream: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Load with ``argparse.Namespace`` on the allow-list."""
    with torch.serialization.safe_globals([argparse.Namespace]):
        return upstream(*args, **kwargs)


def apply() -> None:
    """Wrap the one function that reads checkpoints to train on and to generate with."""
    wrap(checkpoint_utils, "load_checkpoint_to_cpu", load_checkpoint_to_cpu)
