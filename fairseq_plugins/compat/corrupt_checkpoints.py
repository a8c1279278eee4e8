"""Fault: an empty, cut or foreign checkpoint ends fairseq with a bare ``EOFError`` or ``KeyError``.

``checkpoint_utils.load_checkpoint_to_cpu`` passes on what torch and its own upgrade code stumble
over; an interrupted copy leaves just such a checkpoint_last.pt. With this repair one sentence names
the file, what is wrong with it, and the newest other checkpoint beside it. Training never starts
anew by itself. Files that load are not looked at.
"""

import errno
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairseq import checkpoint_utils
from omegaconf.errors import OmegaConfBaseException

from ..errors import S2SError
from .patching import original, wrap


def needed() -> bool:
    """Whether an empty file gives an error that does not name it."""
    try:
        original(checkpoint_utils, "load_checkpoint_to_cpu")(os.devnull)
    except Exception as error:
        return os.devnull not in str(error)
    return False


def refusal(error: Exception) -> str | None:
    """Say what in a whole file is not loaded for safety; None where that is not the trouble."""
    if "argparse.Namespace" in str(error):
        return (
            "holds an argparse.Namespace, as the checkpoints of fairseq's own older models do: "
            "set S2S_ALLOW_NAMESPACE=1 to load it"
        )
    if "Unsupported global" in str(error) or "is blocked" in str(error):
        return "holds more than tensors and plain data: it is not loaded, since it could run code"
    return None


def damage(path: Path) -> str:
    """Say what is wrong with a file that could not be read."""
    if path.stat().st_size == 0:
        return "is empty (0 bytes)"
    with path.open("rb") as file:
        is_torch_file = file.read(4) == b"PK\x03\x04"
    if is_torch_file and not zipfile.is_zipfile(path):
        return "is cut short"
    return "is not a checkpoint of fairseq, or damaged"


def newest_other(path: Path) -> Path | None:
    """The newest file beside ``path`` that is a whole checkpoint file."""
    others = [
        other
        for other in path.absolute().parent.glob("*.pt")
        if other.name != path.name and zipfile.is_zipfile(other)
    ]
    newest = max(others, key=lambda other: other.stat().st_mtime, default=None)
    return None if newest is None else path.parent / newest.name


def advice(path: Path) -> str:
    """Say what is wrong with a damaged file and what to use instead."""
    other = newest_other(path)
    if other is None:
        return f"{damage(path)}: no other checkpoint is beside it, so remove it to start anew"
    return f"{damage(path)}: use {other} instead (--restore-file to train on, --path to generate)"


def load_checkpoint_to_cpu(
    upstream: Callable[..., Any], path: str, *args: Any, **kwargs: Any
) -> Any:
    """Load, or say in one sentence why not and what to use instead."""
    try:
        return upstream(path, *args, **kwargs)
    except (S2SError, ImportError, MemoryError, OmegaConfBaseException):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch's for a short file
            raise
        raise S2SError(f"{path} {refusal(error) or advice(Path(path))}.") from error


def apply() -> None:
    """Wrap the one function that reads checkpoints to train on and to generate with."""
    wrap(checkpoint_utils, "load_checkpoint_to_cpu", load_checkpoint_to_cpu)
