"""The laws that every model of this package obeys, over cells, directions and architectures."""

import math

import pytest
import torch

from .builders import (
    ARCHITECTURES,
    CELLS,
    DIRECTIONS,
    build_model,
    collate,
    make_task,
    random_pairs,
)

LENGTHS = [(3, 4), (7, 2), (1, 6), (5, 5)]

everywhere = [
    pytest.mark.parametrize("arch", ARCHITECTURES),
    pytest.mark.parametrize("rnn_type", CELLS),
    pytest.mark.parametrize("encoder_direction", DIRECTIONS),
]


def over_all(test):
    """Parametrise a law over cells x directions x {plain, attention}."""
    for mark in everywhere:
        test = mark(test)
    return test


VARIANTS = {
    "two-layers": {"encoder_layers": 2, "decoder_layers": 2},
    "deeper-decoder": {"encoder_layers": 1, "decoder_layers": 3},
    "deeper-encoder": {"encoder_layers": 3, "decoder_layers": 1},
    "transform-all": {"bridge": "transform-all"},
    "lstm-to-gru": {"encoder_rnn_type": "lstm", "decoder_rnn_type": "gru"},
    "gru-to-lstm": {"encoder_rnn_type": "gru", "decoder_rnn_type": "lstm"},
    "relu": {"rnn_type": "rnn", "rnn_nonlinearity": "relu"},
    "last": {"bridge": "last", "encoder_direction": "forward"},
    "last-gru-to-lstm": {
        "bridge": "last",
        "encoder_direction": "forward",
        "encoder_rnn_type": "gru",
    },
    "tied": {"share_decoder_input_output_embed": True},
}


def build_variant(name: str, arch: str):
    """The model of one row of VARIANTS; those of the plain decoder only are added here."""
    return build_model(arch, **VARIANTS[name])


def step_by_step(model, batch) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Logits and alignments of the targets, one word at a time, as generation makes them."""
    net_input = batch["net_input"]
    encoder_out = model.encoder(net_input["src_tokens"], net_input["src_lengths"])
    incremental_state, logits, alignments = {}, [], []
    for length in range(1, net_input["prev_output_tokens"].size(1) + 1):
        step, extra = model.decoder(
            net_input["prev_output_tokens"][:, :length],
            encoder_out=encoder_out,
            incremental_state=incremental_state,
        )
        logits.append(step)
        alignments.append(extra["attn"][0])
    return torch.cat(logits, dim=1), alignments


def assert_step_by_step(model) -> None:
    task = make_task()
    batch = collate(task, random_pairs(task, LENGTHS))
    full, extra = model(**batch["net_input"])
    steps, alignments = step_by_step(model, batch)
    torch.testing.assert_close(steps, full, rtol=1e-9, atol=1e-9)
    if extra["attn"][0] is not None:
        torch.testing.assert_close(torch.cat(alignments, dim=1), extra["attn"][0])


@over_all
def test_teacher_forced_logits_equal_step_by_step_ones(arch, rnn_type, encoder_direction):
    assert_step_by_step(build_model(arch, rnn_type=rnn_type, encoder_direction=encoder_direction))


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_step_by_step_for_every_variant(arch, variant):
    assert_step_by_step(build_variant(variant, arch))


@pytest.mark.parametrize("rnn_type", CELLS)
def test_step_by_step_with_the_context_at_every_step(rnn_type):
    assert_step_by_step(build_model("s2s_tiny", rnn_type=rnn_type, context_every_step=True))


def assert_padding_and_order_change_nothing(model) -> None:
    task = make_task()
    pairs = random_pairs(task, LENGTHS)
    alone = [model(**collate(task, [pair])["net_input"]) for pair in pairs]
    for order in (range(len(pairs)), reversed(range(len(pairs)))):
        for left_pad_source in (True, False):
            order = list(order)
            batch = collate(task, [pairs[i] for i in order], left_pad_source=left_pad_source)
            logits, extra = model(**batch["net_input"])
            for row, index in enumerate(order):
                source, target = pairs[index]
                expected, expected_extra = alone[index]
                torch.testing.assert_close(logits[row, : len(target)], expected[0])
                if extra["attn"][0] is None:
                    continue
                columns = slice(-len(source), None) if left_pad_source else slice(len(source))
                alignment = extra["attn"][0][row, : len(target)]
                torch.testing.assert_close(alignment[:, columns], expected_extra["attn"][0][0])
                assert math.isclose(float(alignment.sum()), len(target), rel_tol=1e-6)


@over_all
def test_padding_order_and_batch_size_change_nothing(arch, rnn_type, encoder_direction):
    model = build_model(arch, rnn_type=rnn_type, encoder_direction=encoder_direction)
    assert_padding_and_order_change_nothing(model)


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_for_every_variant(arch, variant):
    assert_padding_and_order_change_nothing(build_variant(variant, arch))


@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize("encoder_direction", DIRECTIONS)
def test_alignment_sums_to_one_is_zero_on_padding_and_is_the_same_alone_as_in_64(
    rnn_type, encoder_direction
):
    model = build_model("s2s_attn_tiny", rnn_type=rnn_type, encoder_direction=encoder_direction)
    task = make_task()
    pairs = random_pairs(task, [(1 + i % 9, 1 + i % 5) for i in range(64)])
    batch = collate(task, pairs)
    alignment = model(**batch["net_input"])[1]["attn"][0]
    padding = batch["net_input"]["src_tokens"].eq(task.source_dictionary.pad())
    torch.testing.assert_close(alignment.sum(dim=-1), torch.ones(alignment.shape[:2]).double())
    assert alignment.masked_select(padding.unsqueeze(1)).abs().max() == 0
    for row, pair in enumerate(pairs):
        alone = model(**collate(task, [pair])["net_input"])[1]["attn"][0][0]
        together = alignment[row, : len(pair[1]), -len(pair[0]) :]
        torch.testing.assert_close(together, alone)
