"""One weight, many products: packed once for the fastest matrix product that is at hand.

The only file that knows the library's private or moving entry points. oneDNN with a packed weight
reaches its full speed from five rows on, where the general product has half of it (two to one for
10 rows, 1.2 to one for 80, on an AMD Zen 4); it is what ``torch.compile`` calls on a CPU.
"""

import warnings
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import functional

PRECISIONS = ("fp32", "bf16", "int8")
SMALL = 2**14  # weights below this are not worth packing

Product = Callable[[Tensor], Tensor]


def pack_linear(
    weight: Tensor, bias: Tensor | None = None, *, rows: int, precision: str = "fp32"
) -> Product:
    """A function x -> x W^T + b for a weight that does not change.

    Args:
        weight: W (out_dim, in_dim)
        bias: b (out_dim,), or None
        rows: about how many rows an input has; any number is right
        precision: of the operands: ``"fp32"`` (as they are), ``"bf16"``, or ``"int8"`` (weights by
            output row, inputs by tensor, quantised at each call; on a CPU only)

    Returns:
        a function (rows, in_dim) -> (rows, out_dim), in the type of the weight; it records nothing
        for a backward pass

    Raises:
        ValueError: for an unknown precision
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision ({precision!r}) must be one of {', '.join(PRECISIONS)}")
    weight = weight.detach()
    bias = None if bias is None else bias.detach()
    single = weight.dtype == torch.float32
    if single and precision == "bf16":
        return _bfloat16(weight, bias, rows)
    if single and weight.device.type == "cpu":
        if precision == "int8" and (pack := int8_product()) is not None:
            return pack(weight, bias, rows)
        if weight.numel() >= SMALL and has_onednn():
            return _onednn(weight, bias, rows)
    return partial(functional.linear, weight=weight, bias=bias)


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX512-BF16 or AMX)."""
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in names)


@cache
def has_onednn() -> bool:
    """Whether this build packs weights for oneDNN, and gives the right product."""
    return torch.backends.mkldnn.is_available() and _agrees(_onednn, 1e-5)


@cache
def int8_product() -> Callable[..., Product] | None:
    """The fastest way to multiply in int8 that works here, or None."""
    return next((way for way in (_int8_dynamic, _int8_onednn) if _agrees(way, 0.05)), None)


def _agrees(way: Callable[..., Product], tolerance: float) -> bool:
    """Whether a way to multiply works here: a private function may be gone tomorrow."""
    inputs, weight = torch.eye(4, 32), torch.linspace(-1, 1, 8 * 32).view(8, 32)
    bias = torch.linspace(-1, 1, 8)
    try:
        product = way(weight, bias, 4)(inputs)
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.allclose(product, functional.linear(inputs, weight, bias), atol=tolerance)


def _onednn(weight: Tensor, bias: Tensor | None, rows: int) -> Product:
    multiply = torch.ops.mkldnn._linear_pointwise
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
    return lambda inputs: multiply(inputs, packed, bias, "none", [], "")


def _bfloat16(weight: Tensor, bias: Tensor | None, rows: int) -> Product:
    half = weight.bfloat16()
    if weight.device.type == "cpu" and has_bf16() and has_onednn():
        multiply = _onednn(half, None, rows)
    else:
        multiply = partial(functional.linear, weight=half)

    def product(inputs: Tensor) -> Tensor:
        outputs = multiply(inputs.bfloat16()).float()
        return outputs if bias is None else outputs.add_(bias)

    return product


def _int8_dynamic(weight: Tensor, bias: Tensor | None, rows: int) -> Product:
    """The library's own dynamic quantisation; fewer calls, but announced to be removed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        zeros = torch.zeros(len(weight), dtype=torch.long)
        scale = _int8_scale(weight).double()
        quantised = torch.quantize_per_channel(weight, scale, zeros, 0, torch.qint8)
        packed = torch.ops.quantized.linear_prepack(quantised, bias)
    return partial(torch.ops.quantized.linear_dynamic, W_prepack=packed)


def _int8_onednn(weight: Tensor, bias: Tensor | None, rows: int) -> Product:
    """The same through oneDNN, which takes plain tensors of integers."""
    scale = _int8_scale(weight)
    integers = torch.round(weight / scale.unsqueeze(1)).to(torch.int8)
    packed = torch.ops.onednn.qlinear_prepack(integers, [rows, weight.size(1)])
    zeros = torch.zeros(len(weight), dtype=torch.int32)
    as_float: tuple[float, int, torch.dtype, str, list[float], str]
    as_float = (1.0, 0, torch.float32, "none", [], "")

    def product(inputs: Tensor) -> Tensor:
        low, high = (float(bound) for bound in torch.aminmax(inputs))
        low, high = min(low, 0.0), max(high, 0.0)
        step = max((high - low) / 255, 1e-12)
        zero = round(-low / step)
        bytes_ = inputs.div(step).round_().add_(zero).clamp_(0, 255).to(torch.uint8)
        return torch.ops.onednn.qlinear_pointwise(
            bytes_, step, zero, packed, scale, zeros, bias, *as_float
        )

    return product


def _int8_scale(weight: Tensor) -> Tensor:
    """By how much each output row (out_dim,) is divided to fit into -127..127."""
    return weight.abs().amax(dim=1).clamp(min=1e-8) / 127
