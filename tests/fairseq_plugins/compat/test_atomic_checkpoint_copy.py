"""Tests that a checkpoint is copied whole or not at all."""

import os
from pathlib import Path

import pytest
from fairseq.file_io import PathManager

from fairseq_plugins.compat import atomic_checkpoint_copy


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    new, old = tmp_path / "checkpoint1.pt", tmp_path / "checkpoint_last.pt"
    new.write_bytes(b"new")
    old.write_bytes(b"old")
    return new, old


def test_upstream_still_writes_into_the_old_file() -> None:
    assert atomic_checkpoint_copy.needed()


def test_the_copy_replaces_the_old_file(files: tuple[Path, Path]) -> None:
    new, old = files
    with old.open("rb") as still_open:
        assert PathManager.copy(str(new), str(old), overwrite=True)
        assert still_open.read() == b"old"
    assert old.read_bytes() == b"new"
    assert sorted(os.listdir(old.parent)) == ["checkpoint1.pt", "checkpoint_last.pt"]


def test_an_interrupted_copy_leaves_the_old_file_and_nothing_else(
    files: tuple[Path, Path],
) -> None:
    def interrupted(src: str, dst: str, overwrite: bool) -> None:
        Path(dst).write_bytes(b"n")
        raise KeyboardInterrupt

    new, old = files
    with pytest.raises(KeyboardInterrupt):
        atomic_checkpoint_copy.copy(interrupted, str(new), str(old))
    assert old.read_bytes() == b"old"
    assert sorted(os.listdir(old.parent)) == ["checkpoint1.pt", "checkpoint_last.pt"]
