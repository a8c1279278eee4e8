"""Sentences of different lengths for the tests of attention, with and without padding."""

import numpy as np
import torch

from fairseq_plugins.modules.alignment_history import (
    CoverageHistory,
    FertilityCoverageHistory,
    LocationHistory,
)
from fairseq_plugins.modules.attention_window import LocalPredictiveWindow
from fairseq_plugins.modules.attentions import build_attention

SIZES = {"query_dim": 6, "memory_dim": 6, "attention_dim": 4}
LENGTHS = (5, 3, 1, 8)
STEPS = 4

HISTORIES = {
    "none": lambda: None,
    "location": lambda: LocationHistory(4, channels=3, kernel_size=3),
    "coverage": lambda: CoverageHistory(4),
    "fertility-coverage": lambda: FertilityCoverageHistory(4, fertility=2.0),
}
WINDOWS = {"full": lambda: None, "local-p": lambda: LocalPredictiveWindow(6, width=2)}


def make_attention(name, history="none", window="full", *, seed=1, **options):
    """An attention in float64, its weights random and wide enough for uneven alignments."""
    torch.manual_seed(seed)
    heads = 2 if name == "multi-head-additive" else 1
    parts = {"history": HISTORIES[history](), "window": WINDOWS[window]()}
    attention = build_attention(name, **{**SIZES, "heads": heads, **parts, **options})
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter)
    return attention.double()


def make_sentences(lengths=LENGTHS, *, query_dim=6, memory_dim=6, seed=2):
    """Memories (length, memory_dim) and queries (STEPS, query_dim), one of each per sentence."""
    generator = torch.Generator().manual_seed(seed)
    options = {"generator": generator, "dtype": torch.double}
    memories = [torch.randn(length, memory_dim, **options) for length in lengths]
    queries = [torch.randn(STEPS, query_dim, **options) for _ in lengths]
    return memories, queries


def pad(memories, side, *, width=10):
    """Memory (batch, width, memory_dim), with large numbers on padding, and the mask."""
    memory = torch.full((len(memories), width, memories[0].size(1)), 100.0).to(memories[0])
    mask = torch.ones(len(memories), width, dtype=torch.bool)
    for row, real in enumerate(memories):
        start = {"left": width - len(real), "right": 0, "both": (width - len(real)) // 2}[side]
        memory[row, start : start + len(real)] = real
        mask[row, start : start + len(real)] = False
    return memory, mask


def attend(attention, memory, query, mask, state=None):
    """From memory (batch, src_len, memory_dim) and query (batch, tgt_len, query_dim)."""
    keys, values = attention.project_keys(memory), attention.project_values(memory)
    state = attention.init_state(keys, mask) if state is None else state
    return attention(query, keys, values, mask, state)


def attend_padded(attention, memories, queries, side="left"):
    """Per sentence: context (tgt_len, output_dim), alignment of the real tokens, of padding."""
    memory, mask = pad(memories, side)
    output = attend(attention, memory, torch.stack(queries), mask)
    return [
        (context, alignment[:, ~row_mask], alignment[:, row_mask])
        for context, alignment, row_mask in zip(*output[:2], mask, strict=True)
    ]


def weights(module):
    """All parameters by name, as NumPy arrays."""
    return {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}


def softmax(energies):
    exponents = np.exp(energies - energies.max())
    return exponents / exponents.sum()


def assert_follows(attention, energy, **sizes):
    """The alignments and contexts of padded batches are those of the plain formula, step by step.

    ``energy(query, memory, past)`` gives the energies (length,) of one step over one sentence
    without padding, from the alignments (length,) of the steps before.
    """
    memories, queries = make_sentences(**sizes)
    for side in ("left", "right"):
        found = attend_padded(attention, memories, queries, side)
        for memory, query, (context, alignment, padding) in zip(
            memories, queries, found, strict=True
        ):
            past = []
            for step in query.numpy():
                past.append(softmax(energy(step, memory.numpy(), past)))
            expected = np.stack(past)
            np.testing.assert_allclose(alignment.detach().numpy(), expected, atol=1e-12)
            np.testing.assert_allclose(
                context.detach().numpy(), expected @ memory.numpy(), atol=1e-12
            )
            assert not padding.any()
