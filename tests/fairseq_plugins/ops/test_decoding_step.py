"""A step of generation against the equations, with k hypotheses of each sentence."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fairseq_plugins.ops.cells import CELL_OPS
from fairseq_plugins.ops.decoding_step import DecodingStep, Sentences, sentences
from fairseq_plugins.ops.plain_recurrence import move

from .largest import LargestTensor

SENTENCES, SRC_LEN, HIDDEN, ATTENTION, SHARE = 3, 5, 4, 6, 7


class Case:
    """All that a step is given, of random numbers in float64; SHARE columns are the readout's."""

    def __init__(self, rnn_type: str, k: int, *, keys: float = 1.0, query: float = 1.0) -> None:
        torch.manual_seed(1)
        op, rows = CELL_OPS[rnn_type], SENTENCES * k
        self.rnn_type, self.k, self.gates_dim = rnn_type, k, op.num_gates * HIDDEN

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, dtype=torch.float64)

        self.keys = keys * normal(SENTENCES, SRC_LEN, ATTENTION)
        self.values = normal(SENTENCES, SRC_LEN, self.gates_dim + SHARE)
        self.mask = torch.zeros(SENTENCES, SRC_LEN, dtype=torch.bool)
        self.mask[0, 3:] = self.mask[1, :2] = True
        self.query_weight = query * normal(ATTENTION, HIDDEN)
        self.recurrent, self.bias = normal(self.gates_dim, HIDDEN), normal(self.gates_dim)
        self.energy = normal(ATTENTION)
        self.gates, self.hidden = normal(rows, self.gates_dim), normal(rows, HIDDEN).tanh()
        self.cell = normal(rows, HIDDEN) if op.has_cell else None

    def source(self) -> Sentences:
        return sentences(self.keys, self.values, self.mask)

    def fast(self, source: Sentences) -> tuple[Tensor | None, ...]:
        weight = torch.cat([self.query_weight, self.recurrent])
        bias = torch.cat([self.query_weight.new_zeros(ATTENTION), self.bias])
        step = DecodingStep(
            self.rnn_type, lambda hidden: functional.linear(hidden, weight, bias), self.energy
        )
        return step(source, self.gates.clone(), self.hidden, self.cell)

    def plain(self) -> tuple[Tensor | None, ...]:
        """Each row alone, with its own copy of the sentence, by the equations."""
        found = []
        for row in range(len(self.hidden)):
            n, one = row // self.k, slice(row, row + 1)
            query = functional.linear(self.hidden[row], self.query_weight)
            energies = torch.tanh(self.keys[n] + query) @ self.energy
            energies[self.mask[n]] = -torch.inf
            alignment = torch.softmax(energies, dim=0)
            mixed = alignment @ self.values[n]
            gates = (self.gates[row] + mixed[: self.gates_dim]).unsqueeze(0)
            recurrent = functional.linear(self.hidden[one], self.recurrent, self.bias)
            cell = None if self.cell is None else self.cell[one]
            hidden, cell = move(self.rnn_type, gates, recurrent, self.hidden[one], cell)
            found.append((hidden[0], cell, mixed[self.gates_dim :], alignment))
        hidden, cells, shares, alignments = zip(*found, strict=True)
        cell = None if cells[0] is None else torch.cat(cells)
        return torch.stack(hidden), cell, torch.stack(shares), torch.stack(alignments)


def assert_equal(case: Case, source: Sentences) -> None:
    for found, expected in zip(case.fast(source), case.plain(), strict=True):
        assert (found is None) == (expected is None)
        if found is not None:
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("rnn_type", CELL_OPS)
def test_each_hypothesis_makes_the_step_of_the_equations(rnn_type, k):
    case = Case(rnn_type, k)
    source = case.source()
    assert source.exponential
    assert_equal(case, source)


@pytest.mark.parametrize("rnn_type", CELL_OPS)
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(("keys", "query"), [(1000, 1), (1, 1000), (1000, 1000), (8, 1000)])
def test_keys_and_queries_of_any_size_make_the_same_step(rnn_type, k, keys, query):
    case = Case(rnn_type, k, keys=keys, query=query)
    source = case.source()
    assert source.exponential is (keys < 1000)
    assert_equal(case, source)


def test_one_query_out_of_range_leaves_the_others_as_they_are():
    case = Case("gru", 2)
    expected = case.fast(case.source())
    case.hidden[3] *= 1000
    assert_equal(case, case.source())
    others = [0, 1, 2, 4, 5]
    for found, other in zip(case.fast(case.source()), expected, strict=True):
        if found is not None:
            torch.testing.assert_close(found[others], other[others], rtol=1e-9, atol=1e-10)


def test_padding_gets_no_weight():
    case = Case("lstm", 2)
    *_, alignment = case.fast(case.source())
    assert (alignment[case.mask.repeat_interleave(2, dim=0)] == 0).all()
    torch.testing.assert_close(alignment.sum(1), torch.ones(6).double())


def test_in_single_precision_no_exponential_overflows():
    """e^{2 * 45} is no float32, though e^{2 * 45} e^{2 * -40} is one, and tells in the energies."""
    keys = torch.tensor([-40.0, 0.0]).view(1, 2, 1)
    source = sentences(keys, keys, torch.zeros(1, 2, dtype=torch.bool))
    assert source.exponential
    step = DecodingStep("rnn", lambda hidden: hidden, torch.tensor([1e4]))
    [[low, high]] = step.energies(source, torch.full((1, 1, 1), 45.0))[0].double()
    expected = 1e4 * (math.tanh(45) - math.tanh(5))
    assert float(high - low) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("query", [1, 1000])
def test_a_step_changes_nothing_that_the_next_one_reads(query):
    case = Case("lstm", 2, query=query)
    source = case.source()
    tensors = [*source[:3], case.hidden, case.cell]
    before = [tensor.clone() for tensor in tensors]
    case.fast(source)
    assert all(map(torch.equal, tensors, before))


def test_keys_in_single_precision_are_exponentials_up_to_their_bound_only():
    mask = torch.zeros(1, 1, dtype=torch.bool)
    for size, exponential in ((40.0, True), (40.01, False), (torch.nan, False)):
        keys = torch.full((1, 1, 1), size)
        source = sentences(keys, keys, mask)
        assert source.exponential is exponential
        assert source.keys.isfinite().all() or size != size
    assert not sentences(keys.to("meta"), keys, mask.to("meta")).exponential


def test_the_hypotheses_of_a_sentence_share_its_keys_and_values():
    """Of a size with k no values are made; the largest tensor is one hidden layer of k queries."""
    n, k, src_len, attention, values = 2, 8, 20, 4, 200
    source = sentences(
        torch.randn(n, src_len, attention),
        torch.randn(n, src_len, values),
        torch.zeros(n, src_len, dtype=torch.bool),
    )
    weight = torch.randn(attention + 12, 4)
    step = DecodingStep("gru", lambda hidden: hidden @ weight.t(), torch.randn(attention))
    gates, hidden = torch.randn(n * k, 12), torch.randn(n * k, 4)
    with LargestTensor() as largest:
        step(source, gates, hidden, None)
    assert largest.numel <= max(source.values.numel(), n * k * src_len * attention, n * k * values)
    assert largest.numel < n * k * src_len * values / 4
