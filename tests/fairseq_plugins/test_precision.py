"""Training in half precision, as far as a CPU can: fairseq's --bf16 and --fp16."""

import math

import pytest
import torch
from fairseq.trainer import Trainer

from .builders import ARCHITECTURES
from .commands import train


@pytest.fixture
def gradients(monkeypatch):
    """Of each update: whether all gradients were finite when the optimizer took them."""
    seen = []
    clip = Trainer.clip_grad_norm

    def clip_grad_norm(trainer, norm):
        """What fairseq does last before the optimizer steps, and with unscaled gradients."""
        found = clip(trainer, norm)
        weights = trainer.optimizer.fp32_params
        gradients = [p.grad for p in (weights if isinstance(weights, list) else weights.values())]
        seen.append(all(bool(gradient.isfinite().all()) for gradient in gradients))
        return found

    monkeypatch.setattr(Trainer, "clip_grad_norm", clip_grad_norm)
    return seen


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("flag", ["--bf16", "--fp16"])
def test_half_precision_trains_with_finite_gradients(digits, tmp_path, gradients, arch, flag):
    flags = ["--arch", arch, flag, "--max-update", 30, "--cpu", "--fp16-init-scale", 4]
    flags.append("--fp16-no-flatten-grads")  # flat ones are made on a GPU
    train(digits / "bin", tmp_path, *flags)
    assert len(gradients) >= 30 and all(gradients)
    state = torch.load(tmp_path / "checkpoint_last.pt", weights_only=True)
    assert all(weight.isfinite().all() for weight in state["model"].values())
    loss = state["extra_state"]["val_loss"]
    assert math.isfinite(loss) and loss < 3.9  # that of a guess among its 16 symbols is 4.0 bits
