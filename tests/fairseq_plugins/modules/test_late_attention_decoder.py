"""A context for the readout only needs no loop over time; input feeding does."""

from unittest import mock

import pytest
import torch

from ..builders import build_model, collate, make_task, random_pairs

NO_LOOP = {
    "current": {"attention_query": "current"},
    "previous": {"context_to": "readout"},
    "deep": {"attention_query": "current", "decoder_layers": 3},
    "general": {"attention_query": "current", "attention_score": "general"},
    "window": {"context_to": "readout", "attention_window": "local-p"},
}


def count_calls(model) -> tuple[int, int]:
    """How often the recurrence and the attention run for targets of seven words."""
    task = make_task()
    batch = collate(task, random_pairs(task, [(5, 6), (3, 4)]))
    decoder = model.decoder
    with (
        mock.patch.object(decoder.rnn, "forward", wraps=decoder.rnn.forward) as rnn,
        mock.patch.object(decoder.attention, "forward", wraps=decoder.attention.forward) as attend,
    ):
        model(**batch["net_input"])
    return rnn.call_count, attend.call_count


@pytest.mark.parametrize("name", NO_LOOP)
def test_the_whole_target_is_one_call_of_recurrence_and_attention(name):
    assert count_calls(build_model("s2s_attn_tiny", **NO_LOOP[name])) == (1, 1)


def test_input_feeding_goes_word_by_word():
    options = {"attention_query": "current", "context_to": "input-feeding"}
    assert count_calls(build_model("s2s_attn_tiny", **options)) == (7, 7)


@pytest.mark.parametrize("query", ["current", "previous"])
def test_the_query_is_the_state_that_the_option_names(query):
    """The queries against the states, made here by the recurrence alone."""
    model = build_model("s2s_attn_tiny", attention_query=query, context_to="readout")
    task = make_task()
    batch = collate(task, random_pairs(task, [(5, 4)]))
    decoder, seen = model.decoder, {}

    def attend(query, *args):
        seen["query"] = query
        return forward(query, *args)

    forward = decoder.attention.forward
    with mock.patch.object(decoder.attention, "forward", side_effect=attend):
        model(**batch["net_input"])
    net_input = batch["net_input"]
    encoder_out = model.encoder(net_input["src_tokens"])
    state = decoder.bridge(encoder_out)
    embedded = decoder.embed_tokens(net_input["prev_output_tokens"])
    states, _ = decoder.rnn(embedded, state)
    if query == "previous":
        states = torch.cat([state["hidden"], states[:, :-1]], dim=1)
    torch.testing.assert_close(seen["query"], states)
