"""Tests of allowing argparse.Namespace; a whole run is in test_quiet.py."""

from argparse import Namespace
from pathlib import Path

import pytest
import torch

from fairseq_plugins.compat import namespace_checkpoints


def test_it_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S2S_ALLOW_NAMESPACE", raising=False)
    assert not namespace_checkpoints.needed()
    monkeypatch.setenv("S2S_ALLOW_NAMESPACE", "1")
    assert namespace_checkpoints.needed()


def test_upstream_still_needs_a_namespace_and_torch_refuses_it(tmp_path: Path) -> None:
    torch.save(Namespace(x=1), tmp_path / "x.pt")
    assert torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "x.pt") == [
        "argparse.Namespace"
    ]


def test_the_class_is_allowed_only_while_a_checkpoint_is_read(tmp_path: Path) -> None:
    torch.save(Namespace(x=1), tmp_path / "x.pt")
    load = namespace_checkpoints.load_checkpoint_to_cpu
    assert load(torch.load, tmp_path / "x.pt", weights_only=True) == Namespace(x=1)
    assert Namespace not in torch.serialization.get_safe_globals()
