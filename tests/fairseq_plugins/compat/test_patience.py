"""Tests of counting validations without improvement across a restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fairseq.trainer import Trainer

from fairseq_plugins.compat import patience

from .conftest import run

WORSE = ("--lr", 0, "--max-epoch", 20, "--patience", 5, "--no-epoch-checkpoints")  # learns nothing


def forget() -> None:
    """Count as a new process does."""
    for name in patience.COUNTED:
        patience.count().pop(name, None)


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """The count as a new process has it, before and after."""
    forget()
    yield
    forget()


def epochs(folder: Path) -> int:
    state = torch.load(folder / "checkpoint_last.pt", weights_only=True)
    return state["extra_state"]["train_iterator"]["epoch"] - 1


@pytest.mark.parametrize(("flags", "last"), [((), 6), (("--reset-meters",), 9)])
def test_a_restart_goes_on_counting(
    train_args: list[object], tmp_path: Path, flags: tuple[str, ...], last: int
) -> None:
    """The first epoch is the best; the fifth without improvement is the last."""
    run("train", *train_args, *WORSE, "--max-epoch", 3, "--save-dir", tmp_path)
    assert epochs(tmp_path) == 3
    forget()
    run("train", *train_args, *WORSE, "--save-dir", tmp_path, *flags)
    assert epochs(tmp_path) == last


def test_a_training_without_patience_saves_no_count(checkpoint: Path) -> None:
    assert patience.KEY not in torch.load(checkpoint, weights_only=True)["extra_state"]


def test_upstream_still_saves_what_it_is_given() -> None:
    assert hasattr(Trainer.save_checkpoint, "s2s_upstream")
    assert patience.needed()
