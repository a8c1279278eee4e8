"""Fault: some optimizers, and ``--eval-bleu``, make checkpoints that do not load.

Parts of fairseq without a dataclass (the optimizers adadelta, sgd, adagrad, adamax) are configured
by an ``argparse.Namespace``, which the trainer saves as it is and ``weights_only=True`` refuses,
whatever the model. With this repair it is saved as plain data: on reading, nobody asks for the
settings of these parts. Model and task, which are built from theirs, stay as they are; ours are
plain already. ``--eval-bleu`` logs counts as NumPy arrays, which the trainer saves too; they are
saved as lists, which no one reads: every validation counts anew.
"""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
from fairseq import checkpoint_utils
from fairseq.registry import REGISTRIES

from .patching import wrap

BUILT_ON_READING = ("model", "task")


def needed() -> bool:
    """Whether there are optimizers without a dataclass."""
    optimizers = REGISTRIES["optimizer"]
    return not set(optimizers["registry"]) <= set(optimizers["dataclass_registry"])


def torch_persistent_save(
    upstream: Callable[..., Any], obj: Any, *args: Any, **kwargs: Any
) -> None:
    """Save a training state with plain settings."""
    if isinstance(obj, dict) and isinstance(obj.get("cfg"), dict):
        plain = {
            name: vars(part)
            for name, part in obj["cfg"].items()
            if isinstance(part, Namespace) and name not in BUILT_ON_READING
        }
        obj = {**obj, "cfg": {**obj["cfg"], **plain}}
    if isinstance(obj, dict) and "extra_state" in obj:
        obj = {**obj, "extra_state": without_numpy(obj["extra_state"])}
    upstream(obj, *args, **kwargs)


def without_numpy(state: Any) -> Any:
    """Dictionaries, lists and tuples of anything, with plain numbers in place of NumPy's."""
    if isinstance(state, dict):
        return type(state)((key, without_numpy(value)) for key, value in state.items())
    if type(state) in (list, tuple):
        return type(state)(without_numpy(value) for value in state)
    return state.tolist() if isinstance(state, (np.ndarray, np.generic)) else state


def apply() -> None:
    """Wrap the function that writes checkpoints."""
    wrap(checkpoint_utils, "torch_persistent_save", torch_persistent_save)
