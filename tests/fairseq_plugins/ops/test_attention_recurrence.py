"""The fast recurrence against the plain one, which is written from the equations."""

import gc
import itertools
import weakref

import pytest
import torch
from torch import Tensor, autograd

from fairseq_plugins.ops import attention_recurrence as module
from fairseq_plugins.ops.attention_recurrence import Recurrence, Weights, attention_recurrence
from fairseq_plugins.ops.cells import CELL_OPS
from fairseq_plugins.ops.plain_recurrence import plain_attention_recurrence

from .largest import LargestTensor

CELLS = tuple(CELL_OPS)


def draw(
    rnn_type: str,
    batch: int,
    steps: int,
    src_len: int,
    *,
    sizes: tuple[int, int, int] = (5, 4, 6),
    scale: float = 1.0,
    padding: bool = True,
    dtype: torch.dtype = torch.float64,
    seed: int = 1,
) -> dict[str, Tensor | None]:
    """The tensors of a recurrence; each row has a word at least."""
    generator = torch.Generator().manual_seed(seed)
    hidden, attention, memory = sizes
    gates = CELL_OPS[rnn_type].num_gates * hidden

    def normal(*shape: int, size: float = 1.0) -> Tensor:
        tensor = size * torch.randn(shape, generator=generator, dtype=torch.float64)
        return tensor.to(dtype).requires_grad_()

    lengths = torch.randint(1, src_len + 1, (batch, 1), generator=generator)
    mask = torch.arange(src_len) >= lengths if padding else torch.zeros(batch, src_len).bool()
    bias = torch.zeros(batch, src_len, dtype=dtype).masked_fill(mask, float("-inf"))
    is_lstm = CELL_OPS[rnn_type].has_cell
    return {
        "words": normal(steps, batch, 3),
        "keys": normal(batch, src_len, attention, size=scale),
        "values": normal(batch, src_len, memory),
        "bias": bias,
        "input": normal(gates, 3),
        "input_bias": normal(gates),
        "query": normal(attention, hidden, size=scale * hidden**-0.5),
        "energy": normal(attention),
        "context": normal(gates, memory, size=memory**-0.5),
        "recurrent": normal(gates, hidden, size=hidden**-0.5),
        "recurrent_bias": normal(gates),
        "hidden": normal(batch, hidden).tanh().detach().requires_grad_(),
        "cell": normal(batch, hidden) if is_lstm else None,
    }


def fast(rnn_type: str, tensors: dict[str, Tensor | None], **options) -> Recurrence:
    words, keys, values, bias, *weights, hidden, cell = tensors.values()
    mask = bias.isinf()
    return attention_recurrence(
        rnn_type, words, keys, values, mask, Weights(*weights), hidden, cell, **options
    )


def plain(rnn_type: str, tensors: dict[str, Tensor | None]) -> Recurrence:
    return Recurrence(*plain_attention_recurrence(rnn_type, *tensors.values()))


def gradients(
    outputs: Recurrence, tensors: dict[str, Tensor | None], seed: int = 3
) -> list[Tensor]:
    """Of a random linear function of all outputs."""
    generator = torch.Generator().manual_seed(seed)
    total = 0
    for output in outputs:
        if output is not None:
            factor = torch.randn(output.shape, generator=generator, dtype=torch.float64)
            total = total + (output * factor.to(output.dtype)).sum()
    wanted = [tensor for tensor in tensors.values() if tensor is not None and tensor.requires_grad]
    return list(autograd.grad(total, wanted))


def assert_close(found: Tensor, expected: Tensor, relative: float, floor: float = 1e-30) -> None:
    """Relative to the largest number: single ones may cancel."""
    scale = max(float(expected.abs().max()), floor)
    assert float((found - expected).abs().max()) <= relative * scale


def assert_equal_runs(
    rnn_type: str, tensors: dict[str, Tensor | None], forward: float, backward: float
) -> None:
    found, expected = fast(rnn_type, tensors), plain(rnn_type, tensors)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.shape == theirs.shape
            assert_close(ours, theirs, forward)
    found, expected = gradients(found, tensors), gradients(expected, tensors)
    # Where everything is saturated a gradient is a sum of what is left of others.
    floor = 1e-2 * max(float(gradient.abs().max()) for gradient in expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs, backward, floor)


