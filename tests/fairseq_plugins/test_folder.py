"""A folder is written whole, in the place of an earlier one, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from fairseq_plugins.folder import FolderError, replacing


def foreign(folder: Path) -> str | None:
    return next((path.name for path in folder.iterdir() if path.suffix != ".ours"), None)


def write(folder: Path, name: str, fails: bool = False) -> None:
    with replacing(folder, foreign) as made:
        (made / name).write_text(name)
        if fails:
            raise ValueError("in the middle")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_an_earlier_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name in ("a.ours", "b.ours"):
        write(tmp_path / "some/out", name)
    assert names(tmp_path) == ["some", "some/out", "some/out/b.ours"]


def test_it_has_the_rights_of_any_new_folder(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write(tmp_path / "out", "a.ours")
    finally:
        os.umask(mask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "out", "a.ours")
    for folder in ("out", "new"):
        with pytest.raises(ValueError, match="in the middle"):
            write(tmp_path / folder, "b.ours", fails=True)
    assert names(tmp_path) == ["out", "out/a.ours"]


def test_an_earlier_folder_is_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out", "a.ours")
    replace = os.replace

    def faulty(source: Path, place: Path) -> None:
        if source.name == "new":
            raise OSError("the disk is gone")
        replace(source, place)

    monkeypatch.setattr(os, "replace", faulty)
    with pytest.raises(FolderError, match="out cannot be written: the disk is gone"):
        write(tmp_path / "out", "b.ours")
    assert names(tmp_path) == ["out", "out/a.ours"]


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be moved."""
    folder, replace = tmp_path / "mounted", os.replace
    folder.mkdir()

    def busy(source: Path, place: Path) -> None:
        if folder in (source, place):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        replace(source, place)

    monkeypatch.setattr(os, "replace", busy)
    return folder


def test_a_mount_point_is_filled_in_place(mounted: Path) -> None:
    for name in ("a.ours", "b.ours"):
        write(mounted, name)
        assert names(mounted.parent) == ["mounted", f"mounted/{name}"]
    with pytest.raises(ValueError, match="in the middle"):
        write(mounted, "c.ours", fails=True)
    assert names(mounted) == ["b.ours"]


def test_a_mount_point_that_cannot_be_filled_is_as_it_was(
    mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(mounted, "a.ours")
    replace = os.replace

    def faulty(source: Path, place: Path) -> None:
        if place.name == "b.ours":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, place)

    monkeypatch.setattr(os, "replace", faulty)
    with pytest.raises(FolderError, match="mounted cannot be written: Input/output error"):
        write(mounted, "b.ours")
    assert names(mounted) == ["a.ours"]


def test_what_came_to_a_mount_point_during_the_work_stays(mounted: Path) -> None:
    def work() -> None:
        with replacing(mounted, foreign):
            (mounted / "thesis.txt").write_text("years of work")

    with pytest.raises(FolderError, match="has changed during the work"):
        work()
    assert names(mounted) == ["thesis.txt"]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    out, file, link = (tmp_path / name for name in ("out", "file", "link"))
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    file.touch()
    link.symlink_to(out)
    before = names(tmp_path)
    with pytest.raises(FolderError, match=r"out holds thesis\.txt, which is not from here"):
        write(out, "a.ours")
    for place in (file, link):
        with pytest.raises(FolderError, match="is a file or a link"):
            write(place, "a.ours")
    with pytest.raises(FolderError, match="further cannot be written"):
        write(file / "below/further", "a.ours")
    assert names(tmp_path) == before


def test_what_came_there_during_the_work_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def work() -> None:
        with replacing(out, foreign):
            out.mkdir()
            (out / "thesis.txt").write_text("years of work")

    with pytest.raises(FolderError, match=r"holds thesis\.txt"):
        work()
    assert names(tmp_path) == ["out", "out/thesis.txt"]
