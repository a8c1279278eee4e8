"""Tests of ending a training by a signal."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fairseq_cli.train
import pytest
import torch
from fairseq.trainer import Trainer

from fairseq_plugins._integrity import damage
from fairseq_plugins.compat import interrupt
from fairseq_plugins.compat.patching import original
from scripts.kill_training import equal

from .conftest import ROOT, run

COMMAND = "import fairseq_plugins; from fairseq_cli.train import cli_main; cli_main()"
SLOW = f"""
import sys, time
from fairseq.trainer import Trainer
step = Trainer.train_step
def slow(*args, **kwargs):
    print("an update", flush=True)
    time.sleep({{seconds}})
    return step(*args, **kwargs)
Trainer.train_step = slow
{COMMAND}
"""


@pytest.fixture
def arguments(train_args: list[object]) -> list[object]:
    """Three epochs with momentum, whose state must come back too."""
    return [*train_args, "--max-epoch", 3, "--momentum", 0.9]


@contextmanager
def training(
    code: str, *arguments: object, lines: int = 1
) -> Iterator[tuple["subprocess.Popen[str]", Callable[[], str]]]:
    """A process that trains, once it has printed LINES lines, and the rest of what it says."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        assert process.stdout
        seen = 0
        while seen < lines:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            seen += "an update" in line
        yield process, lambda: process.communicate(timeout=300)[1]
        process.kill()


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoint_last.pt", weights_only=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_same_command_goes_on(
    arguments: list[object], tmp_path: Path, number: signal.Signals
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run("train", *arguments, "--save-dir", whole)
    code = SLOW.format(seconds=0.2)
    with training(code, *arguments, "--save-dir", broken, lines=6) as (process, rest):
        process.send_signal(number)
        said = rest()
    assert process.returncode == 128 + number
    last = broken / "checkpoint_last.pt"
    sentence = f"Stopped by {number.name} after 6 updates: {last} is saved, and the same command"
    assert said.splitlines()[-1].startswith(sentence)
    assert "Traceback" not in said
    assert damage(last) is None
    run("train", *arguments, "--save-dir", broken)
    ends = [weights(folder) for folder in (whole, broken)]
    for part in ("model", "last_optimizer_state"):
        assert equal(*(end[part] for end in ends)), part
    updates = [end["optimizer_history"][-1]["num_updates"] for end in ends]
    assert updates[0] == updates[1] == 12


def test_a_second_signal_ends_it_at_once(arguments: list[object], tmp_path: Path) -> None:
    with training(SLOW.format(seconds=50), *arguments, "--save-dir", tmp_path) as (process, rest):
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        process.send_signal(signal.SIGTERM)
        rest()
    assert process.returncode == -signal.SIGTERM
    assert not list(tmp_path.glob("*.pt"))


@pytest.fixture
def signalled_validation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A training whose first validation meets SIGTERM."""

    def valid_step(*args: object, **kwargs: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("validation went on")

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Trainer, "valid_step", valid_step)
    yield
    assert signal.getsignal(signal.SIGTERM) is before
    assert interrupt.WATCH.got is None


@pytest.mark.usefixtures("signalled_validation")
def test_a_validation_is_broken_off(
    arguments: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run("train", *arguments, "--save-dir", tmp_path)
    assert left.value.code == 143
    assert "Stopped by SIGTERM after 4 updates" in capsys.readouterr().err
    state = weights(tmp_path)
    assert state["extra_state"]["val_loss"] is None
    assert state["extra_state"]["train_iterator"]["epoch"] == 2


@pytest.mark.usefixtures("signalled_validation")
@pytest.mark.parametrize("flag", ["--no-save", "--no-last-checkpoints"])
def test_what_saves_nothing_says_so(
    arguments: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    with pytest.raises(SystemExit):
        run("train", *arguments, "--save-dir", tmp_path, flag)
    assert "updates: nothing was saved, as" in capsys.readouterr().err
    assert not (tmp_path / "checkpoint_last.pt").exists()


def test_the_program_is_found_however_it_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    assert interrupt.program() is fairseq_cli.train
    monkeypatch.setattr(sys.modules["__main__"], "validate_and_save", None, raising=False)
    assert interrupt.program() is sys.modules["__main__"]


def test_upstream_still_takes_no_signal() -> None:
    assert "signal" not in original(fairseq_cli.train, "train").__globals__