@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize(
    ("batch", "steps", "src_len"),
    [(1, 1, 1), (1, 7, 1), (2, 1, 9), (3, 4, 5), (5, 20, 3), (2, 60, 90), (4, 200, 11)],
)
def test_fast_is_plain_in_double_precision(rnn_type, batch, steps, src_len):
    assert_equal_runs(rnn_type, draw(rnn_type, batch, steps, src_len), 1e-10, 1e-9)


@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize(
    ("batch", "steps", "src_len"), [(1, 3, 4), (20, 12, 15), (80, 6, 25), (3, 100, 200)]
)
def test_fast_is_plain_in_single_precision_at_sizes_where_weights_are_packed(
    rnn_type, batch, steps, src_len
):
    sizes = (96, 64, 128)
    tensors = draw(rnn_type, batch, steps, src_len, sizes=sizes, scale=0.5, dtype=torch.float32)
    assert_equal_runs(rnn_type, tensors, 1e-5, 1e-4)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_gradients_are_those_of_finite_differences(rnn_type):
    tensors = draw(rnn_type, 2, 3, 4, sizes=(2, 3, 2))
    wanted = [tensor for tensor in tensors.values() if tensor is not None and tensor.requires_grad]

    def function(*_) -> tuple[Tensor, ...]:
        return tuple(output for output in fast(rnn_type, tensors) if output is not None)

    assert autograd.gradcheck(function, wanted, atol=1e-6)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_the_backward_pass_can_itself_be_differentiated(rnn_type):
    tensors = draw(rnn_type, 2, 2, 3, sizes=(2, 2, 2))
    wanted = [tensor for tensor in tensors.values() if tensor is not None and tensor.requires_grad]

    def function(*_) -> tuple[Tensor, ...]:
        return tuple(output for output in fast(rnn_type, tensors) if output is not None)

    assert autograd.gradgradcheck(function, wanted, atol=1e-5)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_a_graph_that_is_retained_gives_the_same_gradients_twice(rnn_type):
    tensors = draw(rnn_type, 2, 4, 3)
    total = sum(output.sum() for output in fast(rnn_type, tensors) if output is not None)
    wanted = [tensor for tensor in tensors.values() if tensor is not None and tensor.requires_grad]
    first = autograd.grad(total, wanted, retain_graph=True)
    second = autograd.grad(total, wanted)
    assert all(map(torch.equal, first, second))


def test_a_graph_is_freed_without_the_garbage_collector():
    tensors = draw("lstm", 2, 4, 3)
    gc.collect()
    gc.disable()
    try:
        outputs = fast("lstm", tensors)
        nodes = [weakref.ref(output.grad_fn) for output in outputs]
        del outputs
        assert not any(node() for node in nodes)
    finally:
        gc.enable()


def test_a_second_backward_pass_through_a_graph_that_is_gone_says_so():
    tensors = draw("gru", 2, 4, 3)
    total = fast("gru", tensors).states.sum()
    total.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        total.backward()


@pytest.mark.parametrize("output", ["states", "contexts", "alignments", "last_cell"])
def test_outputs_that_are_not_used_need_no_gradient(output):
    tensors = draw("lstm", 3, 4, 5)
    wanted = [tensors["keys"], tensors["words"]]
    found, expected = (
        autograd.grad(getattr(run("lstm", tensors), output).square().sum(), wanted)
        for run in (fast, plain)
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs, 1e-9)


def forms(monkeypatch) -> list[str]:
    """Which form of the attention each loop takes."""
    taken = []
    loop = module._loop

    def spy(op, form, *rest):
        taken.append(form)
        return loop(op, form, *rest)

    monkeypatch.setattr(module, "_loop", spy)
    return taken


