"""A checkpoint's configuration arrives at the other processes of a training as it was."""

import torch
from fairseq.distributed import utils
from omegaconf import DictConfig, OmegaConf

from fairseq_plugins.compat import broadcast_checkpoints
from fairseq_plugins.compat.patching import original


def sent(monkeypatch, state):
    """What another process gets of ``state``."""
    channel = []
    monkeypatch.setattr(utils, "get_rank", lambda group: 0)
    monkeypatch.setattr(utils, "broadcast", lambda tensor, src, group: channel.append(tensor))
    utils.broadcast_object(state, 0, None, torch.device("cpu"))
    monkeypatch.setattr(utils, "get_rank", lambda group: 1)

    def receive(tensor, src, group):
        tensor.copy_(channel.pop(0).view(tensor.shape))

    monkeypatch.setattr(utils, "broadcast", receive)
    return utils.broadcast_object(None, 0, None, torch.device("cpu"))


def test_a_configuration_and_weights_arrive(monkeypatch):
    config = OmegaConf.create({"model": {"dropout": 0.1}, "names": ["a", "b"]})
    state = {"cfg": config, "model": {"weight": torch.arange(3.0)}, "epoch": 2}
    found = sent(monkeypatch, state)
    assert isinstance(found["cfg"], DictConfig) and found["cfg"] == config
    assert found["model"]["weight"].tolist() == [0, 1, 2] and found["epoch"] == 2
    assert state["cfg"] is config  # nothing was changed on the way


def test_what_is_no_checkpoint_arrives_too(monkeypatch):
    assert sent(monkeypatch, ["a", {"b": 1}]) == ["a", {"b": 1}]


def test_it_is_needed_where_a_configuration_is_refused(monkeypatch):
    assert broadcast_checkpoints.needed()
    monkeypatch.setattr(torch, "load", lambda file: OmegaConf.create({}))
    assert not broadcast_checkpoints.needed()
    assert original(utils, "broadcast_object") is not utils.broadcast_object
