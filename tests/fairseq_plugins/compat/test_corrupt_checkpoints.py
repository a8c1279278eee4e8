"""Tests of what is said about checkpoints that do not load."""

import os
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from fairseq import checkpoint_utils

from fairseq_plugins import S2SError
from fairseq_plugins.compat import corrupt_checkpoints

from .conftest import start


class Attack:
    """Pickled, it is a call of ``os.system``."""

    def __reduce__(self):
        return os.system, ("exit 1",)


def save(path: Path, content: object) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)


def sentence(path: Path) -> str:
    with pytest.raises(S2SError) as caught:
        checkpoint_utils.load_checkpoint_to_cpu(str(path))
    return str(caught.value)


def test_upstream_still_does_not_name_the_file() -> None:
    assert corrupt_checkpoints.needed()


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty (0 bytes): no sound checkpoint is beside it"),
        (bytes(1000), "holds nothing but zeros: no sound"),
        (b"hello\n", "is no checkpoint of PyTorch: no sound"),
        ({"weight": torch.zeros(1)}, "is not a checkpoint of fairseq, or damaged: no sound"),
        (torch.zeros(1), "is not a checkpoint of fairseq, or damaged: no sound"),
        ({"args": Namespace()}, "set S2S_ALLOW_NAMESPACE=1 to load it"),
        ({"args": Attack()}, "it is not loaded, since it could run code"),
    ],
)
def test_the_sentence_names_the_file_and_the_fault(
    content: object, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint_last.pt"
    save(path, content)
    assert sentence(path).startswith(f"{path} ")
    assert words in sentence(path)


def test_a_cut_file_leads_to_the_newest_whole_one(checkpoint: Path, tmp_path: Path) -> None:
    whole = checkpoint.read_bytes()
    for age, name in enumerate(["checkpoint3.pt", "checkpoint2.pt", "checkpoint1.pt"]):
        (tmp_path / name).write_bytes(b"" if age == 0 else whole)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    path = tmp_path / "checkpoint_last.pt"
    path.write_bytes(whole[: len(whole) // 2])
    assert (
        f"is cut short, or damaged at its end: use {tmp_path / 'checkpoint2.pt'} instead"
        in sentence(path)
    )


def test_changed_bytes_are_refused_and_lead_to_a_sound_file(
    checkpoint: Path, tmp_path: Path
) -> None:
    whole = bytearray(checkpoint.read_bytes())
    (tmp_path / "checkpoint1.pt").write_bytes(whole)
    whole[len(whole) // 3] ^= 1
    for age, name in enumerate(["checkpoint2.pt", "checkpoint_last.pt"]):
        (tmp_path / name).write_bytes(whole)
        os.utime(tmp_path / name, (2**32 + age, 2**32 + age))
    said = sentence(tmp_path / "checkpoint_last.pt")
    assert "is damaged: the bytes of its part" in said
    assert f"use {tmp_path / 'checkpoint1.pt'} instead (--restore-file to train on" in said


def test_a_sound_or_missing_file_is_upstreams_business(checkpoint: Path, tmp_path: Path) -> None:
    assert "model" in checkpoint_utils.load_checkpoint_to_cpu(str(checkpoint))
    with pytest.raises(FileNotFoundError):
        checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "none.pt"))


def test_training_ends_with_the_sentence_and_starts_nothing(train_args, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_last.pt"
    path.touch()
    done = start("train", *train_args, "--save-dir", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{path} is empty (0 bytes): ")
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["checkpoint_last.pt"]