@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize("large", ["keys", "query"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_large_keys_and_queries_take_the_tanh(monkeypatch, rnn_type, large, dtype):
    taken = forms(monkeypatch)
    tensors = draw(rnn_type, 3, 4, 5, dtype=dtype)
    with torch.no_grad():
        tensors[large] *= 300
    tolerance = (1e-5, 1e-4) if dtype == torch.float32 else (1e-10, 1e-9)
    assert_equal_runs(rnn_type, tensors, *tolerance)
    assert taken[-1] == "tanh"


def test_keys_and_queries_within_the_range_take_the_exponentials(monkeypatch):
    taken = forms(monkeypatch)
    tensors = draw("gru", 3, 4, 5, dtype=torch.float32)
    with torch.no_grad():
        tensors["keys"] *= 39 / tensors["keys"].abs().max()
    assert_equal_runs("gru", tensors, 1e-5, 1e-4)
    assert taken == ["exponential"]


@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize("size", [1e4, 1e18, 1e36])
def test_extreme_inputs_give_numbers(rnn_type, size):
    tensors = draw(rnn_type, 2, 3, 4, dtype=torch.float32)
    with torch.no_grad():
        for name in ("keys", "words", "query"):
            tensors[name] *= size / tensors[name].abs().max()
    found = fast(rnn_type, tensors)
    assert all(output.isfinite().all() for output in found if output is not None)
    total = found.states.sum() + found.contexts.sum()
    wanted = [tensors[name] for name in ("words", "keys", "values", "energy", "hidden")]
    assert all(gradient.isfinite().all() for gradient in autograd.grad(total, wanted))


def test_a_key_that_is_no_number_stays_visible():
    tensors = draw("gru", 2, 3, 4, padding=False)
    with torch.no_grad():
        tensors["keys"][0, 0, 0] = float("nan")
    states = fast("gru", tensors).states
    assert states[:, 0].isnan().all()
    assert states[:, 1].isfinite().all()


@pytest.mark.parametrize("rnn_type", CELLS)
def test_padding_gets_no_weight_and_no_gradient(rnn_type):
    tensors = draw(rnn_type, 4, 5, 6)
    mask = tensors["bias"].isinf()
    found = fast(rnn_type, tensors)
    assert (found.alignments.transpose(0, 1).transpose(1, 2)[mask] == 0).all()
    d_keys, d_values = autograd.grad(
        found.states.square().sum(), [tensors["keys"], tensors["values"]]
    )
    assert (d_keys[mask] == 0).all()
    assert (d_values[mask] == 0).all()


@pytest.mark.parametrize("rnn_type", CELLS)
def test_a_loop_under_autocast_computes_in_single_precision(rnn_type):
    tensors = draw(rnn_type, 3, 4, 5, dtype=torch.float32)
    expected = fast(rnn_type, tensors)
    with torch.autocast("cpu", torch.bfloat16):
        found = fast(rnn_type, tensors)
    assert found.states.dtype == torch.float32
    assert torch.equal(found.states, expected.states)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_products_in_bf16_are_near(rnn_type):
    tensors = draw(rnn_type, 8, 10, 12, sizes=(96, 64, 128), scale=0.5, dtype=torch.float32)
    found, expected = fast(rnn_type, tensors, precision="bf16"), fast(rnn_type, tensors)
    assert not torch.equal(found.states, expected.states)
    assert_close(found.states, expected.states, 0.05)
    pairs = zip(gradients(found, tensors), gradients(expected, tensors), strict=True)
    assert all(float((a - b).norm()) <= 0.05 * float(b.norm()) for a, b in pairs)


def test_nothing_of_the_size_of_source_times_target_times_hidden_layer_is_made():
    steps, batch, src_len, attention = 40, 2, 50, 64
    tensors = draw("lstm", batch, steps, src_len, sizes=(8, attention, 8), dtype=torch.float32)
    with LargestTensor() as largest:
        fast("lstm", tensors).states.sum().backward()
    assert largest.numel < steps * batch * src_len * attention / 4


@pytest.mark.parametrize(("rnn_type", "grad"), itertools.product(CELLS, [True, False]))
def test_without_gradients_the_numbers_are_the_same(rnn_type, grad):
    tensors = draw(rnn_type, 2, 3, 4)
    with torch.set_grad_enabled(grad):
        states = fast(rnn_type, tensors).states
    assert states.requires_grad is grad
    assert_close(states.detach(), plain(rnn_type, tensors).states.detach(), 1e-12)
