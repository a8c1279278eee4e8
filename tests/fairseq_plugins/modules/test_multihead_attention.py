"""Multi-head additive attention against NumPy and against one additive head."""

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.multihead_attention import MultiHeadAttention

from .attention_cases import (
    attend,
    attend_padded,
    make_attention,
    make_sentences,
    pad,
    softmax,
    weights,
)

NAME = "multi-head-additive"


def reference(w, query, memory, *, heads, temperature=1.0, window=0.0):
    """One step over one sentence: context and mean alignment."""
    hidden, size = w["energy"].shape[1], w["value_proj.weight"].shape[0] // heads
    contexts, alignments = [], []
    for head in range(heads):
        rows, value_rows = slice(head * hidden, (head + 1) * hidden), slice(head * size, None)
        keys = memory @ w["key_proj.weight"][rows].T + w["key_proj.bias"][rows]
        energies = np.tanh(keys + w["query_proj.weight"][rows] @ query) @ w["energy"][head]
        alignments.append(softmax(energies / temperature + window))
        values = memory @ w["value_proj.weight"][value_rows][:size].T
        contexts.append(alignments[-1] @ values)
    return w["output_proj.weight"] @ np.concatenate(contexts), np.mean(alignments, axis=0)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_each_head_attends_with_its_own_slice(heads, side, temperature):
    attention = make_attention(NAME, heads=heads, temperature=temperature)
    memories, queries = make_sentences()
    found = attend_padded(attention, memories, queries, side)
    for memory, query, (context, alignment, padding) in zip(memories, queries, found, strict=True):
        for t, step in enumerate(query.numpy()):
            expected = reference(
                weights(attention), step, memory.numpy(), heads=heads, temperature=temperature
            )
            np.testing.assert_allclose(context[t].detach().numpy(), expected[0], atol=1e-12)
            np.testing.assert_allclose(alignment[t].detach().numpy(), expected[1], atol=1e-12)
        assert not padding.any()


def test_one_head_without_projections_of_its_values_is_bahdanaus_attention():
    attention, additive = make_attention(NAME, heads=1), make_attention("additive")
    identity = torch.eye(6, dtype=torch.double)
    attention.load_state_dict(
        {
            **{name: t for name, t in additive.state_dict().items() if "_proj" in name},
            "energy": additive.energy.weight,
            "value_proj.weight": identity,
            "output_proj.weight": identity,
        }
    )
    memories, queries = make_sentences()
    memory, mask = pad(memories, "left")
    found, expected = (
        attend(each, memory, torch.stack(queries), mask) for each in (attention, additive)
    )
    torch.testing.assert_close(found.context, expected.context)
    torch.testing.assert_close(found.alignment, expected.alignment)


def test_the_window_is_the_same_for_all_heads():
    attention = make_attention(NAME, window="local-p")
    memories, queries = make_sentences()
    found = attend_padded(attention, memories, queries)
    for memory, query, (context, alignment, _) in zip(memories, queries, found, strict=True):
        mask = torch.zeros(1, len(memory), dtype=torch.bool)
        logs = attention.window(query[None], mask)[0].detach().numpy()
        for t, step in enumerate(query.numpy()):
            expected = reference(weights(attention), step, memory.numpy(), heads=2, window=logs[t])
            np.testing.assert_allclose(context[t].detach().numpy(), expected[0], atol=1e-12)
            np.testing.assert_allclose(alignment[t].detach().numpy(), expected[1], atol=1e-12)


@pytest.mark.parametrize(
    "memory_dim, attention_dim, heads, named",
    [
        (6, 8, 4, r"memory_dim \(6\) must be divisible by --attention-heads \(4\)"),
        (8, 6, 4, r"attention_dim \(6\) must be divisible by --attention-heads \(4\)"),
        (8, 8, 0, r"attention_dim \(8\) must be divisible by --attention-heads \(0\)"),
    ],
)
def test_heads_that_divide_a_size_badly_are_refused(memory_dim, attention_dim, heads, named):
    with pytest.raises(ValueError, match=named):
        MultiHeadAttention(6, memory_dim, attention_dim, heads)
