"""Location and coverage inside the additive scores, against loops in NumPy."""

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.alignment_history import FertilityCoverageHistory, LocationHistory

from .attention_cases import (
    assert_follows,
    attend,
    make_attention,
    make_sentences,
    pad,
    weights,
)

ADDITIVE = ["additive", "normed-additive"]


def history_energies(attention, features):
    """v . tanh(W_s s + W_h h_j + b + features_j), in NumPy; v scaled where it is normalised."""
    w = weights(attention)
    energy = w["energy.weight"][0]
    if "energy_scale" in w:
        energy = w["energy_scale"] * energy / np.sqrt((energy**2).sum())

    def energies(query, memory, past):
        keys = memory @ w["key_proj.weight"].T + w["key_proj.bias"]
        extra = np.stack([features(w, j, keys, past) for j in range(len(keys))])
        return np.tanh(keys + w["query_proj.weight"] @ query + extra) @ energy

    return energies


def location_features(w, j, keys, past):
    """U f_j, where each filter of width 3 is laid on the last alignment with its centre on j."""
    last = past[-1] if past else np.zeros(len(keys))
    neighbours = [last[i] if 0 <= i < len(keys) else 0.0 for i in (j - 1, j, j + 1)]
    filtered = w["history.conv.weight"][:, 0] @ neighbours
    return w["history.feature_proj.weight"] @ filtered


def coverage_features(w, j, keys, past):
    """w_c cov_j"""
    return w["history.coverage_proj.weight"][:, 0] * sum(step[j] for step in past)


def fertility_features(w, j, keys, past):
    """w_c cov_j / (2 sigma(u . k_j))"""
    fertility = 2 / (1 + np.exp(-w["history.fertility_proj.weight"][0] @ keys[j]))
    return coverage_features(w, j, keys, past) / fertility


FEATURES = {
    "location": location_features,
    "coverage": coverage_features,
    "fertility-coverage": fertility_features,
}


@pytest.mark.parametrize("name", ADDITIVE)
@pytest.mark.parametrize("history", list(FEATURES))
def test_each_alignment_follows_from_those_before_it(name, history):
    attention = make_attention(name, history)
    assert_follows(attention, history_energies(attention, FEATURES[history]))


def remembered(history, entry):
    """What the state holds in ``entry`` after a few steps, and the alignments of these steps."""
    memory, mask = pad(make_sentences()[0], "left")
    query = torch.stack(make_sentences()[1])
    output = attend(make_attention("additive", history), memory, query, mask)
    return output.state[entry], output.alignment


def test_location_remembers_the_last_alignment():
    last, alignments = remembered("location", "previous_alignment")
    assert torch.equal(last, alignments[:, -1])


@pytest.mark.parametrize("history", ["coverage", "fertility-coverage"])
def test_coverage_remembers_the_sum_of_all_alignments(history):
    coverage, alignments = remembered(history, "coverage")
    torch.testing.assert_close(coverage, alignments.sum(dim=1))


@pytest.mark.parametrize("history", list(FEATURES))
def test_the_first_alignment_owes_nothing_to_the_past(history):
    memories, queries = make_sentences()
    memory, mask = pad(memories, "right")
    attention = make_attention("additive", history)
    first = torch.stack(queries)[:, :1]
    with_history = attend(attention, memory, first, mask).alignment
    attention.history = None
    torch.testing.assert_close(with_history, attend(attention, memory, first, mask).alignment)


def test_a_word_of_half_the_fertility_is_covered_twice_as_much():
    history = FertilityCoverageHistory(1, fertility=4.0)
    history.fertility_proj.weight.data.fill_(1.0)
    history.coverage_proj.weight.data.fill_(1.0)
    keys = torch.tensor([[[0.0], [40.0]]])  # fertilities 4 sigma(0) = 2 and 4 sigma(40) = 4
    state = history.update(history.init_state(keys), torch.tensor([[0.5, 0.5]]))
    torch.testing.assert_close(history.features(state), torch.tensor([[[0.25], [0.125]]]))


def test_a_vanishing_fertility_in_half_precision_gives_padding_no_nan():
    history = FertilityCoverageHistory(1, fertility=2.0).half()
    history.fertility_proj.weight.data.fill_(1.0)
    state = history.init_state(torch.full((1, 2, 1), -40.0, dtype=torch.half))
    assert not history.features(state).any()


@pytest.mark.parametrize("channels, kernel_size", [(4, 2), (4, 0), (0, 3)])
def test_a_filter_without_a_centre_is_refused(channels, kernel_size):
    with pytest.raises(ValueError, match=rf"channels {channels} and .*kernel-size {kernel_size}$"):
        LocationHistory(4, channels=channels, kernel_size=kernel_size)


@pytest.mark.parametrize("fertility", [0.0, -1.0])
def test_a_fertility_that_is_not_positive_is_refused(fertility):
    with pytest.raises(ValueError, match=rf"--attention-fertility is {fertility}"):
        FertilityCoverageHistory(4, fertility=fertility)
