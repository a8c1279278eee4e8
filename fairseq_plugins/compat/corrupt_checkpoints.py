"""Fault: a damaged checkpoint ends fairseq with a bare ``EOFError``, or is loaded without a word.

``checkpoint_utils.load_checkpoint_to_cpu`` passes on what torch and its own upgrade code stumble
over; an interrupted copy leaves just such a checkpoint_last.pt. Bytes that have changed inside a
weight are not noticed at all. With this repair the file's checksums are compared first, and one
sentence names the file, what is wrong with it, and the newest sound checkpoint beside it. Training
never starts anew by itself.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairseq import checkpoint_utils
from omegaconf.errors import OmegaConfBaseException

from .._integrity import damage, is_archive
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


def newest_other(path: Path) -> Path | None:
    """The newest checkpoint beside ``path`` that is whole."""
    others = (other for other in path.absolute().parent.glob("*.pt") if other.name != path.name)
    newest_first = sorted(others, key=lambda other: other.stat().st_mtime, reverse=True)
    found = next((other for other in newest_first if not damage(other)), None)
    return None if found is None else path.parent / found.name


def advice(path: Path, fault: str) -> str:
    """Say of a damaged file what to use instead."""
    other = newest_other(path)
    if other is None:
        return f"{path} {fault}: no sound checkpoint is beside it, so remove it to start anew."
    return f"{path} {fault}: use {other} instead (--restore-file to train on, --path to generate)."


def load_checkpoint_to_cpu(
    upstream: Callable[..., Any], path: str, *args: Any, **kwargs: Any
) -> Any:
    """Load, or say in one sentence why not and what to use instead."""
    file = Path(path)
    if file.is_file() and is_archive(file) and (fault := damage(file)):
        raise S2SError(advice(file, fault))
    try:
        return upstream(path, *args, **kwargs)
    except (S2SError, ImportError, MemoryError, OmegaConfBaseException):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch's for a short file
            raise
        if told := refusal(error):
            raise S2SError(f"{path} {told}.") from error
        fault = damage(file) or "is not a checkpoint of fairseq, or damaged"
        raise S2SError(advice(file, fault)) from error


def apply() -> None:
    """Wrap the one function that reads checkpoints to train on and to generate with."""
    wrap(checkpoint_utils, "load_checkpoint_to_cpu", load_checkpoint_to_cpu)
