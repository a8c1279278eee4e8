"""Outputs: a mixture against NumPy, and fairseq's own adaptive softmax inside fairseq's classes."""

import numpy as np
import pytest
import torch
from fairseq.criterions.adaptive_loss import AdaptiveLoss
from fairseq.data import Dictionary
from fairseq.models import FairseqDecoder
from fairseq.modules import AdaptiveSoftmax
from torch import nn

from fairseq_plugins.modules.initialise import initialise
from fairseq_plugins.modules.output import (
    MixtureOfSoftmaxes,
    OutputProjection,
    build_adaptive_softmax,
    parse_cutoff,
)

from ..builders import OLD_TORCH


def softmax(x):
    exponentials = np.exp(x)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def make_mixture(features_dim=4, vocabulary=9, mixtures=3):
    torch.manual_seed(1)
    return MixtureOfSoftmaxes(features_dim, vocabulary, mixtures).double()


def test_a_projection_is_a_product_with_the_weight_that_it_shares():
    shared = nn.Parameter(torch.randn(9, 4, dtype=torch.double))
    projection = OutputProjection(4, 9, shared)
    features = torch.randn(2, 5, 4, dtype=torch.double)
    assert projection.weight is shared
    np.testing.assert_allclose(
        projection(features).detach(), features.numpy() @ shared.detach().numpy().T
    )


def test_a_mixture_is_the_weighted_sum_of_its_softmaxes():
    mixture = make_mixture()
    features = torch.randn(2, 5, 4, dtype=torch.double)
    h = features.numpy()
    weight, prior, hidden, bias = (
        parameter.detach().numpy()
        for parameter in (
            mixture.weight,
            mixture.prior_proj.weight,
            mixture.mixture_proj.weight,
            mixture.mixture_proj.bias,
        )
    )
    expected = sum(
        softmax(h @ prior.T)[..., k : k + 1]
        * softmax(np.tanh(h @ hidden[4 * k : 4 * k + 4].T + bias[4 * k : 4 * k + 4]) @ weight.T)
        for k in range(3)
    )
    np.testing.assert_allclose(mixture(features).exp().detach(), expected, atol=1e-12)
    np.testing.assert_allclose(expected.sum(axis=-1), 1, atol=1e-12)


def test_fairseqs_softmax_leaves_a_mixture_as_it_is():
    mixture, decoder = make_mixture(), FairseqDecoder(Dictionary())
    log_probs = mixture(torch.randn(2, 5, 4, dtype=torch.double))
    again = decoder.get_normalized_probs((log_probs.float(), None), log_probs=True)
    torch.testing.assert_close(again, log_probs.float())


def test_mixtures_of_one_softmax_are_that_softmax():
    mixture = make_mixture(mixtures=2)
    for parameter in (mixture.mixture_proj.weight, mixture.mixture_proj.bias):
        parameter.data[4:] = parameter.data[:4]
    features = torch.randn(6, 4, dtype=torch.double)
    hidden = torch.tanh(
        nn.functional.linear(
            features, mixture.mixture_proj.weight[:4], mixture.mixture_proj.bias[:4]
        )
    )
    expected = torch.log_softmax(hidden @ mixture.weight.T, dim=-1)
    torch.testing.assert_close(mixture(features), expected)


def test_a_mixture_has_a_higher_rank_than_any_one_softmax():
    mixture = make_mixture(features_dim=3, vocabulary=20, mixtures=4)
    mixture.weight.data.mul_(5)
    features = 3 * torch.randn(50, 3, dtype=torch.double)
    single = torch.log_softmax(torch.tanh(features) @ mixture.weight.T, dim=-1)
    rank = torch.linalg.matrix_rank
    assert rank(single, rtol=1e-8) <= 3 + 1 < rank(mixture(features), rtol=1e-8)


def test_a_mixtures_gradients_are_those_of_finite_differences():
    features = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(make_mixture(), (features,))


def test_a_mixture_of_half_precision_is_summed_in_single_and_rounded_once():
    mixture = make_mixture(vocabulary=500).half()
    mixture.weight.data.normal_(std=3)
    features = torch.randn(8, 4, dtype=torch.half)
    hidden = torch.tanh(mixture.mixture_proj(features)).view(8, 3, 4)
    logits = (hidden @ mixture.weight.T).double()
    prior = mixture.prior_proj(features).double().softmax(-1)
    expected = (prior.unsqueeze(-1) * logits.softmax(-1)).sum(1).log()
    # Old torch rounds a product of halves otherwise, which moves the last bit.
    bits = 1 if OLD_TORCH else 0
    torch.testing.assert_close(mixture(features), expected.half(), rtol=bits * 2**-10, atol=0)


def test_a_mixture_shares_an_embeddings_weight_and_keeps_it_when_initialised():
    shared = nn.Parameter(torch.randn(9, 4))
    before = shared.detach().clone()
    mixture = MixtureOfSoftmaxes(4, 9, 2, shared).apply(initialise)
    assert mixture.weight is shared
    assert torch.equal(shared, before)


def test_fewer_than_two_mixtures_are_refused_quoting_the_number():
    with pytest.raises(ValueError, match="at least 2 of them, but was given 1$"):
        MixtureOfSoftmaxes(4, 9, 1)


