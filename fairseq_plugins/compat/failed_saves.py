"""Fault: a full disk during a save ends in a traceback and leaves half a file; a retry ruins it.

``checkpoint_utils._torch_persistent_save`` tries three times, and each time goes on writing where
the last one failed, so that a save that succeeds in the end may not load. With this repair every
try begins with an empty file, what is written reaches the disk before it gets its name, and a save
that fails ends the training in one sentence. The earlier checkpoints stay as they were.
"""

import contextlib
import inspect
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils

from .._integrity import damage
from ..errors import S2SError
from .patching import original, wrap

TRIES = 3
PAUSE = 2.5  # seconds, as upstream has it


def needed() -> bool:
    """Whether a second try does not begin anew."""
    upstream = original(checkpoint_utils, "_torch_persistent_save")
    return "truncate" not in inspect.getsource(upstream)


def write(upstream: Callable[..., Any], obj: Any, f: Any) -> None:
    """Save into an open file."""
    if isinstance(f, str) or not f.seekable():
        upstream(obj, f)
        return
    for left in reversed(range(TRIES)):
        try:
            f.seek(0)
            f.truncate()
            torch.save(obj, f)
            f.flush()
            os.fsync(f.fileno())
        except Exception:
            if not left:
                raise
            time.sleep(PAUSE)
        else:
            return


def save_checkpoint(
    upstream: Callable[..., Any], cfg: Any, trainer: Any, *args: Any, **kwargs: Any
) -> Any:
    """Save, or say in one sentence why not and what is left."""
    try:
        return upstream(cfg, trainer, *args, **kwargs)
    except Exception as error:
        cause = _cause(error)
        if cause is None:
            raise
        for partial in Path(cfg.save_dir).glob("*.pt.tmp"):
            with contextlib.suppress(OSError):
                partial.unlink()
        updates = trainer.get_num_updates()
        raise S2SError(
            f"The checkpoint of update {updates} could not be written to {cfg.save_dir} "
            f"({cause.strerror}): {_advice(Path(cfg.save_dir))}."
        ) from error


def _cause(error: BaseException | None) -> OSError | None:
    """The system's error under what torch made of it."""
    while error is not None and not (isinstance(error, OSError) and error.strerror):
        error = error.__cause__ or error.__context__
    return error


def _advice(folder: Path) -> str:
    last = folder / "checkpoint_last.pt"
    if last.is_file() and not damage(last):
        return f"{last} is whole; make room, and the same command goes on from there"
    return "there is no earlier one; make room, or name another --save-dir, and start again"


def apply() -> None:
    """Wrap what writes and what asks for it."""
    wrap(checkpoint_utils, "_torch_persistent_save", write)
    wrap(checkpoint_utils, "save_checkpoint", save_checkpoint)
