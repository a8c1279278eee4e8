"""Tests that a log file holds each line once."""

import logging
from collections.abc import Iterator
from pathlib import Path

import fairseq.logging.progress_bar as bars
import pytest

from fairseq_plugins.compat.patching import original


@pytest.fixture(autouse=True)
def logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A logger that no other test has ever set."""
    logger = logging.Logger("progress", logging.INFO)
    monkeypatch.setattr(bars, "logger", logger)
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)
    yield
    for handler in logger.handlers:
        handler.close()


def epochs(make, *files: Path) -> None:
    """One finished epoch after the other, each with the log file that the user named."""
    for epoch, file in enumerate(files, 1):
        bar = make([0], log_format="simple", log_file=str(file), epoch=epoch)
        bar.print({"loss": epoch}, tag="train")


def test_upstream_still_repeats_the_lines(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    epochs(original(bars, "progress_bar"), log, log, log)
    assert len(log.read_text().splitlines()) == 1 + 2 + 3


def test_each_line_stands_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "train.log"
    monkeypatch.chdir(tmp_path)
    epochs(bars.progress_bar, log, Path("train.log"), log)
    assert [line.split(" | ")[0] for line in log.read_text().splitlines()] == [
        "epoch 001",
        "epoch 002",
        "epoch 003",
    ]


def test_another_file_gets_its_lines(tmp_path: Path) -> None:
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    epochs(bars.progress_bar, first, second)
    assert len(first.read_text().splitlines()) == 2
    assert len(second.read_text().splitlines()) == 1
