"""Tests of --bf16 on a machine without a TPU; what it trains is in test_precision.py."""

import argparse
from pathlib import Path

import pytest
from fairseq import options

from fairseq_plugins.compat import bf16_without_tpu
from fairseq_plugins.compat.patching import original

from .conftest import run

pytestmark = pytest.mark.skipif(not bf16_without_tpu.needed(), reason="there may be a TPU")


def test_upstream_still_asks_for_a_tpu(
    train_args: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = original(options, "parse_args_and_arch")
    monkeypatch.setattr(options, "parse_args_and_arch", upstream)
    with pytest.raises(AttributeError, match="xla_device"):
        run("train", *train_args, "--save-dir", tmp_path, "--bf16", "--fp16-no-flatten-grads")


def test_it_trains(train_args: list[object], tmp_path: Path) -> None:
    run("train", *train_args, "--save-dir", tmp_path, "--bf16", "--fp16-no-flatten-grads")
    assert (tmp_path / "checkpoint_last.pt").exists()


def test_a_command_without_the_flag_is_left_alone() -> None:
    """fairseq-validate parses its overrides without it."""
    parsed = argparse.Namespace()
    assert bf16_without_tpu.parse_args_and_arch(lambda: parsed) is parsed
    assert vars(parsed) == {}


@pytest.mark.parametrize("known", [False, True])
def test_only_that_flag_is_looked_at(known: bool) -> None:
    for flags, tpu in ((["--tpu"], True), (["--bf16"], False), ([], False)):
        parsed = argparse.Namespace(bf16="--bf16" in flags, tpu=bool(flags))
        result = (parsed, []) if known else parsed
        found = bf16_without_tpu.parse_args_and_arch(lambda result=result: result)
        assert found is result
        assert parsed.tpu is tpu
