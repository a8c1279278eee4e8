"""A training that is killed comes to the same end; one that does not is found."""

import json
import random
import re
from pathlib import Path

import pytest
import torch

from scripts import kill_training


@pytest.mark.slow
def test_a_killed_training_comes_to_the_same_end(tmp_path: Path, capsys) -> None:
    output = tmp_path / "kills.json"
    assert kill_training.main(["--kills", "6", "--output", str(output)]) == 0
    told = json.loads(output.read_text())
    moments = [kill["moment"] for kill in told["kills"]]
    assert sorted(moments) == sorted([*kill_training.MOMENTS] * 2)
    assert told["differences"] == []
    assert "that of the undisturbed training, bit for bit" in capsys.readouterr().out


def end(value: float) -> dict:
    return {"updates": 4, "weights": {"a": torch.tensor([1.0, value])}, "optimizer state": [1]}


def test_the_smallest_difference_is_found() -> None:
    least = torch.nextafter(torch.tensor(1.0), torch.tensor(2.0)).item()
    assert kill_training.differences(end(1.0), end(1.0)) == []
    assert kill_training.differences(end(1.0), end(least)) == ["weights differs"]
    assert kill_training.differences(end(1.0), end(1.0) | {"updates": 5}) == ["updates differs"]


def stand_in(tmp_path: Path, lines: str) -> list[str]:
    """A command that prints lines, and saves nothing."""
    script = tmp_path / "train"
    script.write_text(f"#!/bin/sh\n{lines}\n")
    script.chmod(0o755)
    return [str(script)]


def test_a_training_that_starts_anew_is_found(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(kill_training, "read", lambda folder: {"updates": 10})
    (tmp_path / "checkpoint_last.pt").touch()
    line = "echo 'INFO | train_inner | epoch 001: loss=1, num_updates=1, lr=1'"
    command = stand_in(tmp_path, f"{line}; {line}; {line}; exec sleep 60")
    monkeypatch.setattr(kill_training, "SAVED_EVERY", 1)
    with pytest.raises(kill_training.Failed, match="resumed from update 0, not from 10"):
        kill_training.one_life(command, tmp_path, "among updates", random.Random(1))


def test_a_training_that_fails_is_one_sentence(tmp_path: Path, monkeypatch) -> None:
    command = stand_in(tmp_path, "echo the disk is gone >&2; exit 3")
    with pytest.raises(kill_training.Failed, match="the training failed: the disk is gone"):
        kill_training.run_to_end(command, tmp_path)


def test_a_training_that_hangs_is_one_sentence(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(kill_training, "SILENCE", 0.1)
    with pytest.raises(kill_training.Failed, match=re.escape("silent for 0.1 seconds")):
        kill_training.run_to_end(stand_in(tmp_path, "exec sleep 60"), tmp_path)


def test_a_training_that_is_over_first_was_not_killed(tmp_path: Path) -> None:
    command = stand_in(tmp_path, "echo done")
    assert kill_training.one_life(command, tmp_path, "in a write", random.Random(1)) is None
