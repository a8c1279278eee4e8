"""Fault: a kill at the wrong moment leaves a checkpoint_last.pt of 0 bytes.

Of the files of one save only the first is written aside and renamed; the others are copied over
the old ones in place (checkpoint_utils.py -> file_io.py, ``PathManager.copy``). With this repair
they are copied aside and renamed as well. Paths of iopath's own kinds (s3:// ...) are left to it.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairseq.file_io import PathManager

from .patching import original, wrap


def needed() -> bool:
    """Whether a copy writes into the old file (same inode) rather than replacing it."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            new, old = Path(folder, "new"), Path(folder, "old")
            new.write_bytes(b"new")
            old.write_bytes(b"old")
            inode = old.stat().st_ino
            original(PathManager, "copy")(str(new), str(old), overwrite=True)
            return old.stat().st_ino == inode
    except OSError:
        return True


def copy(
    upstream: Callable[..., Any], src_path: str, dst_path: str, overwrite: bool = False
) -> Any:
    """Copy to ``dst_path`` so that it is at every moment the old file or the new one."""
    if PathManager.path_requires_pathmanager(dst_path):
        return upstream(src_path, dst_path, overwrite=overwrite)
    aside = f"{dst_path}.tmp"
    try:
        upstream(src_path, aside, overwrite=True)
        os.replace(aside, dst_path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(aside)
        raise
    return True


def apply() -> None:
    """Wrap the static method."""
    wrap(PathManager, "copy", copy)
