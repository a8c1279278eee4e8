"""Tests of giving the command of a finished training again."""

from pathlib import Path

import fairseq_cli.train
import pytest
import torch

from fairseq_plugins.compat import finished_training, patience

from .conftest import run
from .test_patience import WORSE, forget, new_process  # noqa: F401  (a fixture of this file, too)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the repair tells; fairseq's commands set up the loggers as they like."""
    lines: list[str] = []
    monkeypatch.setattr(
        finished_training.logger, "info", lambda text, *parts: lines.append(text % parts)
    )
    return lines


def state(folder: Path) -> dict:
    return torch.load(folder / "checkpoint_last.pt", weights_only=True)


def updates(folder: Path) -> int:
    return state(folder)["optimizer_history"][-1]["num_updates"]


def test_no_update_follows_the_last_one(train_args: list[object], tmp_path: Path, said) -> None:
    flags = ("--max-update", 7, "--max-epoch", 9, "--save-dir", tmp_path, "--no-epoch-checkpoints")
    run("train", *train_args, *flags)
    written = (tmp_path / "checkpoint_last.pt").read_bytes()
    run("train", *train_args, *flags)
    assert (tmp_path / "checkpoint_last.pt").read_bytes() == written
    assert said == ["nothing to train: --max-update 7 is reached"]
    run("train", *train_args, *flags, "--max-update", 9)
    assert updates(tmp_path) == 9


def test_fairseq_makes_one_more(train_args: list[object], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(finished_training, "why_finished", lambda cfg, updates: None)
    flags = ("--max-update", 7, "--max-epoch", 9, "--save-dir", tmp_path, "--no-epoch-checkpoints")
    run("train", *train_args, *flags)
    run("train", *train_args, *flags)
    assert updates(tmp_path) == 8


def test_no_epoch_follows_lost_patience(train_args: list[object], tmp_path: Path, said) -> None:
    flags = (*WORSE, "--patience", 2, "--save-dir", tmp_path)
    run("train", *train_args, *flags)
    done = updates(tmp_path)
    forget()
    run("train", *train_args, *flags)
    assert updates(tmp_path) == done
    assert said == ["nothing to train: --patience 2 is reached"]
    assert patience.count()["num_runs"] == 2
    forget()
    run("train", *train_args, *flags, "--patience", 3)
    assert updates(tmp_path) > done


def test_a_training_that_is_not_finished_is_fairseqs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert finished_training.needed()
    assert hasattr(fairseq_cli.train.train, "s2s_upstream")
