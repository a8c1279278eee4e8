"""A step of attention in buffers against the formula and its gradient."""

import sys

import pytest
import torch
from torch import Tensor, autograd

from fairseq_plugins.ops import attention_step
from fairseq_plugins.ops.attention_step import SCORES, best_form, has_triton, make_step

from .largest import LargestTensor

BATCH, SRC_LEN, DIM, MEMORY, STEPS = 3, 5, 4, 6, 4
NAMES = ("queries", "keys", "energy", "values")


def draw(dtype: torch.dtype = torch.float64) -> tuple[dict[str, Tensor], Tensor]:
    """Queries, keys, energy vector and values; and a bias with padding on either side."""
    torch.manual_seed(1)
    shapes = ((STEPS, BATCH, DIM), (BATCH, SRC_LEN, DIM), (DIM,), (BATCH, SRC_LEN, MEMORY))
    tensors = (torch.randn(shape, dtype=torch.float64).to(dtype) for shape in shapes)
    bias = torch.zeros(BATCH, SRC_LEN, dtype=dtype)
    bias[0, 3:] = bias[1, :2] = -torch.inf
    return dict(zip(NAMES, tensors, strict=True)), bias


def formula(tensors: dict[str, Tensor], bias: Tensor) -> tuple[Tensor, Tensor]:
    """Alignments (STEPS, BATCH, SRC_LEN) and contexts (STEPS, BATCH, MEMORY)."""
    queries, keys, energy, values = tensors.values()
    hidden = torch.tanh(queries.unsqueeze(2) + keys)
    alignment = torch.softmax(torch.einsum("tbsd,d->tbs", hidden, energy) + bias, dim=-1)
    return alignment, torch.einsum("tbs,bsm->tbm", alignment, values)


def fast(form: str, tensors: dict[str, Tensor], bias: Tensor) -> tuple:
    """The step, its prepared queries, alignments and contexts."""
    queries, keys, energy, values = tensors.values()
    step = make_step(form, keys, energy, bias, values)
    queries = queries.clone()
    step.prepare(queries)
    alignments = torch.full((STEPS, BATCH, SRC_LEN), torch.nan, dtype=keys.dtype)
    contexts = torch.full((STEPS, BATCH, MEMORY), torch.nan, dtype=keys.dtype)
    for t in range(STEPS):
        step.forward(queries[t], alignments[t], contexts[t])
    return step, queries, alignments, contexts


@pytest.mark.parametrize("form", SCORES)
def test_alignments_and_contexts_are_those_of_the_formula(form):
    tensors, bias = draw()
    _, _, alignments, contexts = fast(form, tensors, bias)
    for found, expected in zip((alignments, contexts), formula(tensors, bias), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
    assert (alignments[:, bias.isinf()] == 0).all()


@pytest.mark.parametrize("of_alignment", [True, False])
@pytest.mark.parametrize("form", SCORES)
def test_gradients_are_those_of_autograd(form, of_alignment):
    tensors, bias = draw()
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in tensors.items()}
    outputs = formula(leaves, bias)
    d_alignments, d_contexts = (torch.randn_like(output) for output in outputs)
    if not of_alignment:
        d_alignments.zero_()
    expected = autograd.grad(outputs, list(leaves.values()), (d_alignments, d_contexts))

    step, queries, alignments, _ = fast(form, tensors, bias)
    step.start_backward()
    d_queries = torch.full_like(queries, torch.nan)
    for t in range(STEPS):
        d_alignment = d_alignments[t] if of_alignment else None
        step.backward(queries[t], alignments[t], d_contexts[t], d_alignment, d_queries[t])
    for found, other in zip((d_queries, *step.gradients()), expected[:3], strict=True):
        torch.testing.assert_close(found, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("form", SCORES)
def test_a_backward_step_leaves_what_it_reads(form):
    """Alignments and the gradients that come in are the caller's, read again after the loop."""
    tensors, bias = draw()
    step, queries, alignments, _ = fast(form, tensors, bias)
    step.start_backward()
    given = queries[0], alignments[0], torch.ones(BATCH, MEMORY).double(), alignments[1]
    before = [tensor.clone() for tensor in given]
    step.backward(*given, torch.empty(BATCH, DIM).double())
    assert all(map(torch.equal, given, before))


def test_exponentials_are_for_keys_within_their_range_on_a_cpu():
    keys = draw()[0]["keys"]
    assert best_form(keys) == best_form(keys.float()) == "exponential"
    keys[0, 0, 0] = 41
    assert best_form(keys) == "tanh"
    keys[0, 0, 0] = torch.nan
    assert best_form(keys) == "tanh"
    assert best_form(keys.to("meta")) == "tanh"


@pytest.mark.parametrize("installed", [True, False])
def test_triton_is_asked_for_without_being_needed(monkeypatch, installed):
    monkeypatch.setitem(sys.modules, "triton", sys if installed else None)
    attention_step.has_triton.cache_clear()
    try:
        assert has_triton() is installed
    finally:
        attention_step.has_triton.cache_clear()


@pytest.mark.parametrize("form", SCORES)
def test_no_step_makes_more_than_the_hidden_layer_of_one_query(form):
    """The buffer of the hidden layer is the largest there is, and it is of one query."""
    tensors, bias = draw(torch.float32)
    step = make_step(form, tensors["keys"], tensors["energy"], bias, tensors["values"])
    query, alignment = tensors["queries"][0], torch.empty(BATCH, SRC_LEN)
    context, d_query = torch.empty(BATCH, MEMORY), torch.empty(BATCH, DIM)
    with LargestTensor() as largest:
        step.prepare(query)
        step.forward(query, alignment, context)
        step.start_backward()
        step.backward(query, alignment, context, None, d_query)
    assert largest.numel <= max(tensors["keys"].numel(), tensors["values"].numel())
