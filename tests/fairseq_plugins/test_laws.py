"""The laws that every model of this package obeys: every preset, every option, every cell."""

import math

import pytest
import torch

from .builders import build_model, collate, make_task, random_pairs
from .cases import CASES, build_case

LENGTHS = [(3, 4), (7, 2), (1, 6), (5, 5)]
over_cases = pytest.mark.parametrize("case", CASES)


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


@over_cases
def test_teacher_forced_logits_equal_step_by_step_ones(case):
    model = build_case(case)
    task = make_task()
    batch = collate(task, random_pairs(task, LENGTHS))
    full, extra = model(**batch["net_input"])
    steps, alignments = step_by_step(model, batch)
    torch.testing.assert_close(steps, full, rtol=1e-9, atol=1e-9)
    if extra["attn"][0] is not None:
        torch.testing.assert_close(torch.cat(alignments, dim=1), extra["attn"][0])


@over_cases
def test_padding_order_and_batch_size_change_nothing(case):
    model = build_case(case)
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


@over_cases
def test_alignment_sums_to_one_is_zero_on_padding_and_is_the_same_alone_as_in_64(case):
    model = build_case(case)
    task = make_task()
    pairs = random_pairs(task, [(1 + i % 9, 1 + i % 5) for i in range(64)])
    batch = collate(task, pairs)
    alignment = model(**batch["net_input"])[1]["attn"][0]
    if alignment is None:
        assert not hasattr(model.decoder, "attention")
        return
    padding = batch["net_input"]["src_tokens"].eq(task.source_dictionary.pad())
    torch.testing.assert_close(alignment.sum(dim=-1), torch.ones(alignment.shape[:2]).double())
    assert alignment.masked_select(padding.unsqueeze(1)).abs().max() == 0
    for row in range(0, 64, 7):
        source, target = pairs[row]
        alone = model(**collate(task, [pairs[row]])["net_input"])[1]["attn"][0][0]
        torch.testing.assert_close(alignment[row, : len(target), -len(source) :], alone)


@over_cases
def test_the_output_is_a_distribution(case):
    model = build_case(case)
    task = make_task()
    net_output = model(**collate(task, random_pairs(task, LENGTHS))["net_input"])
    probs = model.get_normalized_probs(net_output, log_probs=False)
    torch.testing.assert_close(probs.sum(dim=-1), torch.ones(probs.shape[:2]).to(probs))
    assert probs.min() >= 0


SAMPLED = {
    "variational_dropout",
    "recurrent_dropout",
    "encoder_word_dropout",
    "decoder_word_dropout",
    "scheduled_sampling",
}


@pytest.mark.parametrize("case", [case for case in CASES if not SAMPLED & set(CASES[case][1])])
def test_training_mode_without_dropout_changes_nothing(case):
    """The cases that draw at random in training are left out: their own tests look at that."""
    model = build_case(case)
    task = make_task()
    batch = collate(task, random_pairs(task, LENGTHS))
    expected, _ = model(**batch["net_input"])
    actual, _ = model.train()(**batch["net_input"])
    if CASES[case][0] == "s2s_transformer_attn":  # fairseq's fast path in evaluation
        torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)
    else:
        torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


# Options, and the same without a dropout.
DROPOUTS = {
    "dropout": ({"dropout": 0.5}, {}),
    "variational": ({"dropout": 0.5, "variational_dropout": True}, {}),
    "recurrent": ({"recurrent_dropout": 0.5}, {"recurrent_dropout": 1e-30}),  # no kernel either
    "encoder-words": ({"encoder_word_dropout": 0.9}, {}),
    "decoder-words": ({"decoder_word_dropout": 0.9}, {}),
}


@pytest.mark.parametrize("name", DROPOUTS)
@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
def test_every_dropout_works_in_training_and_only_there(arch, name):
    task = make_task()
    batch = collate(task, random_pairs(task, LENGTHS))
    options, without = DROPOUTS[name]
    plain, model = build_model(arch, **without), build_model(arch, **options)
    model.load_state_dict(plain.state_dict())
    expected, _ = plain(**batch["net_input"])
    torch.testing.assert_close(model(**batch["net_input"])[0], expected)
    first, _ = model.train()(**batch["net_input"])
    second, _ = model(**batch["net_input"])
    assert (first - second).abs().max() > 1e-3
