"""The multiplicative scores against NumPy and torch's own kernel."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairseq_plugins.modules.dot_attention import DotAttention, ScaledDotAttention

from .attention_cases import assert_follows, attend, make_attention, make_sentences, pad, weights


def test_dot_is_luongs_formula():
    assert_follows(make_attention("dot"), lambda query, memory, past: memory @ query)


def test_scaled_dot_divides_by_the_root_of_the_size():
    assert_follows(
        make_attention("scaled-dot"), lambda query, memory, past: memory @ query / np.sqrt(6)
    )


def test_scaled_dot_is_torchs_own_scaled_dot_product_attention():
    memories, queries = make_sentences()
    memory, mask = pad(memories, "left")
    context = attend(make_attention("scaled-dot"), memory, torch.stack(queries), mask).context
    expected = F.scaled_dot_product_attention(
        torch.stack(queries), memory, memory, attn_mask=~mask.unsqueeze(1)
    )
    torch.testing.assert_close(context, expected)


@pytest.mark.parametrize("query_dim, memory_dim", [(6, 6), (3, 5)])
def test_general_puts_a_matrix_between_query_and_memory(query_dim, memory_dim):
    sizes = {"query_dim": query_dim, "memory_dim": memory_dim}
    attention = make_attention("general", **sizes)
    matrix = weights(attention)["key_proj.weight"]
    assert_follows(attention, lambda query, memory, past: memory @ (query @ matrix), **sizes)


@pytest.mark.parametrize("attention", [DotAttention, ScaledDotAttention])
def test_a_query_of_another_size_is_refused_with_both_sizes_and_the_way_out(attention):
    with pytest.raises(
        ValueError, match=rf"--attention-score {attention.score} .* 3 .* 5: use general"
    ):
        attention(3, 5)