@pytest.mark.parametrize(
    ("cutoff", "cuts"), [("5", [5]), ("5, 7", [5, 7]), (" 5,6,11 ", [5, 6, 11])]
)
def test_a_cutoff_is_its_numbers(cutoff, cuts):
    assert parse_cutoff(cutoff, 12) == cuts


@pytest.mark.parametrize(
    "cutoff",
    ["", "0", "4", "12", "13", "8,6", "6,6", "6,", "-6", "6e0", "1_0", "[6]", "²", "exit()"],
)
def test_a_bad_cutoff_is_refused_quoting_option_value_and_vocabulary(cutoff):
    with pytest.raises(ValueError) as error:
        build_adaptive_softmax(12, 16, cutoff)
    assert "--adaptive-softmax-cutoff" in str(error.value)
    assert repr(cutoff) in str(error.value) and "dictionary's 12," in str(error.value)


@pytest.mark.parametrize("factor", [0.5, 8, float("nan")])
def test_a_factor_that_leaves_a_tail_nothing_is_refused_quoting_both(factor):
    with pytest.raises(ValueError) as error:
        build_adaptive_softmax(12, 16, "6,8", factor=factor)
    assert f"({factor})" in str(error.value) and "(16)" in str(error.value)


class AdaptiveModel(nn.Module):
    """What fairseq's adaptive loss needs of a model: a decoder that returns features."""

    def __init__(self, dictionary, adaptive_softmax):
        super().__init__()
        self.decoder = FairseqDecoder(dictionary)
        self.decoder.adaptive_softmax = adaptive_softmax

    def forward(self, features):
        return features, None

    def get_targets(self, sample, net_output):
        return sample["target"]


def losses(adaptive_softmax, dictionary, features, target):
    """fairseq's own adaptive loss, and the same from fairseq's own log-probabilities."""
    model = AdaptiveModel(dictionary, adaptive_softmax).eval()
    criterion = AdaptiveLoss.__new__(AdaptiveLoss)  # its constructor asks for a task
    nn.Module.__init__(criterion)
    criterion.sentence_avg, criterion.padding_idx = False, dictionary.pad()
    sample = {"net_input": {"features": features}, "target": target}
    loss, _, _ = criterion(model, sample)
    log_probs = model.decoder.get_normalized_probs((features, None), log_probs=True)
    return loss.squeeze(), nn.functional.nll_loss(
        log_probs.flatten(0, 1), target.flatten(), ignore_index=dictionary.pad(), reduction="sum"
    )


DICTIONARY = Dictionary(extra_special_symbols=list("abcdefgh"))  # of 12 symbols
TARGETS = torch.tensor([[4, 5, 6, 7, 8, 2], [9, 10, 11, 2, 1, 1]])  # each word, and padding


@pytest.mark.parametrize("cutoff", ["6,9", "5", "11", "6,7,8"])
def test_the_loss_of_every_word_is_its_log_probability(cutoff):
    torch.manual_seed(1)
    adaptive = build_adaptive_softmax(len(DICTIONARY), 64, cutoff)
    features = torch.randn(2, 6, 64)
    loss, expected = losses(adaptive, DICTIONARY, features, TARGETS)
    torch.testing.assert_close(loss, expected)
    totals = adaptive.get_log_prob(features, None).exp().sum(-1)
    torch.testing.assert_close(totals, torch.ones(2, 6))


def test_fairseqs_own_class_still_forgets_the_second_word_of_a_tail():
    """Where this fails, fairseq is mended and ExactAdaptiveSoftmax can go."""
    torch.manual_seed(1)
    adaptive = AdaptiveSoftmax(len(DICTIONARY), 64, [6, 9], 0.0)
    loss, expected = losses(adaptive, DICTIONARY, torch.randn(2, 6, 64), TARGETS)
    assert loss < expected - 1


def test_its_log_probabilities_are_fairseqs_and_its_checkpoint_is():
    torch.manual_seed(1)
    ours = build_adaptive_softmax(len(DICTIONARY), 64, "6,9")
    fairseqs = AdaptiveSoftmax(len(DICTIONARY), 64, [6, 9], 0.0)
    fairseqs.load_state_dict(ours.state_dict())
    features = torch.randn(2, 6, 64)
    expected = fairseqs.get_log_prob(features, None)
    torch.testing.assert_close(ours.get_log_prob(features, None), expected)
    at_targets = fairseqs.get_log_prob(features, TARGETS).gather(-1, TARGETS.unsqueeze(-1))
    result = ours.get_log_prob(features, TARGETS).gather(-1, TARGETS.unsqueeze(-1))
    torch.testing.assert_close(result, at_targets)


def test_every_criterion_gives_the_gradients_of_the_adaptive_loss():
    torch.manual_seed(1)
    adaptive = build_adaptive_softmax(len(DICTIONARY), 64, "6,9")
    both = losses(adaptive, DICTIONARY, torch.randn(2, 6, 64), TARGETS)
    weights = list(adaptive.parameters())
    for ours, expected in zip(*(torch.autograd.grad(x, weights) for x in both), strict=True):
        torch.testing.assert_close(ours, expected)


def test_every_weight_of_an_adaptive_softmax_learns():
    torch.manual_seed(1)
    adaptive = build_adaptive_softmax(len(DICTIONARY), 64, "6,9")
    losses(adaptive, DICTIONARY, torch.randn(2, 6, 64), TARGETS)[0].backward()
    for parameter in adaptive.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.flatten(1).any(dim=1).all()
