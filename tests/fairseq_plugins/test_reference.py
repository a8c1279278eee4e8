"""The models agree with their equations, written down a second time in NumPy."""

import numpy as np
import pytest

from .builders import (
    ARCHITECTURES,
    CELLS,
    DIRECTIONS,
    build_model,
    collate,
    make_task,
    random_pairs,
)
from .reference import Reference

BRIDGES = ("last", "transform-last", "transform-all")


def assert_agrees(arch, encoder_type, decoder_type, direction, bridge, every_step=False):
    options = {
        "encoder_rnn_type": encoder_type,
        "decoder_rnn_type": decoder_type,
        "encoder_direction": direction,
        "bridge": bridge,
        "encoder_hidden_size": 6,
        "decoder_hidden_size": 12 if direction == "bidirectional" and bridge == "last" else 6,
        "context_every_step": every_step,
    }
    model = build_model(arch, **options)
    reference = Reference(
        model,
        encoder_type=encoder_type,
        decoder_type=decoder_type,
        bidirectional=direction == "bidirectional",
        bridge=bridge,
        every_step=every_step,
    )
    task = make_task()
    pairs = random_pairs(task, [(4, 3), (6, 5)])
    batch = collate(task, pairs)
    logits, extra = model(**batch["net_input"])
    for row, (source, target) in enumerate(pairs):
        previous = batch["net_input"]["prev_output_tokens"][row, : len(target)]
        expected, alignment = reference(source.numpy(), previous.numpy())
        np.testing.assert_allclose(logits[row, : len(target)].detach(), expected, atol=1e-10)
        if alignment is not None:
            actual = extra["attn"][0][row, : len(target), -len(source) :].detach()
            np.testing.assert_allclose(actual, alignment, atol=1e-10)


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("bridge", BRIDGES)
def test_model_agrees_with_its_equations(arch, rnn_type, direction, bridge):
    assert_agrees(arch, rnn_type, rnn_type, direction, bridge)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_context_at_every_step_agrees_with_its_equations(rnn_type):
    assert_agrees("s2s_tiny", rnn_type, rnn_type, "forward", "transform-last", every_step=True)


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("bridge", BRIDGES)
@pytest.mark.parametrize("encoder_type", CELLS)
@pytest.mark.parametrize("decoder_type", CELLS)
def test_mixed_cells_agree_with_their_equations(arch, bridge, encoder_type, decoder_type):
    assert_agrees(arch, encoder_type, decoder_type, "forward", bridge)
