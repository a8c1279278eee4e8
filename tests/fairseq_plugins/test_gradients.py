"""Gradients are those of finite differences, and no tensor has a fixed type or place."""

import pytest
import torch
from torch.nn import functional as F

from .builders import ARCHITECTURES, build_model, collate, make_task, random_pairs
from .test_laws import VARIANTS, build_variant, over_all

STEP = 1e-5


def assert_gradients(model) -> None:
    """The slope of the loss along a random direction, by autograd and by central difference."""
    task = make_task()
    batch = collate(task, random_pairs(task, [(3, 4), (5, 2)]))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    generator = torch.Generator().manual_seed(3)
    direction = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]

    def loss() -> torch.Tensor:
        logits, _ = model(**batch["net_input"])
        return F.cross_entropy(logits.flatten(0, 1), batch["target"].flatten(), ignore_index=1)

    def shifted_loss(step: float) -> float:
        with torch.no_grad():
            for parameter, d in zip(parameters, direction, strict=True):
                parameter.add_(d, alpha=step)
            value = float(loss())
            for parameter, d in zip(parameters, direction, strict=True):
                parameter.sub_(d, alpha=step)
        return value

    gradients = torch.autograd.grad(loss(), parameters)
    slope = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True))
    expected = (shifted_loss(STEP) - shifted_loss(-STEP)) / (2 * STEP)
    assert slope == pytest.approx(expected, rel=1e-5, abs=1e-8)


@over_all
def test_gradients_agree_with_finite_differences(arch, rnn_type, encoder_direction):
    assert_gradients(build_model(arch, rnn_type=rnn_type, encoder_direction=encoder_direction))


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "relu"])  # no kinks
def test_gradients_of_every_variant(arch, variant):
    assert_gradients(build_variant(variant, arch))


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("variant", [*VARIANTS, None])
def test_every_parameter_has_a_gradient(arch, variant):
    model = build_variant(variant, arch) if variant else build_model(arch)
    task = make_task()
    batch = collate(task, random_pairs(task, [(3, 4), (5, 2)]))
    logits, _ = model(**batch["net_input"])
    logits.logsumexp(dim=-1).sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


@over_all
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_no_tensor_has_a_fixed_dtype(arch, rnn_type, encoder_direction, dtype):
    model = build_model(arch, rnn_type=rnn_type, encoder_direction=encoder_direction).to(dtype)
    task = make_task()
    batch = collate(task, random_pairs(task, [(3, 4), (5, 2)]))
    logits, extra = model(**batch["net_input"])
    assert logits.dtype == dtype
    assert all(a.dtype == dtype for a in extra["attn"] if a is not None)


@over_all
def test_no_tensor_has_a_fixed_device(arch, rnn_type, encoder_direction):
    """On the meta device a tensor made on the CPU would meet one that is not, and fail."""
    model = build_model(arch, rnn_type=rnn_type, encoder_direction=encoder_direction).to("meta")
    task = make_task()
    pairs = random_pairs(task, [(3, 4), (3, 4)])  # equal lengths: packing reads values
    net_input = {
        name: tensor.to("meta") for name, tensor in collate(task, pairs)["net_input"].items()
    }
    encoder = model.encoder
    forward_padded = encoder.rnn.forward_padded
    encoder.rnn.forward_padded = lambda inputs, lengths: encoder.rnn(inputs)
    logits, _ = model(**net_input)
    assert logits.device.type == "meta"
    encoder.rnn.forward_padded = forward_padded
