"""Packed products against the plain one."""

import pytest
import torch
from torch.nn import functional

from fairseq_plugins.ops import packed_linear
from fairseq_plugins.ops.packed_linear import PRECISIONS, pack_linear

TOLERANCE = {"fp32": 1e-5, "bf16": 0.01, "int8": 0.03}
WAYS = [packed_linear._onednn, packed_linear._int8_dynamic, packed_linear._int8_onednn]


def draw(rows, in_dim, out_dim):
    generator = torch.Generator().manual_seed(1)
    shapes = (rows, in_dim), (out_dim, in_dim), (out_dim,)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def assert_near(found, expected, tolerance):
    assert found.dtype == expected.dtype
    assert float((found - expected).norm()) <= tolerance * float(expected.norm())


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", [(1, 8, 3), (5, 256, 100), (64, 100, 513)])
def test_a_packed_product_is_the_plain_one(shape, precision, with_bias):
    inputs, weight, bias = draw(*shape)
    bias = bias if with_bias else None
    product = pack_linear(weight, bias, rows=8, precision=precision)
    assert_near(product(inputs), functional.linear(inputs, weight, bias), TOLERANCE[precision])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_any_number_of_rows_and_any_strides_are_right(precision):
    inputs, weight, _ = draw(40, 128, 200)
    product = pack_linear(weight, rows=4, precision=precision)
    for some in (inputs[:1], inputs[::3], inputs.view(5, 8, 128)[:, 2]):
        expected = functional.linear(some, weight)
        assert_near(product(some), expected, TOLERANCE[precision])
    column = torch.randn(128, 40).t()
    assert_near(product(column), functional.linear(column, weight), TOLERANCE[precision])
    assert product(inputs[None]).shape == (1, 40, 200)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_types_are_left_as_they_are(dtype, precision):
    inputs, weight, bias = (tensor.to(dtype) for tensor in draw(3, 5, 7))
    found = pack_linear(weight, bias, rows=3, precision=precision)(inputs)
    assert torch.equal(found, functional.linear(inputs, weight, bias))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_multiply_works_in_this_build(way):
    """Fails as soon as torch takes one away: then the next in line serves, and this one can go."""
    assert packed_linear._agrees(way, 0.05)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("inputs", [torch.zeros(3, 64), torch.full((3, 64), 7.0)])
def test_inputs_without_spread_are_multiplied_too(way, inputs):
    _, weight, bias = draw(3, 64, 16)
    expected = functional.linear(inputs, weight, bias)
    assert_near(way(weight, bias, 3)(inputs), expected, 0.03)


def test_where_a_private_function_is_gone_the_plain_product_serves(monkeypatch):
    def gone(*_):
        raise AttributeError("no such operation")

    for name in ("_onednn", "_int8_dynamic", "_int8_onednn"):
        monkeypatch.setattr(packed_linear, name, gone)
    packed_linear.has_onednn.cache_clear()
    packed_linear.int8_product.cache_clear()
    try:
        assert not packed_linear.has_onednn()
        assert packed_linear.int8_product() is None
        inputs, weight, _ = draw(5, 256, 100)
        for precision in PRECISIONS:
            found = pack_linear(weight, rows=5, precision=precision)(inputs)
            assert_near(found, functional.linear(inputs, weight), TOLERANCE[precision])
    finally:
        packed_linear.has_onednn.cache_clear()
        packed_linear.int8_product.cache_clear()


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision \('int4'\) must be one of fp32, bf16, int8"):
        pack_linear(torch.ones(2, 2), rows=1, precision="int4")
