"""The window of local-p against NumPy."""

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.attention_window import LocalPredictiveWindow

from .attention_cases import assert_follows, attend, make_attention, make_sentences, pad, weights

WIDTH = 2  # of attention_cases


def centre(w, query, length):
    """p_t = S sigma(v_p . tanh(W_p s_t)), in NumPy."""
    hidden = np.tanh(w["window.query_proj.weight"] @ query)
    return length / (1 + np.exp(-w["window.position.weight"][0] @ hidden))


def gaussian(w, query, length):
    """exp(-(j - p_t)^2 / (2 sigma^2)) for each j within D of p_t, else 0; sigma = D / 2."""
    distance = np.arange(length) - centre(w, query, length)
    return np.where(np.abs(distance) <= WIDTH, np.exp(-(distance**2) / (2 * (WIDTH / 2) ** 2)), 0.0)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_alignment_is_the_softmax_times_the_gaussian_normalised_again(temperature):
    attention = make_attention("dot", window="local-p", temperature=temperature)
    w = weights(attention)

    def energies(query, memory, past):
        with np.errstate(divide="ignore"):  # the logarithm of 0
            window = np.log(gaussian(w, query, len(memory)))
        return memory @ query / temperature + window

    assert_follows(attention, energies)


def test_where_the_energies_are_equal_the_alignment_is_the_gaussian():
    attention = make_attention("dot", window="local-p")
    memories, queries = make_sentences()
    memory, mask = pad([torch.zeros_like(memory) for memory in memories], "left")
    memory = memory.masked_fill(~mask.unsqueeze(-1), 0.0)
    alignment = attend(attention, memory, torch.stack(queries), mask).alignment.detach().numpy()
    for row, real in enumerate(memories):
        for t, query in enumerate(queries[row].numpy()):
            window = gaussian(weights(attention), query, len(real))
            np.testing.assert_allclose(
                alignment[row, t, ~mask[row].numpy()], window / window.sum(), atol=1e-12
            )


@pytest.mark.parametrize("side", ["left", "right", "both"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_centre_at_the_very_edge_still_has_a_token_to_look_at(side, sign):
    attention = make_attention("dot", window="local-p")
    attention.window = LocalPredictiveWindow(6, width=1).double()
    attention.window.query_proj.weight.data = torch.eye(6, dtype=torch.double)
    attention.window.position.weight.data.fill_(sign * 1e6)
    memories, queries = make_sentences()
    memory, mask = pad(memories, side)
    alignment = attend(attention, memory, torch.stack(queries).abs() + 1, mask).alignment
    for row, real in enumerate(~mask):
        positions = real.nonzero().flatten()
        edge = positions[0] if sign < 0 else positions[-1]
        assert (alignment[row, :, edge] > 0).all()
    torch.testing.assert_close(alignment.sum(dim=-1), torch.ones(4, 4, dtype=torch.double))


def test_a_half_precision_centre_is_found_among_thousands_of_tokens():
    window = LocalPredictiveWindow(1, width=1).half()
    window.query_proj.weight.data.fill_(1.0)
    window.position.weight.data.fill_(0.0)  # sigma(0) = 1/2: the middle
    mask = torch.zeros(1, 8194, dtype=torch.bool)
    logs = window(torch.zeros(1, 1, 1, dtype=torch.half), mask)
    assert logs.dtype == torch.half
    assert torch.isfinite(logs[0, 0]).nonzero().flatten().tolist() == [4096, 4097, 4098]
    assert logs[0, 0, 4096:4099].tolist() == [-2.0, 0.0, -2.0]


@pytest.mark.parametrize("width", [0, -3])
def test_a_window_that_could_be_empty_is_refused(width):
    with pytest.raises(ValueError, match=rf"\({width}\) must be at least 1"):
        LocalPredictiveWindow(4, width=width)
