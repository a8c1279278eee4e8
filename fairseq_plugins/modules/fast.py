"""When a module may take a fast form of ``ops`` in place of its own plain one."""

import os

import torch
from torch import nn

NO_FAST = "S2S_NO_FAST"  # an environment variable: plain modules only, for debugging


def may_be_fast(module: nn.Module) -> bool:
    """Whether nothing asks for the plain form: neither option, nor environment, nor an export.

    A module that has fast forms has an attribute ``fast``, which ``--no-fast`` sets to False.
    """
    if not module.fast or os.environ.get(NO_FAST, "0") not in ("", "0"):
        return False
    if torch.jit.is_scripting():  # type: ignore[attr-defined]
        return False
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        return False
    return not torch.compiler.is_compiling()


def set_fast(model: nn.Module, fast: bool) -> None:
    """Allow or forbid the fast forms in all parts of a model."""
    for module in model.modules():
        if hasattr(module, "fast"):
            module.fast = fast  # type: ignore[assignment]
