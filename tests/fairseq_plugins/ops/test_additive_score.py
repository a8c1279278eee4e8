"""Both scores against the formula and its gradient, and the bounds of the exponential one."""

import math

import pytest
import torch
from torch import Tensor, autograd

from fairseq_plugins.ops.additive_score import (
    MAX_EXPONENT,
    ExponentialScore,
    TanhScore,
    in_prepared_range,
    in_range,
)

from .largest import LargestTensor

SCORES = [TanhScore, ExponentialScore]
BATCH, SRC_LEN, DIM, QUERIES = 3, 5, 4, 6
Tensors = tuple[Tensor, Tensor, Tensor]


def draw(size: float = 1.0, dtype: torch.dtype = torch.float64) -> Tensors:
    """Queries (QUERIES, BATCH, DIM), keys and energy vector."""
    torch.manual_seed(1)
    queries = torch.randn(QUERIES, BATCH, DIM, dtype=torch.float64)
    keys = torch.randn(BATCH, SRC_LEN, DIM, dtype=torch.float64)
    energy = torch.randn(DIM, dtype=torch.float64)
    largest = max(float(queries.abs().max()), float(keys.abs().max()))
    return (queries * size / largest).to(dtype), (keys * size / largest).to(dtype), energy.to(dtype)


def formula(queries: Tensor, keys: Tensor, energy: Tensor) -> Tensor:
    """v' tanh(q + k) of every query, by its definition, (QUERIES, BATCH, SRC_LEN)."""
    return torch.einsum("qbsd,d->qbs", torch.tanh(queries.unsqueeze(2) + keys), energy)


def energies(score: TanhScore, queries: Tensor) -> Tensor:
    prepared = queries.clone()
    score.prepare(prepared)
    out = torch.full((len(queries), BATCH, SRC_LEN), float("nan"), dtype=queries.dtype)
    for query, row in zip(prepared, out, strict=True):
        score.forward(query, row)
    return out + score.offset * score.energy.sum()


@pytest.mark.parametrize("size", [1e-3, 1.0, 10.0, MAX_EXPONENT])
@pytest.mark.parametrize("kind", SCORES)
def test_energies_are_those_of_the_formula_up_to_the_bound(kind, size):
    for dtype, tolerance in ((torch.float64, 1e-11), (torch.float32, 2e-6)):
        queries, keys, energy = draw(size, dtype)
        found = energies(kind(keys, energy), queries)
        expected = formula(queries.double(), keys.double(), energy.double())
        assert float((found - expected).abs().max()) <= tolerance * float(energy.abs().sum())


@pytest.mark.parametrize("sign", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_at_both_bounds_together_the_exponential_is_still_the_tanh(sign):
    """The sum of a query and a key at +-40 is +-80 or 0, in float32."""
    queries = torch.full((1, 1, 1), sign[0] * MAX_EXPONENT)
    keys = torch.full((1, 1, 1), sign[1] * MAX_EXPONENT)
    score, out = ExponentialScore(keys, torch.ones(1)), torch.zeros(1, 1)
    score.prepare(queries)
    score.forward(queries[0], out)
    expected = math.tanh((sign[0] + sign[1]) * MAX_EXPONENT)
    assert float(out) + 1 == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [1e-3, 1.0, 10.0])
@pytest.mark.parametrize("kind", SCORES)
def test_gradients_summed_over_queries_are_those_of_autograd(kind, size):
    tensors = draw(size)
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    d_energies = torch.randn(QUERIES, BATCH, SRC_LEN, dtype=torch.float64)
    expected = autograd.grad(formula(*leaves), leaves, d_energies)

    queries, keys, energy = tensors
    score = kind(keys, energy)
    prepared = queries.clone()
    score.prepare(prepared)
    score.start_backward()
    d_queries = torch.full_like(queries, float("nan"))
    for query, d_row, d_query in zip(prepared, d_energies, d_queries, strict=True):
        score.backward(query, d_row, d_query)
    d_keys, d_energy = score.gradients()
    d_energy = d_energy + score.offset * d_energies.sum()
    for found, other in zip((d_queries, d_keys, d_energy), expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", SCORES)
def test_a_second_backward_pass_begins_anew(kind):
    queries, keys, energy = draw()
    score = kind(keys, energy)
    score.prepare(queries)
    d_energies, d_query = torch.ones(BATCH, SRC_LEN).double(), torch.empty(BATCH, DIM).double()
    found = []
    for _ in range(2):
        score.start_backward()
        score.backward(queries[0], d_energies, d_query)
        found.append([tensor.clone() for tensor in score.gradients()])
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize("kind", SCORES)
def test_the_callers_keys_and_energy_vector_stay_as_they_are(kind):
    queries, keys, energy = draw()
    before = keys.clone(), energy.clone()
    score = kind(keys, energy)
    energies(score, queries)
    score.start_backward()
    score.backward(
        queries[0], torch.ones(BATCH, SRC_LEN).double(), torch.empty(BATCH, DIM).double()
    )
    score.gradients()
    assert torch.equal(keys, before[0]) and torch.equal(energy, before[1])


ABOVE = MAX_EXPONENT * 1.0001
BOUNDS = [
    (MAX_EXPONENT, True),
    (-MAX_EXPONENT, True),
    (ABOVE, False),
    (-ABOVE, False),
    (math.inf, False),
    (-math.inf, False),
    (math.nan, False),
]


@pytest.mark.parametrize(("extreme", "inside"), BOUNDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_number_beyond_the_bound_rules_the_exponentials_out(extreme, inside, dtype):
    vectors = torch.zeros(2, 3, 4, dtype=dtype)
    vectors[1, 2, 0] = extreme
    assert in_range(vectors) is inside


@pytest.mark.parametrize(
    ("extreme", "inside"), [(0.9999 * x, True) if fits else (x, False) for x, fits in BOUNDS]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_prepared_queries_tell_the_same(extreme, inside, dtype):
    queries = torch.zeros(2, 3, 4, dtype=dtype)
    queries[1, 2, 0] = extreme
    score = ExponentialScore(torch.zeros(2, 3, 4, dtype=dtype), torch.ones(4, dtype=dtype))
    score.prepare(queries)
    assert in_prepared_range(queries) is inside


def test_nothing_of_the_keys_size_is_made_from_query_to_query():
    torch.manual_seed(1)
    keys, energy = torch.randn(8, 20, 32), torch.randn(32)
    query, out, d_query = torch.randn(8, 32), torch.empty(8, 20), torch.empty(8, 32)
    for kind in SCORES:
        score = kind(keys, energy)
        score.start_backward()
        size, held = keys.numel(), {score.keys, score.hidden, score.d_keys}
        before = {tensor.data_ptr() for tensor in held}
        with LargestTensor() as largest:
            score.forward(query, out)
            score.backward(query, out, d_query)
        assert largest.numel == size  # the buffers themselves
        assert {t.data_ptr() for t in (score.keys, score.hidden, score.d_keys)} == before
