"""A folder that is written whole, in the place of an earlier one, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import S2SError


class FolderError(S2SError):
    """What stands where a folder is to be written, in one sentence."""


@contextmanager
def replacing(folder: Path, foreign: Callable[[Path], str | None]) -> Iterator[Path]:
    """A new folder that takes the place of ``folder`` when all went well, and is gone otherwise.

    It is made beside the old one, in a hidden folder of its own; where the old one cannot be moved,
    such as a mount point, in that one, and then its files take the place of the old one's.

    Args:
        folder: where it is to be
        foreign: the name of something, in it, that another program wrote, or None

    Raises:
        FolderError: before the work and after it, where ``folder`` holds something foreign, or
            nothing can be written there
    """
    folder = folder.absolute()
    check(folder, foreign)
    try:
        room = _make_room(folder)
    except OSError as error:
        raise FolderError(f"{folder} cannot be written: {error.strerror or error}") from error
    inside = room.parent == folder
    before = _names(folder, room)
    try:
        built, earlier = room / "new", room / "old"
        built.mkdir()
        yield built
        if not inside:
            check(folder, foreign)
        elif _names(folder, room) != before:
            raise FolderError(f"{folder} has changed during the work: choose an empty folder")
        try:
            _move(_by_name(folder, room) if inside else _whole(folder, built, earlier))
        except OSError as error:
            raise FolderError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _make_room(folder: Path) -> Path:
    """A hidden folder beside another, or in it where that cannot be moved."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    name = {"prefix": f".{folder.name}.", "suffix": ".tmp"}
    if not folder.exists():
        return Path(tempfile.mkdtemp(**name, dir=folder.parent))
    try:
        room = Path(tempfile.mkdtemp(**name, dir=folder.parent))
    except OSError:
        return Path(tempfile.mkdtemp(**name, dir=folder))
    try:
        os.replace(folder, room / "old")
    except OSError:
        room.rmdir()
        return Path(tempfile.mkdtemp(**name, dir=folder))
    os.replace(room / "old", folder)
    return room


def _names(folder: Path, room: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path != room} if folder.exists() else set()


def _whole(folder: Path, built: Path, earlier: Path) -> list[tuple[Path, Path]]:
    return [*([(folder, earlier)] if folder.exists() else []), (built, folder)]


def _by_name(folder: Path, room: Path) -> list[tuple[Path, Path]]:
    built, earlier = room / "new", room / "old"
    earlier.mkdir()
    old = [(folder / name, earlier / name) for name in sorted(_names(folder, room))]
    return old + [(path, folder / path.name) for path in sorted(built.iterdir())]


def _move(moves: Iterable[tuple[Path, Path]]) -> None:
    """Rename each to the other; all or none."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, goal in moves:
            os.replace(source, goal)
            done.append((source, goal))
    except BaseException:
        for source, goal in reversed(done):
            os.replace(goal, source)
        raise


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
