"""Who asks for the plain modules gets them: by an option, the environment, or an export."""

import pytest
import torch
from torch import nn

from fairseq_plugins.modules.fast import NO_FAST, may_be_fast, set_fast

from ..builders import ARCHITECTURES, build_model


class Layer(nn.Module):
    """A module with a fast form that gives 1, and a plain one that gives 2."""

    fast = True

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(inputs) if may_be_fast(self) else torch.full_like(inputs, 2)


@pytest.mark.parametrize(
    ("value", "fast"), [(None, True), ("", True), ("0", True), ("1", False), ("yes", False)]
)
def test_the_environment_forbids_the_fast_forms(monkeypatch, value, fast):
    monkeypatch.delenv(NO_FAST, raising=False)
    if value is not None:
        monkeypatch.setenv(NO_FAST, value)
    assert may_be_fast(Layer()) is fast


def test_set_fast_reaches_every_part_that_has_fast_forms_and_no_other():
    parts = nn.Sequential(Layer(), nn.Sequential(nn.Linear(2, 2), Layer()))
    set_fast(parts, False)
    assert [may_be_fast(part) for part in (parts[0], parts[1][1])] == [False, False]
    assert Layer().fast  # the class stays as it is
    assert not hasattr(parts[1][0], "fast")
    set_fast(parts, True)
    assert may_be_fast(parts[1][1])


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("no_fast", [True, False])
def test_the_option_is_the_same_as_the_switch(arch, no_fast):
    model = build_model(arch, no_fast=no_fast)
    parts = [part for part in model.modules() if hasattr(part, "fast")]
    assert {model.encoder, model.decoder, model.encoder.rnn} <= set(parts)
    assert {part.fast for part in parts} == {not no_fast}


def test_tracing_exporting_and_compiling_see_the_plain_form():
    layer, inputs = Layer(), torch.zeros(3)
    assert layer(inputs)[0] == 1
    assert torch.jit.trace(layer, inputs)(inputs)[0] == 2
    assert torch.export.export(layer, (inputs,)).module()(inputs)[0] == 2
    assert torch.compile(layer, backend="eager", fullgraph=True)(inputs)[0] == 2
    assert layer(inputs)[0] == 1
