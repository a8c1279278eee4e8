"""Tests that checkpoints are read as data."""

import pickle
from argparse import Namespace
from pathlib import Path
from unittest import mock

import pytest
import torch
from fairseq import checkpoint_utils

from fairseq_plugins import S2SError
from fairseq_plugins.compat import weights_only


def test_upstream_still_leaves_the_question_to_torch() -> None:
    assert weights_only.needed()


@pytest.mark.parametrize("given", [{}, {"weights_only": False}])
def test_fairseq_always_loads_with_weights_only(given: dict[str, bool], tmp_path: Path) -> None:
    torch.save({"x": Namespace()}, tmp_path / "x.pt")
    with pytest.raises(pickle.UnpicklingError):
        checkpoint_utils.torch.load(tmp_path / "x.pt", **given)


def test_no_environment_variable_changes_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"x": Namespace()}, tmp_path / "x.pt")
    with pytest.raises(S2SError):
        checkpoint_utils.load_checkpoint_to_cpu(str(tmp_path / "x.pt"))


def test_the_rest_of_torch_is_torch() -> None:
    assert checkpoint_utils.torch.Tensor is torch.Tensor
    with mock.patch.object(torch, "load") as load:
        torch.load("a", weights_only=False)
    load.assert_called_once_with("a", weights_only=False)
