"""Gradients are those of finite differences, and no tensor has a fixed type or place."""

from unittest import mock

import pytest
import torch
from torch.nn import functional as F

from fairseq_plugins.modules.rnn import RNN

from .builders import collate, make_task, random_pairs
from .cases import CASES, build_case
from .test_laws import over_cases

STEP = 1e-6


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


@pytest.mark.parametrize("case", [case for case in CASES if not case.endswith("relu")])  # a kink
def test_gradients_agree_with_finite_differences(case):
    assert_gradients(build_case(case))


@over_cases
def test_every_parameter_has_a_gradient(case):
    model = build_case(case)
    task = make_task()
    batch = collate(task, random_pairs(task, [(3, 4), (5, 2)]))
    lprobs = model.get_normalized_probs(model(**batch["net_input"]), log_probs=True)
    lprobs.gather(-1, batch["target"].unsqueeze(-1)).sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


@over_cases
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_no_tensor_has_a_fixed_dtype(case, dtype):
    model = build_case(case).to(dtype)
    task = make_task()
    batch = collate(task, random_pairs(task, [(3, 4), (5, 2)]))
    logits, extra = model(**batch["net_input"])
    assert logits.dtype == dtype
    assert all(a.dtype == dtype for a in extra["attn"] if a is not None)


# Where the values of a tensor decide, a tensor without values cannot be sent through: HRED cuts
# turns at their separators, fairseq's Transformer asks whether there is any padding.
VALUES_DECIDE = ("s2s_hred", "s2s_transformer_attn")


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith(VALUES_DECIDE)])
def test_no_tensor_has_a_fixed_device(case):
    """On the meta device a tensor made on the CPU would meet one that is not, and fail."""
    model = build_case(case).to("meta")
    task = make_task()
    pairs = random_pairs(task, [(3, 4), (3, 4)])
    net_input = {
        name: tensor.to("meta") for name, tensor in collate(task, pairs)["net_input"].items()
    }
    # The kernel's packing reads the lengths; of equal lengths it is the call without them.
    with mock.patch.object(RNN, "forward_padded", lambda self, inputs, lengths: self(inputs)):
        logits, _ = model(**net_input)
    assert logits.device.type == "meta"
