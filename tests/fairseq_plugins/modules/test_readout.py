"""Readouts against NumPy."""

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.readout import READOUTS, StateReadout

DIMS = (3, 4, 2)


def affine(readout, inputs):
    """The readout's own linear map, in NumPy."""
    weight, bias = (p.detach().numpy() for p in (readout.proj.weight, readout.proj.bias))
    return np.concatenate([x.numpy() for x in inputs], axis=-1) @ weight.T + bias


def pairwise_maximum(x):
    return np.maximum(x[..., 0::2], x[..., 1::2])  # t~_{2k-1} and t~_{2k}, counted from 1


@pytest.mark.parametrize(
    ("name", "formula"),
    [("linear", lambda x: x), ("tanh", np.tanh), ("maxout", pairwise_maximum)],
)
@pytest.mark.parametrize("steps", [(), (7,)])
def test_features_are_the_formula_of_the_joined_inputs(name, formula, steps):
    torch.manual_seed(1)
    readout = READOUTS[name](DIMS, 5).double()
    inputs = [torch.randn(6, *steps, dim, dtype=torch.double) for dim in DIMS]
    np.testing.assert_allclose(
        readout(*inputs).detach().numpy(), formula(affine(readout, inputs)), atol=1e-12
    )


@pytest.mark.parametrize("name", ["linear", "tanh", "maxout"])
def test_gradients_are_those_of_finite_differences(name):
    torch.manual_seed(1)
    readout = READOUTS[name](DIMS, 5).double()
    inputs = tuple(torch.randn(2, d, dtype=torch.double, requires_grad=True) for d in DIMS)
    assert torch.autograd.gradcheck(readout, inputs)


def test_the_readout_state_is_the_state_and_learns_nothing():
    readout = StateReadout([3], 3)
    state = torch.randn(2, 5, 3)
    assert readout(state) is state
    assert not list(readout.parameters())


@pytest.mark.parametrize(("dims", "output_dim"), [([3], 4), ([3, 3], 3)])
def test_the_readout_state_refuses_other_sizes_quoting_both(dims, output_dim):
    with pytest.raises(ValueError) as error:
        StateReadout(dims, output_dim)
    assert str(dims) in str(error.value) and f"({output_dim})" in str(error.value)


@pytest.mark.parametrize("name", READOUTS)
@pytest.mark.parametrize(("dims", "output_dim"), [([], 4), ([3, 0], 4), ([3], 0)])
def test_every_readout_refuses_sizes_below_1_quoting_both(name, dims, output_dim):
    with pytest.raises(ValueError) as error:
        READOUTS[name](dims, output_dim)
    assert str(dims) in str(error.value) and f"size {output_dim}" in str(error.value)


@pytest.mark.parametrize("name", READOUTS)
def test_output_dim_is_the_size_of_the_features(name):
    dims = [5] if name == "state" else DIMS
    readout = READOUTS[name](dims, 5)
    assert readout(*(torch.zeros(2, dim) for dim in dims)).size(-1) == readout.output_dim == 5
