"""Fault: whether loading a checkpoint may run code depends on the versions of torch and fairseq.

checkpoint_utils.py leaves ``weights_only`` to torch's default (False before torch 2.6, or with
TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1), and fairseq's main branch passes False. With this repair
fairseq's checkpoint code, and nothing else in the process, always loads with ``weights_only=True``.
"""

import inspect
import types
from typing import Any

import torch
from fairseq import checkpoint_utils


class SafeTorch(types.ModuleType):
    """The module ``torch`` as checkpoint_utils sees it, with a ``load`` that runs no code."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def load(*args: Any, **kwargs: Any) -> Any:
        """``torch.load`` that reads tensors and plain data only."""
        return torch.load(*args, **{**kwargs, "weights_only": True})


def needed() -> bool:
    """Whether checkpoint_utils leaves the question open, or answers it wrongly."""
    try:
        return "weights_only=True" not in inspect.getsource(checkpoint_utils)
    except OSError:  # an installation without sources
        return True


def apply() -> None:
    """Give checkpoint_utils its own view of torch."""
    checkpoint_utils.torch = SafeTorch("torch")
