"""Scores, histories, windows and copies."""

from collections.abc import Callable

import numpy as np

from .maths import Matrix, Vector, Weights, convolve, sigmoid, softmax

NAME = "decoder.attention"


def additive(
    weights: Weights, query: Vector, memory: Matrix, features: Matrix | None = None
) -> Vector:
    """e_j = v' tanh(W_a s + U_a h_j): Bahdanau et al. (2015), A.1.2; a bias b beside it.

    The ``concat`` of Luong et al. (2015) is this with W_a = [W, U] in one. ``features`` f_j of
    earlier alignments are a further summand: Chorowski et al. (2015), eq. 9.
    """
    energies = []
    for j, h in enumerate(memory):
        hidden = weights.linear(f"{NAME}.query_proj", query) + weights.linear(f"{NAME}.key_proj", h)
        hidden = hidden if features is None else hidden + features[j]
        energies.append(weights[f"{NAME}.energy.weight"][0] @ np.tanh(hidden))
    return np.array(energies)


def normed_additive(
    weights: Weights, query: Vector, memory: Matrix, features: Matrix | None = None
) -> Vector:
    """The same with v = g v' / |v'|: Salimans and Kingma (2016), eq. 2."""
    v = weights[f"{NAME}.energy.weight"][0]
    scale = weights[f"{NAME}.energy_scale"][0] / np.sqrt((v**2).sum())
    return scale * additive(weights, query, memory, features)


def dot(weights: Weights, query: Vector, memory: Matrix, features: None = None) -> Vector:
    """e_j = s' h_j: Luong et al. (2015), section 3.1; Gehring et al. (2017a), section 2."""
    return np.array([query @ h for h in memory])


def scaled_dot(weights: Weights, query: Vector, memory: Matrix, features: None = None) -> Vector:
    """e_j = s' h_j / sqrt(d): Vaswani et al. (2017), eq. 1."""
    return dot(weights, query, memory) / np.sqrt(len(query))


def general(weights: Weights, query: Vector, memory: Matrix, features: None = None) -> Vector:
    """e_j = s' W_a h_j: Luong et al. (2015), section 3.1."""
    return np.array([query @ weights[f"{NAME}.key_proj.weight"] @ h for h in memory])


SCORES = {
    "additive": additive,
    "normed-additive": normed_additive,
    "dot": dot,
    "scaled-dot": scaled_dot,
    "general": general,
}


def multi_head(
    weights: Weights,
    query: Vector,
    memory: Matrix,
    heads: int,
    normalise: Callable[[Vector], Vector] = softmax,
) -> tuple[Vector, Vector]:
    """Context and mean alignment of several additive heads.

    The heads of Vaswani et al. (2017, section 3.2.2) with the additive score in each, as Chen et
    al. (2018, section 4.1) say of RNMT+: each has its own part of every projection.
    """
    names = ("query_proj.weight", "key_proj.weight", "key_proj.bias", "value_proj.weight")
    w_q, w_k, b_k, w_v = (np.split(weights[f"{NAME}.{name}"], heads) for name in names)
    contexts, alignments = [], []
    for head in range(heads):
        v = weights[f"{NAME}.energy"][head]
        energies = [v @ np.tanh(w_q[head] @ query + w_k[head] @ h + b_k[head]) for h in memory]
        alignment = normalise(np.array(energies))
        alignments.append(alignment)
        contexts.append(sum(a * (w_v[head] @ h) for a, h in zip(alignment, memory, strict=True)))
    context = weights.linear(f"{NAME}.output_proj", np.concatenate(contexts))
    return context, np.mean(alignments, axis=0)


def local_p(weights: Weights, query: Vector, energies: Vector, width: float) -> Vector:
    """The predictive alignment of Luong et al. (2015), eq. 9 and 10, made to sum to 1.

    p = S sigmoid(v' tanh(W s)); a_j = softmax(e)_j exp(-(j - p)^2 / 2 sigma^2) for |j - p| <= D,
    the softmax over these j only, sigma = D / 2. The paper leaves the sum below 1.
    """
    hidden = np.tanh(weights[f"{NAME}.window.query_proj.weight"] @ query)
    centre = len(energies) * sigmoid(weights[f"{NAME}.window.position.weight"][0] @ hidden)
    inside = [j for j in range(len(energies)) if abs(j - centre) <= width]
    alignment = np.zeros(len(energies))
    alignment[inside] = softmax(energies[inside])
    alignment *= np.exp(-((np.arange(len(energies)) - centre) ** 2) / (2 * (width / 2) ** 2))
    return alignment / alignment.sum()


def location_features(weights: Weights, previous: Vector) -> Matrix:
    """U f_j with f = F * a_{t-1}: Chorowski et al. (2015), eq. 8."""
    filtered = convolve(previous[:, None], weights[f"{NAME}.history.conv.weight"])
    return filtered @ weights[f"{NAME}.history.feature_proj.weight"].T


def coverage_features(weights: Weights, past: Vector) -> Matrix:
    """w_c cov_j with cov = the sum of earlier alignments: See et al. (2017), eq. 10 and 11."""
    return np.outer(past, weights[f"{NAME}.history.coverage_proj.weight"][:, 0])


def fertilities(weights: Weights, memory: Matrix, largest: float) -> Vector:
    """Phi_j = N sigmoid(u' k_j): Tu et al. (2016), section 3.1, there of h_j in place of k_j."""
    u = weights[f"{NAME}.history.fertility_proj.weight"][0]
    return np.array([largest * sigmoid(u @ weights.linear(f"{NAME}.key_proj", h)) for h in memory])


def copying(
    weights: Weights,
    generated: Vector,
    inputs: list[Vector],
    alignment: Vector,
    source: list[int],
) -> Vector:
    """P(w) = p_gen P_vocab(w) + (1 - p_gen) sum_{x_j = w} a_j: See et al. (2017), eq. 8 and 9.

    ``source`` holds the words as the target dictionary numbers them.
    """
    [gate] = sigmoid(weights.linear("decoder.pointer.gate", np.concatenate(inputs)))
    mixed = gate * generated
    for word, share in zip(source, alignment, strict=True):
        mixed[word] += (1 - gate) * share
    return mixed
