"""Nothing is built from a checkpoint that is broken, foreign or unsafe."""

import argparse
import os
from pathlib import Path

import pytest
import torch

from fairseq_plugins import S2SError, load
from fairseq_plugins.checkpoint import find_checkpoint, read_checkpoint


@pytest.fixture
def state(trained):
    return torch.load(trained / "checkpoint_best.pt", weights_only=True)


def refused(digits, path, match):
    with pytest.raises(S2SError, match=match) as caught:
        load(path, data=digits / "bin")
    assert "\n" not in str(caught.value)


def test_a_folder_gives_its_best_checkpoint_and_else_its_last(tmp_path):
    with pytest.raises(S2SError, match=r"no checkpoint_best.pt or checkpoint_last.pt"):
        find_checkpoint(tmp_path)
    for name in ("checkpoint_last.pt", "checkpoint_best.pt"):
        (tmp_path / name).touch()
        assert find_checkpoint(tmp_path).name == name


@pytest.mark.parametrize(
    "content, match",
    [
        (b"", "is empty"),
        (b"not a checkpoint", "is no checkpoint of PyTorch: use another"),
    ],
)
def test_a_file_that_is_no_checkpoint(digits, tmp_path, content, match):
    (tmp_path / "checkpoint_best.pt").write_bytes(content)
    refused(digits, tmp_path, match)


def test_a_truncated_checkpoint(digits, trained, tmp_path):
    content = (trained / "checkpoint_best.pt").read_bytes()
    (tmp_path / "checkpoint_best.pt").write_bytes(content[: len(content) // 2])
    refused(digits, tmp_path, "is cut short")


def test_a_checkpoint_that_may_not_be_read(trained, monkeypatch):
    def refuse(path, *arguments):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # not by its mode: root may read all
    with pytest.raises(S2SError, match=r"checkpoint_best\.pt cannot be read: Permission denied\."):
        read_checkpoint(trained)


FAULTS = [IndexError("pop"), AttributeError("append"), TypeError("an int"), AssertionError()]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_a_pickle_of_nonsense(trained, monkeypatch, fault):
    """What torch raised when bytes of the pickle were changed, and the archive's sums with them."""

    def load(*arguments, **options):
        raise fault

    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(S2SError, match=r"checkpoint_best\.pt is damaged: "):
        read_checkpoint(trained)


def test_a_weight_that_is_no_tensor(state, tmp_path):
    state["model"]["decoder.output_proj.weight"] = "none"
    torch.save(state, tmp_path / "checkpoint_best.pt")
    with pytest.raises(S2SError, match="a weight of it is no tensor"):
        read_checkpoint(tmp_path)


class Attack:
    """Runs a command when it is unpickled by a careless reader."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return os.system, (f"touch {self.proof}",)


@pytest.mark.parametrize("place", ["model", "cfg", "extra_state"])
def test_code_in_a_checkpoint_is_refused_and_not_run(digits, state, tmp_path, place):
    proof = tmp_path / "proof"
    state[place]["attack"] = Attack(proof)
    torch.save(state, tmp_path / "checkpoint_best.pt")
    refused(digits, tmp_path, "holds more than weights and plain options")
    assert not proof.exists()


def test_a_namespace_is_refused(digits, state, tmp_path):
    state["cfg"]["model"] = argparse.Namespace(arch="lstm")
    torch.save(state, tmp_path / "checkpoint_best.pt")
    refused(digits, tmp_path, "holds more than weights and plain options")


OPTIONS = [
    ({"_name": "wav2vec2", "conv_feature_layers": "__import__('os')"}, "none of this package"),
    ({"_name": "lstm"}, "none of this package"),
    ({"unknown": 1}, "unknown model option 'unknown'"),
    ({"encoder_layers": "__import__('os').system('true')"}, "'encoder_layers' has a wrong value"),
    ({"rnn_type": "[].__class__"}, "'rnn_type' has a wrong value"),
    ({"dropout": "0.1"}, "'dropout' has a wrong value"),
    ({"share_all_embeddings": 1}, "'share_all_embeddings' has a wrong value"),
    ({"encoder_hidden_size": 10**9}, "above 65536"),
    ({"encoder_layers": 10**6}, "above 64"),
    ({"encoder_hidden_size": 80}, "do not fit its own options"),
]


@pytest.mark.parametrize("options, match", OPTIONS)
def test_options_are_checked_before_anything_is_built(digits, state, tmp_path, options, match):
    state["cfg"]["model"].update(options)
    torch.save(state, tmp_path / "checkpoint_best.pt")
    refused(digits, tmp_path, match)


@pytest.mark.parametrize("state_dict", [[1, 2], {"model": {}}, {"cfg": {}, "model": {}}])
def test_a_foreign_file_is_named(tmp_path, state_dict):
    torch.save(state_dict, tmp_path / "checkpoint_best.pt")
    with pytest.raises(S2SError, match="no fairseq checkpoint|does not say which model"):
        read_checkpoint(tmp_path)


def test_an_embedding_file_named_in_a_checkpoint_is_not_opened(digits, state, tmp_path):
    state["cfg"]["model"]["encoder_embed_path"] = str(tmp_path / "secret")
    torch.save(state, tmp_path / "checkpoint_best.pt")
    model = load(tmp_path, data=digits / "bin")
    assert model.generate(["1 2 3"])[0][0].text == "3 2 1"
