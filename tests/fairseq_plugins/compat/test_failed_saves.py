"""Tests of checkpoints that cannot be written."""

import errno
import io
import subprocess
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils

from fairseq_plugins._integrity import damage
from fairseq_plugins.compat import failed_saves
from fairseq_plugins.compat.patching import original

from ... import warm_process
from .conftest import QUIET, ROOT

# From update FULL on, no file of this process may have more than 2,000 bytes.
CODE = """
import resource, sys
import fairseq_plugins
from fairseq_cli.train import cli_main
from fairseq.trainer import Trainer
from fairseq_plugins.compat import failed_saves
failed_saves.PAUSE = 0
full, step = int(sys.argv.pop(1)), Trainer.train_step
def train_step(trainer, *args, **kwargs):
    if trainer.get_num_updates() + 1 == full:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    return step(trainer, *args, **kwargs)
Trainer.train_step = train_step
cli_main()
"""


def train(full: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [warm_process.python(), "-c", CODE, str(full), *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **QUIET},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "full, left",
    [
        pytest.param(6, ["checkpoint_best.pt", "checkpoint_last.pt"], marks=pytest.mark.slow),
        (2, []),
    ],
)
def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_stays(
    train_args: list[object], tmp_path: Path, full: int, left: list[str]
) -> None:
    flags = ("--max-epoch", 3, "--save-dir", tmp_path, "--no-epoch-checkpoints")
    done = train(full, *train_args, *flags)
    assert done.returncode == 1
    update = 8 if left else 4
    begin = f"The checkpoint of update {update} could not be written to {tmp_path} (File too large)"
    assert done.stderr.startswith(begin)
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    if not left:
        assert "there is no earlier one; make room" in done.stderr
        return
    last = tmp_path / "checkpoint_last.pt"
    assert f"{last} is whole; make room, and the same command goes on from there." in done.stderr
    assert all(damage(tmp_path / name) is None for name in left)
    again = train(100, *train_args, *flags)
    assert again.returncode == 0, again.stderr
    state = torch.load(last, weights_only=True)
    assert state["optimizer_history"][-1]["num_updates"] == 12


class Unsteady(io.FileIO):
    """A file on a disk that is full at first."""

    failures = 1

    def write(self, content: object) -> int:
        if self.failures and self.tell():
            self.failures -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(content)


@pytest.mark.parametrize("repaired", [True, False])
def test_a_second_try_makes_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repaired: bool
) -> None:
    monkeypatch.setattr(failed_saves, "PAUSE", 0)
    monkeypatch.setattr(checkpoint_utils.time, "sleep", lambda seconds: None)
    upstream = original(checkpoint_utils, "_torch_persistent_save")
    path, state = tmp_path / "checkpoint.pt", {"weight": torch.arange(1000)}
    with Unsteady(path, "w") as file:
        if repaired:
            failed_saves.write(upstream, state, file)
        else:
            upstream(state, file)
    if repaired:
        assert torch.equal(torch.load(path, weights_only=True)["weight"], state["weight"])
        assert damage(path) is None
    else:  # the fault
        with pytest.raises(RuntimeError):
            torch.load(path, weights_only=True)


def test_a_third_failure_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_saves, "PAUSE", 0)
    with Unsteady(tmp_path / "checkpoint.pt", "w") as file:
        file.failures = 10**9
        with pytest.raises((OSError, RuntimeError)):
            failed_saves.write(lambda obj, f: None, {"weight": torch.arange(1000)}, file)


def test_other_errors_are_not_about_the_disk() -> None:
    def upstream(cfg: object, trainer: object) -> None:
        raise KeyError("model")

    with pytest.raises(KeyError):
        failed_saves.save_checkpoint(upstream, None, None)


def test_upstream_still_does_not_begin_anew() -> None:
    assert failed_saves.needed()
