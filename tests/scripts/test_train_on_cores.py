"""Several processes, one gradient: what is called, what fails, and that it trains as one would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..fairseq_plugins.cases import PRESETS
from ..fairseq_plugins.commands import preprocess, reversed_digits, write_corpus
from ..fairseq_plugins.test_presets import flags_of
from .sandbox import ROOT, Sandbox

NO_DROPOUT = ["--dropout", "0", "--encoder-dropout-in", "0", "--decoder-dropout-in", "0"]
NO_DROPOUT += ["--encoder-dropout-out", "0", "--decoder-dropout-out", "0"]
NOTE = 'echo "${0##*/} $*" >>"$CALLS"'


@pytest.fixture
def cores(sandbox: Sandbox) -> Sandbox:
    """The script with fairseq-train and Python as stand-ins."""
    sandbox.tool("python", "echo 4242")
    sandbox.tool("fairseq-train", NOTE)
    return sandbox


def test_one_process_is_a_plain_training_on_the_cpu(cores: Sandbox) -> None:
    assert cores.run("scripts/train_on_cores.sh", "1", "data-bin/x", "--lr", "0.1").returncode == 0
    assert cores.calls() == ["fairseq-train data-bin/x --lr 0.1 --cpu"]


def test_each_process_has_its_rank_and_all_meet_at_one_port(cores: Sandbox) -> None:
    assert cores.run("scripts/train_on_cores.sh", "3", "data-bin/x").returncode == 0
    calls = sorted(cores.calls())
    assert [call[-1] for call in calls] == ["0", "1", "2"]
    for call in calls:
        assert call.startswith("fairseq-train data-bin/x --cpu --distributed-world-size 3 ")
        assert " --distributed-init-method tcp://127.0.0.1:4242 " in call


@pytest.mark.parametrize("count", ["0", "two", "-1"])
def test_what_is_no_number_of_processes_is_one_sentence(cores: Sandbox, count: str) -> None:
    result = cores.run("scripts/train_on_cores.sh", count, "data-bin/x")
    assert result.returncode == 2
    assert f"{count} is no number of processes" in result.stderr
    assert cores.calls() == []


@pytest.mark.parametrize(
    "flag", ["--distributed-world-size", "--distributed-init-method=x", "--ddp-backend", "--fp16"]
)
def test_flags_that_would_train_nothing_are_refused(cores: Sandbox, flag: str) -> None:
    result = cores.run("scripts/train_on_cores.sh", "2", "data-bin/x", flag, "2")
    assert result.returncode == 2
    assert f"leave out {flag}: this script says itself" in result.stderr
    assert cores.calls() == []


@pytest.mark.parametrize("name", ["WORLD_SIZE", "LOCAL_RANK"])
def test_torchrun_around_it_is_refused(cores: Sandbox, name: str) -> None:
    result = cores.run("scripts/train_on_cores.sh", "2", "data-bin/x", **{name: "1"})
    assert result.returncode == 2
    assert "run it without torchrun" in result.stderr
    assert cores.calls() == []


def test_one_that_fails_takes_the_others_with_it(cores: Sandbox) -> None:
    cores.tool("fairseq-train", 'case "$*" in *rank\\ 1) exit 3 ;; esac; exec sleep 50')
    result = cores.run("scripts/train_on_cores.sh", "2", "data-bin/x")
    assert result.returncode == 3


@pytest.mark.slow
def test_two_processes_train_as_one_with_twice_the_batches(tmp_path: Path) -> None:
    """The gradient of both halves is that of the whole: the losses agree but for rounding."""
    for seed, (subset, count) in enumerate((("train", 256), ("valid", 64), ("test", 8))):
        write_corpus(tmp_path, subset, reversed_digits(count, longest=5, seed=seed))
    preprocess(tmp_path)
    losses = [
        last_loss(tmp_path, "1", "--update-freq", "2"),
        last_loss(tmp_path, "2", "--update-freq", "1"),
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.002)


@pytest.mark.slow
def test_two_processes_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    for seed, (subset, count) in enumerate((("train", 256), ("valid", 64), ("test", 8))):
        write_corpus(tmp_path, subset, reversed_digits(count, longest=5, seed=seed))
    preprocess(tmp_path)
    whole = last_loss(tmp_path, "2", save_dir=tmp_path / "whole")
    assert last_loss(tmp_path, "2", "--max-update", "4", save_dir=tmp_path / "parts") > whole
    assert last_loss(tmp_path, "2", save_dir=tmp_path / "parts") == pytest.approx(whole, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("preset", [name for name in PRESETS if "hred" not in name])
def test_every_preset_trains_in_two_processes_as_in_one(tmp_path: Path, preset: str) -> None:
    """The same updates to rounding: no weight is left out of the exchange."""
    for seed, (subset, count) in enumerate((("train", 96), ("valid", 32), ("test", 8))):
        write_corpus(tmp_path, subset, reversed_digits(count, longest=5, seed=seed))
    preprocess(tmp_path)
    flags = ["--arch", preset, *flags_of(PRESETS[preset][0]), "--max-update", "3"]
    flags += ["--batch-size", "8", *NO_DROPOUT]
    losses = [
        last_loss(tmp_path, "1", *flags, "--update-freq", "2"),
        last_loss(tmp_path, "2", *flags),
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.002)


def last_loss(folder: Path, count: str, *flags: str, save_dir: Path | None = None) -> float:
    """The validation loss after some updates of sentences in their order."""
    saving = ["--save-dir", str(save_dir)] if save_dir else ["--no-save"]
    command = [
        *("bash", str(ROOT / "scripts/train_on_cores.sh"), count, str(folder / "bin")),
        *("--user-dir", str(ROOT / "fairseq_plugins"), "--task", "translation"),
        *("--source-lang", "src", "--target-lang", "tgt", "--arch", "s2s_attn_tiny"),
        *("--dropout", "0", "--optimizer", "adam", "--lr", "0.005", "--batch-size", "16"),
        *("--required-batch-size-multiple", "1", "--max-update", "8", "--seed", "1", *saving),
        *("--num-workers", "0", "--data-buffer-size", "0", "--log-format", "simple", *flags),
    ]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output[-2000:]
    return float(re.findall(r"valid on .* \| loss ([\d.]+)", output)[-1])
