"""A folder that is written whole, in the place of an earlier one, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import S2SError


class FolderError(S2SError):
    """What stands where a folder is to be written, in one sentence."""


@contextmanager
def replacing(folder: Path, foreign: Callable[[Path], str | None]) -> Iterator[Path]:
    """A new folder that takes the place of ``folder`` when all went well, and is gone otherwise.

    It is made beside the old one, in a hidden folder of its own.

    Args:
        folder: where it is to be
        foreign: the name of something, in it, that another program wrote, or None

    Raises:
        FolderError: before the work and after it, where ``folder`` holds something foreign; before
            it, where nothing can be written there
    """
    folder = folder.absolute()
    check(folder, foreign)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
    except OSError as error:
        raise FolderError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        built, earlier = room / "new", room / "old"
        built.mkdir()
        yield built
        check(folder, foreign)
        if folder.exists():
            os.replace(folder, earlier)
        try:
            os.replace(built, folder)
        except OSError:
            if earlier.exists():
                os.replace(earlier, folder)
            raise
    finally:
        shutil.rmtree(room, ignore_errors=True)


def check(folder: Path, foreign: Callable[[Path], str | None]) -> None:
    """Raise FolderError unless a folder is missing, empty or made by the same program."""
    if folder.is_symlink() or folder.exists() and not folder.is_dir():
        raise FolderError(
            f"{folder} is a file or a link, where a folder is to be written: choose another place"
        )
    if folder.exists() and any(folder.iterdir()) and (name := foreign(folder)):
        raise FolderError(
            f"{folder} holds {name}, which is not from here, and would be replaced as a whole:"
            " choose a folder that is missing or empty"
        )
