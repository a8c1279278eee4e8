"""Gradients that can be differentiated again, for the arguments that want them."""

import pytest
import torch
from torch import Tensor, autograd

from fairseq_plugins.ops.differentiable import differentiable_gradients


def plain(kind: str, x: Tensor, y: Tensor | None, z: Tensor) -> tuple[Tensor | None, ...]:
    """Two outputs, of which the second does not know z; and one that is none."""
    assert kind == "kind"
    first = x.pow(3) * z if y is None else x.pow(3) * z + y
    return first, x.square(), None


def draw() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return tuple(torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(3))


def test_they_are_the_derivatives():
    x, y, z = draw()
    d_first, d_second = torch.randn(4).double(), torch.randn(4).double()
    found = differentiable_gradients(plain, "kind", (x, y, z), (d_first, d_second, None))
    expected = [3 * x**2 * z * d_first + 2 * x * d_second, d_first, x**3 * d_first]
    torch.testing.assert_close(found, [tensor.detach() for tensor in expected])


def test_they_have_derivatives_themselves_also_where_gradients_are_off():
    x, y, z = draw()
    d_first = torch.ones(4).double().requires_grad_()
    with torch.no_grad():
        found, _, _ = differentiable_gradients(plain, "kind", (x, y, z), (d_first, None, None))
    assert found.requires_grad
    d_x, d_z, d_d = autograd.grad(found.sum(), [x, z, d_first])
    torch.testing.assert_close(d_x, (6 * x * z).detach())
    torch.testing.assert_close(d_z, (3 * x**2).detach())
    torch.testing.assert_close(d_d, (3 * x**2 * z).detach())


@pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
def test_outputs_that_nobody_used_and_arguments_that_want_nothing_have_none(used):
    x, y, z = draw()
    d_outputs = tuple(torch.ones(4).double() if i in used else None for i in range(3))
    fixed = z.detach()
    found = differentiable_gradients(plain, "kind", (x, None, fixed), d_outputs)
    assert found[1:] == [None, None]
    expected = (0 in used) * 3 * x**2 * z + (1 in used) * 2 * x
    torch.testing.assert_close(found[0], expected)
    _, d_y, d_z = differentiable_gradients(plain, "kind", (x, y, z), d_outputs)
    assert (d_y is None) is (d_z is None) is (0 not in used)
