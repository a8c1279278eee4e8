"""Additive attention on weights set by hand."""

import math

import torch

from fairseq_plugins.modules.attention import BahdanauAttention, masked_softmax


def test_weights_set_by_hand_give_the_alignment_computed_by_hand():
    attention = BahdanauAttention(query_dim=1, memory_dim=1, attention_dim=1)
    attention.query_proj.weight.data.fill_(1.0)
    attention.key_proj.weight.data.fill_(2.0)
    attention.key_proj.bias.data.fill_(0.0)
    attention.energy.weight.data.fill_(3.0)
    memory = torch.tensor([[[0.5], [-1.0]]])
    context, alignment = attention(
        torch.tensor([[0.25]]),
        attention.project_keys(memory),
        memory,
        torch.zeros(1, 2, dtype=torch.bool),
    )
    energies = [3 * math.tanh(0.25 + 2 * 0.5), 3 * math.tanh(0.25 - 2 * 1.0)]
    total = sum(map(math.exp, energies))
    first, second = (math.exp(energy) / total for energy in energies)
    torch.testing.assert_close(alignment, torch.tensor([[first, second]]))
    torch.testing.assert_close(context, torch.tensor([[0.5 * first - 1.0 * second]]))


def test_padding_gets_exactly_nothing_and_one_real_token_everything():
    energies = torch.tensor([[5.0, 1.0, 100.0]])
    mask = torch.tensor([[True, False, True]])
    assert masked_softmax(energies, mask).tolist() == [[0.0, 1.0, 0.0]]


def test_half_precision_energies_do_not_overflow():
    energies = torch.tensor([[60000.0, -60000.0]], dtype=torch.float16)
    alignment = masked_softmax(energies, torch.zeros(1, 2, dtype=torch.bool))
    assert alignment.dtype == torch.float16
    assert alignment.tolist() == [[1.0, 0.0]]
