"""The recurrence of our own against the plain one and against the library's kernel."""

import pytest
import torch
from torch import Tensor, autograd, nn

from fairseq_plugins.ops.cells import CELL_OPS
from fairseq_plugins.ops.plain_recurrence import plain_recurrence
from fairseq_plugins.ops.recurrence import Weights, recurrence

CELLS = tuple(CELL_OPS)
KERNELS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def draw(
    rnn_type: str, batch: int, steps: int, *, sizes: tuple[int, int] = (3, 4), dtype=torch.float64
) -> list[Tensor | None]:
    """Inputs, weights, first state and cell."""
    generator = torch.Generator().manual_seed(1)
    input_dim, dim = sizes
    op = CELL_OPS[rnn_type]
    gates = op.num_gates * dim

    def normal(*shape: int, size: float = 1.0) -> Tensor:
        tensor = size * torch.randn(shape, generator=generator, dtype=torch.float64)
        return tensor.to(dtype).requires_grad_()

    return [
        normal(steps, batch, input_dim),
        normal(gates, input_dim, size=input_dim**-0.5),
        normal(gates, dim, size=dim**-0.5),
        normal(gates),
        normal(gates),
        normal(batch, dim),
        normal(batch, dim) if op.has_cell else None,
    ]


def fast(rnn_type: str, tensors: list[Tensor | None], **options) -> tuple[Tensor, Tensor | None]:
    inputs, *weights, hidden, cell = tensors
    return recurrence(rnn_type, inputs, Weights(*weights), hidden, cell, **options)


def gradients(outputs: tuple[Tensor | None, ...], tensors: list[Tensor | None]) -> list[Tensor]:
    """Of a random linear function of all outputs."""
    generator = torch.Generator().manual_seed(2)
    present = [output for output in outputs if output is not None]
    factors = [torch.randn(o.shape, generator=generator).to(o.dtype) for o in present]
    total = sum((o * f).sum() for o, f in zip(present, factors, strict=True))
    return list(autograd.grad(total, [tensor for tensor in tensors if tensor is not None]))


@pytest.mark.parametrize("rnn_type", CELLS)
@pytest.mark.parametrize(
    ("shape", "sizes", "dtype", "tolerance"),
    [
        ((1, 1), (1, 1), torch.float64, 1e-11),
        ((3, 5), (3, 4), torch.float64, 1e-11),
        ((2, 200), (3, 4), torch.float64, 1e-10),
        ((20, 9), (64, 96), torch.float32, 1e-5),
        ((1, 60), (64, 96), torch.float32, 1e-5),
    ],
)
def test_fast_is_plain(rnn_type, shape, sizes, dtype, tolerance):
    tensors = draw(rnn_type, *shape, sizes=sizes, dtype=dtype)
    found, expected = fast(rnn_type, tensors), plain_recurrence(rnn_type, *tensors)
    pairs = [*zip(found, expected, strict=True)]
    pairs += zip(gradients(found, tensors), gradients(expected, tensors), strict=True)
    for ours, theirs in pairs:
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert float((ours - theirs).abs().max()) <= tolerance * float(theirs.abs().max())


@pytest.mark.parametrize("rnn_type", CELLS)
def test_fast_is_the_librarys_kernel(rnn_type):
    kernel = KERNELS[rnn_type](3, 4).double()
    inputs = torch.randn(6, 2, 3, dtype=torch.float64)
    zeros = torch.zeros(2, 4, dtype=torch.float64)
    weights = kernel.all_weights[0]
    states, _ = fast(rnn_type, [inputs, *weights, zeros, zeros if rnn_type == "lstm" else None])
    expected, _ = kernel(inputs)
    torch.testing.assert_close(states, expected)
    ours = autograd.grad(states.square().sum(), weights)
    theirs = autograd.grad(expected.square().sum(), weights)
    for gradient, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_gradients_are_those_of_finite_differences(rnn_type):
    tensors = draw(rnn_type, 2, 3, sizes=(2, 2))
    wanted = [tensor for tensor in tensors if tensor is not None]

    def function(*_) -> tuple[Tensor, ...]:
        return tuple(output for output in fast(rnn_type, tensors) if output is not None)

    assert autograd.gradcheck(function, wanted)
    assert autograd.gradgradcheck(function, wanted)


@pytest.mark.parametrize("rnn_type", CELLS)
def test_a_graph_that_is_retained_gives_the_same_gradients_twice(rnn_type):
    tensors = draw(rnn_type, 2, 4)
    total = fast(rnn_type, tensors)[0].sum()
    wanted = [tensor for tensor in tensors if tensor is not None]
    first = autograd.grad(total, wanted, retain_graph=True, allow_unused=True)
    second = autograd.grad(total, wanted, allow_unused=True)
    assert all(map(torch.equal, first, second))


@pytest.mark.parametrize("rnn_type", CELLS)
def test_products_in_bf16_are_near_and_states_of_float32(rnn_type):
    tensors = draw(rnn_type, 8, 10, sizes=(64, 96), dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        states, _ = fast(rnn_type, tensors, precision="bf16")
    expected, _ = fast(rnn_type, tensors)
    assert states.dtype == torch.float32
    assert 0 < float((states - expected).abs().max()) < 0.05
