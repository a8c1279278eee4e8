"""Tests that a checkpoint is plain data whatever the optimizer; it is sgd here."""

from pathlib import Path

import pytest
from fairseq import checkpoint_utils
from torch.serialization import get_unsafe_globals_in_checkpoint

from fairseq_plugins.compat import plain_checkpoints
from fairseq_plugins.compat.patching import original

from .conftest import run

NAME = "torch_persistent_save"


def test_upstream_still_saves_a_namespace(train_copy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plain_checkpoints.needed()
    monkeypatch.setattr(checkpoint_utils, NAME, original(checkpoint_utils, NAME))
    path = train_copy() / "checkpoint_last.pt"
    assert get_unsafe_globals_in_checkpoint(path) == ["argparse.Namespace"]


def test_nothing_is_left_for_torch_to_refuse(checkpoint: Path) -> None:
    assert get_unsafe_globals_in_checkpoint(checkpoint) == []
    settings = checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint))["cfg"]
    assert settings.optimizer._name == "sgd"
    assert settings.model._name == "compat_copy"


def test_training_goes_on_from_it(train_args, checkpoint: Path, tmp_path: Path) -> None:
    args = ["--restore-file", checkpoint, "--save-dir", tmp_path, "--max-epoch", 2]
    run("train", *train_args, *args)
    state = checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "checkpoint_last.pt"))
    assert state["optimizer_history"][-1]["num_updates"] == 8
    assert len(state["optimizer_history"]) == 2
