"""Tests of asynchronous checkpoints without iopath."""

import os
from pathlib import Path

import fairseq_cli.train
import pytest
from fairseq.dataclass import initialize

from fairseq_plugins import S2SError
from fairseq_plugins.compat import async_checkpoints
from fairseq_plugins.compat.patching import original

from .conftest import run

pytestmark = pytest.mark.skipif(not async_checkpoints.needed(), reason="iopath is installed")
FLAG = "--write-checkpoints-asynchronously"


def test_upstream_still_trains_nothing_and_is_content(
    train_args, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = original(initialize, "add_defaults")
    monkeypatch.setattr(fairseq_cli.train, "add_defaults", upstream)
    run("train", *train_args, "--save-dir", tmp_path, FLAG)
    assert os.listdir(tmp_path) == []


def test_the_flag_is_refused_in_one_sentence(train_args, tmp_path: Path) -> None:
    with pytest.raises(S2SError, match="needs the package iopath"):
        run("train", *train_args, "--save-dir", tmp_path, FLAG)
