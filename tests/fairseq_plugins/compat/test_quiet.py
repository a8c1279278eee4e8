"""Tests that fairseq's commands print nothing alarming."""

import functools
import re
from pathlib import Path

import pytest
import torch

from . import conftest
from .conftest import OFFICIAL, PLUGIN

start = functools.partial(conftest.start, cold=True)  # what importing prints counts, too
SMALL = [
    f"--{side}-{what}=8" for side in ("encoder", "decoder") for what in ("embed-dim", "hidden-size")
]


def test_upstream_still_warns(train_args, tmp_path: Path) -> None:
    done = start("train", *train_args, "--save-dir", tmp_path, S2S_COMPAT_SKIP="quiet")
    assert done.returncode == 0
    parts = {"torch.cuda.amp": True, "no longer experimental": not OFFICIAL}
    parts["'pin_memory' argument"] = torch_version() >= (2, 13)
    assert [part for part, due in parts.items() if due and part not in done.stderr] == []


def test_training_a_plugins_model_prints_nothing(train_args, tmp_path: Path) -> None:
    done = start("train", *train_args, "--save-dir", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_fairseqs_lstm_trains_and_generates_quietly(corpus, train_args, tmp_path: Path) -> None:
    model = ["--arch", "lstm", "--decoder-out-embed-dim", 8, *SMALL, "--num-workers", 1]
    done = start("train", *train_args, *model, "--save-dir", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")

    path = tmp_path / "checkpoint_last.pt"
    args = [corpus.bin, "--user-dir", PLUGIN, "--path", path, "--scoring", "sacrebleu"]
    done = start("generate", *args, S2S_ALLOW_NAMESPACE="1")
    assert done.returncode == 0
    assert only_information(done.stderr)


def test_interactive_prints_only_its_own_information(corpus, checkpoint: Path) -> None:
    args = [corpus.bin, "--user-dir", PLUGIN, "--path", checkpoint]
    done = start("interactive", *args, stdin="one two\n")
    assert done.returncode == 0
    assert only_information(done.stderr)
    assert "D-0\t" in done.stdout


def torch_version() -> tuple[int, ...]:
    return tuple(map(int, torch.__version__.split("+")[0].split(".")[:2]))


def only_information(stderr: str) -> bool:
    """The fork's and the official one's form of it."""
    form = re.compile(r"INFO:fairseq|[-\d]{10} [:\d]{8} \| INFO \| fairseq|Sentences are|$")
    return all(form.match(line) for line in stderr.splitlines())
