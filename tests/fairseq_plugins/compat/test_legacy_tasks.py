"""Tests that a checkpoint is plain data whatever the task; it has no dataclass here."""

from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils
from torch.serialization import get_unsafe_globals_in_checkpoint

from fairseq_plugins.compat import legacy_tasks, plain_checkpoints
from fairseq_plugins.compat.patching import original, wrap

from .conftest import run

NAME = "torch_persistent_save"
TASK = ["--task", "translation_multi_simple_epoch", "--lang-pairs", "src-tgt"]
TASK += ["--langs", "src,tgt", "--decoder-langtok"]


@pytest.fixture(scope="module")
def legacy(train_copy) -> Path:
    """A checkpoint of that task."""
    return train_copy(*TASK) / "checkpoint_last.pt"


def test_upstream_still_saves_a_namespace(train_copy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert legacy_tasks.needed()
    monkeypatch.setattr(checkpoint_utils, NAME, original(checkpoint_utils, NAME))
    wrap(checkpoint_utils, NAME, plain_checkpoints.torch_persistent_save)
    path = train_copy(*TASK) / "checkpoint_last.pt"
    assert get_unsafe_globals_in_checkpoint(path) == ["argparse.Namespace"]


def test_nothing_is_left_for_torch_to_refuse(legacy: Path) -> None:
    assert get_unsafe_globals_in_checkpoint(legacy) == []
    stored = torch.load(legacy, weights_only=True)["cfg"]["task"]
    assert stored["_name"] == TASK[1] and stored["langs"] == ["src", "tgt"]


def test_the_task_is_built_from_it(legacy: Path) -> None:
    _, _, task = checkpoint_utils.load_model_ensemble_and_task([str(legacy)])
    assert type(task).__name__ == "TranslationMultiSimpleEpochTask"
    assert task.lang_pairs == ["src-tgt"]
    assert "__tgt__" in task.target_dictionary


def test_training_goes_on_from_it(train_args, legacy: Path, tmp_path: Path) -> None:
    args = ["--restore-file", legacy, "--save-dir", tmp_path, "--max-epoch", 2]
    run("train", *train_args, *TASK, *args)
    before, after = (
        checkpoint_utils.load_checkpoint_to_cpu(str(path))["optimizer_history"]
        for path in (legacy, tmp_path / "checkpoint_last.pt")
    )
    assert after[-1]["num_updates"] == 2 * before[-1]["num_updates"]
