"""The contract of attention, and the additive scores against NumPy and weights set by hand."""

import math

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.attention import (
    BahdanauAttention,
    NormedBahdanauAttention,
    masked_softmax,
)

from .attention_cases import (
    assert_follows,
    attend,
    attend_padded,
    make_attention,
    make_sentences,
    softmax,
    weights,
)


def additive_energies(attention):
    """v . tanh(W_s s + W_h h_j + b), in NumPy."""
    w = weights(attention)

    def energies(query, memory, past):
        keys = memory @ w["key_proj.weight"].T + w["key_proj.bias"]
        return np.tanh(keys + w["query_proj.weight"] @ query) @ w["energy.weight"][0]

    return energies


def test_weights_set_by_hand_give_the_alignment_computed_by_hand():
    attention = BahdanauAttention(query_dim=1, memory_dim=1, attention_dim=1)
    attention.query_proj.weight.data.fill_(1.0)
    attention.key_proj.weight.data.fill_(2.0)
    attention.key_proj.bias.data.fill_(0.0)
    attention.energy.weight.data.fill_(3.0)
    memory = torch.tensor([[[0.5], [-1.0]]])
    mask = torch.zeros(1, 2, dtype=torch.bool)
    context, alignment, state = attend(attention, memory, torch.tensor([[[0.25]]]), mask)
    energies = [3 * math.tanh(0.25 + 2 * 0.5), 3 * math.tanh(0.25 - 2 * 1.0)]
    total = sum(map(math.exp, energies))
    first, second = (math.exp(energy) / total for energy in energies)
    torch.testing.assert_close(alignment, torch.tensor([[[first, second]]]))
    torch.testing.assert_close(context, torch.tensor([[[0.5 * first - 1.0 * second]]]))
    assert state == {}


def test_additive_attention_is_bahdanaus_formula():
    attention = make_attention("additive")
    assert_follows(attention, additive_energies(attention))


def test_additive_attention_takes_a_query_and_a_memory_of_different_sizes():
    attention = make_attention("additive", query_dim=3, memory_dim=5)
    assert_follows(attention, additive_energies(attention), query_dim=3, memory_dim=5)


def test_normed_attention_divides_the_energy_vector_by_its_length():
    attention = make_attention("normed-additive")
    w, additive = weights(attention), additive_energies(attention)
    length = math.sqrt(sum(v * v for v in w["energy.weight"][0]))
    scale = w["energy_scale"].item() / length
    assert_follows(attention, lambda *step: scale * additive(*step))


def test_normed_attention_begins_with_an_energy_vector_of_length_attention_dim_to_the_minus_half():
    attention = NormedBahdanauAttention(3, 3, 16).double()
    attention.energy.weight.data *= 7  # only its direction counts
    # Where tanh is 1 everywhere, the energy is the sum of the normalised vector's entries.
    attention.key_proj.bias.data.fill_(100.0)
    zeros = torch.zeros(1, 2, 3, dtype=torch.double)
    energy = attention.energies(zeros, attention.project_keys(zeros), None)
    direction = attention.energy.weight.detach().numpy()[0]
    expected = (direction / np.linalg.norm(direction)).sum() / 4
    torch.testing.assert_close(energy.detach(), torch.full((1, 2, 2), expected).double())


@pytest.mark.parametrize("name", ["additive", "normed-additive", "dot", "general"])
@pytest.mark.parametrize("temperature", [0.25, 3.0])
def test_temperature_divides_the_energies(name, temperature):
    attention = make_attention(name, temperature=temperature)
    memories, queries = make_sentences()
    found = attend_padded(attention, memories, queries)
    for memory, query, (_, alignment, _) in zip(memories, queries, found, strict=True):
        energies = attention.energies(query[None], attention.project_keys(memory[None]), None)[0]
        expected = [softmax(step / temperature) for step in energies.detach().numpy()]
        np.testing.assert_allclose(alignment.detach().numpy(), expected, atol=1e-12)


def test_a_low_temperature_picks_one_token_and_a_high_one_none():
    memories, queries = make_sentences()
    for temperature in (1e-6, 1e6):
        attention = make_attention("additive", temperature=temperature)
        for memory, (_, alignment, _) in zip(
            memories, attend_padded(attention, memories, queries), strict=True
        ):
            best = torch.ones_like(alignment[:, 0])
            if temperature > 1:
                best /= len(memory)
            torch.testing.assert_close(alignment.amax(dim=1), best, atol=1e-4, rtol=0)


@pytest.mark.parametrize("temperature", [0.0, -2.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match=rf"--attention-temperature is {temperature}"):
        BahdanauAttention(2, 2, 2, temperature=temperature)


def test_values_may_be_any_linear_map_of_the_memory_and_the_context_is_mapped_alike():
    attention = make_attention("additive")
    memories, queries = make_sentences(lengths=(5, 5))
    memory, query = torch.stack(memories), torch.stack(queries)
    mask, keys = torch.zeros(2, 5, dtype=torch.bool), attention.project_keys(memory)
    linear = torch.randn(6, 9, dtype=torch.double)
    mapped = attention(query, keys, memory @ linear, mask, {}).context
    torch.testing.assert_close(mapped, attention(query, keys, memory, mask, {}).context @ linear)


def test_padding_gets_exactly_nothing_and_one_real_token_everything():
    energies = torch.tensor([[5.0, 1.0, 100.0]])
    mask = torch.tensor([[True, False, True]])
    assert masked_softmax(energies, mask).tolist() == [[0.0, 1.0, 0.0]]


def test_one_mask_serves_all_the_steps_and_heads_of_its_sentence():
    generator = torch.Generator().manual_seed(1)
    energies = torch.randn(2, 3, 4, 5, generator=generator)
    mask = torch.tensor([[False] * 3 + [True] * 2, [True] + [False] * 4])
    alignment = masked_softmax(energies, mask)
    for row in range(2):
        expected = torch.softmax(energies[row][..., ~mask[row]], dim=-1)
        torch.testing.assert_close(alignment[row][..., ~mask[row]], expected)
        assert not alignment[row][..., mask[row]].any()
    torch.testing.assert_close(masked_softmax(energies[:, 1, 2], mask), alignment[:, 1, 2])


def test_half_precision_energies_do_not_overflow():
    energies = torch.tensor([[60000.0, -60000.0]], dtype=torch.float16)
    alignment = masked_softmax(energies, torch.zeros(1, 2, dtype=torch.bool))
    assert alignment.dtype == torch.float16
    assert alignment.tolist() == [[1.0, 0.0]]
