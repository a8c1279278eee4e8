"""The laws that every attention keeps, with every history and window that it takes."""

import pytest
import torch

from fairseq_plugins.modules.attentions import ATTENTIONS, build_attention

from .attention_cases import (
    HISTORIES,
    SIZES,
    STEPS,
    WINDOWS,
    attend,
    attend_padded,
    make_attention,
    make_sentences,
    pad,
)

ADDITIVE = ("additive", "normed-additive")
COMBINATIONS = [
    (name, history, window)
    for name in ATTENTIONS
    for history in HISTORIES
    for window in WINDOWS
    if history == "none" or name in ADDITIVE
]
every_combination = pytest.mark.parametrize("combination", COMBINATIONS, ids="-".join)


@every_combination
def test_padding_on_any_side_and_the_order_of_a_batch_change_nothing(combination):
    attention = make_attention(*combination)
    memories, queries = make_sentences()
    alone = [
        attend(attention, memory[None], query[None], torch.zeros(1, len(memory), dtype=torch.bool))
        for memory, query in zip(memories, queries, strict=True)
    ]
    for side in ("left", "right", "both"):
        for order in ([0, 1, 2, 3], [3, 2, 0, 1]):
            rows = attend_padded(
                attention, [memories[i] for i in order], [queries[i] for i in order], side
            )
            for i, (context, alignment, padding) in zip(order, rows, strict=True):
                torch.testing.assert_close(context, alone[i].context[0])
                torch.testing.assert_close(alignment, alone[i].alignment[0])
                assert not padding.any()


@every_combination
def test_all_steps_at_once_are_the_steps_one_by_one(combination):
    attention = make_attention(*combination)
    memories, queries = make_sentences()
    memory, mask = pad(memories, "left")
    query = torch.stack(queries)
    whole = attend(attention, memory, query, mask)
    state = attention.init_state(attention.project_keys(memory), mask)
    for t in range(STEPS):
        step = attend(attention, memory, query[:, t : t + 1], mask, state)
        torch.testing.assert_close(step.context, whole.context[:, t : t + 1])
        torch.testing.assert_close(step.alignment, whole.alignment[:, t : t + 1])
        state = step.state
    assert state.keys() == whole.state.keys()
    for name, entry in state.items():
        torch.testing.assert_close(entry, whole.state[name])


@every_combination
def test_every_alignment_is_a_distribution(combination):
    attention = make_attention(*combination)
    memories, queries = make_sentences()
    memory, mask = pad(memories, "right")
    output = attend(attention, memory, torch.stack(queries), mask)
    assert (output.alignment >= 0).all()
    ones = torch.ones(len(memories), STEPS, dtype=torch.double)
    torch.testing.assert_close(output.alignment.sum(dim=-1), ones)
    assert output.context.size(-1) == attention.output_dim


@every_combination
def test_the_state_that_comes_out_holds_the_first_states_entries_and_nothing_else(combination):
    attention = make_attention(*combination)
    memories, queries = make_sentences()
    memory, mask = pad(memories, "left")
    first = attention.init_state(attention.project_keys(memory), mask)
    more = {**first, "hidden": torch.zeros(len(memories), 1, 2)}
    state = attend(attention, memory, torch.stack(queries), mask, more).state
    assert {name: entry.shape for name, entry in state.items()} == {
        name: entry.shape for name, entry in first.items()
    }
    assert all(len(entry) == len(memories) for entry in first.values())
    assert all(entry.dtype == torch.double for entry in first.values())


@every_combination
def test_gradients_are_those_of_finite_differences(combination):
    attention = make_attention(*combination)
    memories, queries = make_sentences(lengths=(3, 2))
    memory, mask = pad(memories, "left", width=3)
    memory = memory.masked_fill(mask.unsqueeze(-1), 1.0).requires_grad_()
    query = torch.stack(queries)[:, :2].clone().requires_grad_()

    def run(memory, query, *parameters):  # gradcheck moves the module's own parameters
        return attend(attention, memory, query, mask)[:2]

    assert torch.autograd.gradcheck(run, (memory, query, *attention.parameters()))


@every_combination
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_half_and_near(combination, dtype):
    attention = make_attention(*combination)
    memories, queries = make_sentences()
    memory, mask = pad(memories, "left")
    memory = memory.masked_fill(mask.unsqueeze(-1), 0.0)
    attention, memory, query = attention.to(dtype), memory.to(dtype), torch.stack(queries).to(dtype)
    halves = attend(attention, memory, query[:, :2], mask)
    exact = attend(attention.double(), memory.double(), query[:, :2].double(), mask)
    for half, full in zip(halves[:2], exact[:2], strict=True):
        assert half.dtype == dtype
        torch.testing.assert_close(half.double(), full, atol=0.25, rtol=0)
    assert all(entry.dtype == dtype for entry in halves.state.values())


@pytest.mark.parametrize("name", [name for name in ATTENTIONS if name not in ADDITIVE])
@pytest.mark.parametrize("history", [name for name in HISTORIES if name != "none"])
def test_a_history_without_a_hidden_layer_to_enter_is_refused_with_both_options(name, history):
    with pytest.raises(ValueError, match=rf"--attention-history {history} .*-score is {name}:"):
        build_attention(name, **SIZES, history=HISTORIES[history]())


@pytest.mark.parametrize("name", list(ATTENTIONS))
def test_each_name_builds_its_class_with_its_sizes(name):
    attention = build_attention(name, query_dim=6, memory_dim=6, attention_dim=4, temperature=2.0)
    assert type(attention) is ATTENTIONS[name]
    assert attention.temperature == 2.0
    keys = attention.project_keys(torch.zeros(1, 2, 6))
    assert keys.size(-1) == (6 if "dot" in name or name == "general" else 4)


def test_heads_are_refused_where_there_are_none():
    with pytest.raises(ValueError, match=r"--attention-heads 4 .* score is dot$"):
        build_attention("dot", **SIZES, heads=4)


def test_an_unknown_score_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"'mlp'.* additive, .*multi-head-additive"):
        build_attention("mlp", **SIZES)
