r"""Output projection and label-smoothed cross-entropy in one, without ever holding all logits.

.. math::
    \ell = -\sum_t \Big((1 - \epsilon - \epsilon') \log p_t(y_t)
        + \epsilon' \sum_v \log p_t(v)\Big), \quad p_t = \mathrm{softmax}(W h_t + b)

over the rows that are not padding, with :math:`\epsilon' = \epsilon / (V - 1)`: label smoothing
(Szegedy et al., 2016, arXiv:1512.00567, section 7) as fairseq defines it. ``features`` are the
:math:`h_t`. Loss and gradients are made together, chunk by chunk: ``chunked_cross_entropy``.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .chunked_cross_entropy import Result, Settings, run_chunks
from .chunked_projection import Gradients, wide_dtype

Operands = tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor]  # all but the settings


def linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    target: Tensor,
    *,
    label_smoothing: float,
    padding_idx: int,
    chunk: int = 256,
    bias: Tensor | None = None,
    dtype: torch.dtype | None = None,
    count_correct: bool = False,
) -> Result:
    """The loss summed over the rows whose target is not padding.

    Its gradients are made together with it. A second backward pass makes them again, and one that
    is to be differentiated itself (``create_graph``) is the plain twin's: right, but not fast.

    Args:
        features: (rows, features_dim)
        weight: W (vocabulary, features_dim)
        target: (rows,), indices into the vocabulary
        label_smoothing: epsilon, 0 for none
        padding_idx: the target of rows that count for nothing
        chunk: rows whose logits are held at a time
        bias: b (vocabulary,), or None
        dtype: of the products' operands; None for autocast's where it is on, else the features'
        count_correct: count the rows whose largest logit is their target's

    Returns:
        the loss; the same without smoothing, which has no gradient, both in float32 at least; and
        the number of correct rows, or None where they are not counted

    Raises:
        ValueError: for a chunk below 1
    """
    if chunk < 1:
        raise ValueError(f"chunk ({chunk}) must be at least 1")
    settings = Settings(label_smoothing, chunk, dtype or operand_dtype(features), count_correct)
    without_padding = drop_padding if features.device.type == "cpu" else blank_padding
    features, target, real = without_padding(features, target, padding_idx)
    inputs = (features, weight, bias)
    if torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in inputs):
        found = LinearCrossEntropy.apply(*inputs, target, real, settings)  # type: ignore[no-untyped-call]
        return Result(*found)
    return run_chunks(*inputs, target, real, settings, Gradients(None, None, None))


def plain_linear_cross_entropy(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    real: Tensor,
    settings: Settings,
) -> Tensor:
    """The loss of the rows that are ``real``, from all logits at once: the plain twin."""
    logits = functional.linear(features.to(settings.dtype), weight.to(settings.dtype))
    logits = logits.to(wide_dtype(features, weight))
    log_probs = torch.log_softmax(logits if bias is None else logits + bias, dim=1)
    of_target, of_each = settings.weights(len(weight))
    losses = of_target * log_probs.gather(1, target.unsqueeze(1)).squeeze(1)
    losses = losses + of_each * log_probs.sum(dim=1)
    return -losses.masked_fill(~real, 0).sum()


def operand_dtype(features: Tensor) -> torch.dtype:
    """The type that a linear layer computes in; autocast leaves float64 alone."""
    device = features.device.type
    if torch.is_autocast_enabled(device) and features.dtype != torch.float64:
        return torch.get_autocast_dtype(device)
    return features.dtype


def drop_padding(
    features: Tensor, target: Tensor, padding_idx: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Features and target of the real rows, and the mask of what is real: all that is left."""
    real = target.ne(padding_idx)
    if real.all():
        return features, target, real
    rows = real.nonzero().squeeze(1)
    return features.index_select(0, rows), target.index_select(0, rows), real.index_select(0, rows)


def blank_padding(
    features: Tensor, target: Tensor, padding_idx: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The same with zeros for rows of padding: on a GPU, to count rows would be to wait for it."""
    real = target.ne(padding_idx)
    return features.masked_fill(~real.unsqueeze(1), 0), target.masked_fill(~real, 0), real


class LinearCrossEntropy(torch.autograd.Function):
    """:func:`run_chunks`, with the gradients that the backward pass will ask for."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        target: Tensor,
        real: Tensor,
        settings: Settings,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        inputs = (features, weight, bias, target, real)
        ctx.settings = settings
        ctx.gradients = zeros(inputs, ctx.needs_input_grad)
        ctx.save_for_backward(*inputs)
        loss, nll_loss, correct = run_chunks(*inputs, settings, ctx.gradients)
        ctx.mark_non_differentiable(nll_loss, *(() if correct is None else (correct,)))
        return loss, nll_loss, correct

    @staticmethod
    def backward(ctx: Any, grad_loss: Tensor, *unused: Tensor | None) -> tuple[Tensor | None, ...]:
        inputs: Operands = ctx.saved_tensors
        needed: tuple[bool, ...] = ctx.needs_input_grad
        if torch.is_grad_enabled():  # this gradient is to be differentiated itself
            loss = plain_linear_cross_entropy(*inputs, ctx.settings)
            pairs = zip(inputs, needed, strict=False)
            tensors = [x for x, need in pairs if need and x is not None]
            made = iter(torch.autograd.grad(loss, tensors, grad_loss, create_graph=True))
            return *(next(made) if need else None for need in needed[:3]), None, None, None
        gradients, ctx.gradients = ctx.gradients, None  # scaled where they stand: good for once
        if gradients is None:
            gradients = zeros(inputs, needed)
            run_chunks(*inputs, ctx.settings, gradients)
        return *scaled(gradients, grad_loss, inputs), None, None, None


def zeros(inputs: Operands, needed: tuple[bool, ...]) -> Gradients:
    """A gradient of zeros for each of the first three inputs that needs one."""
    wide = wide_dtype(*inputs[:2])
    pairs = zip(inputs[:3], needed[:3], strict=True)
    made = (
        torch.zeros_like(x, dtype=wide) if need and x is not None else None for x, need in pairs
    )
    return Gradients(*made)


def scaled(gradients: Gradients, factor: Tensor, inputs: Operands) -> list[Tensor | None]:
    """The gradients multiplied by ``factor``, where they stand, in the types of the inputs.

    A factor of 1 is passed over, but not on a GPU: to ask for its value would be to wait for it.
    """
    if factor.device.type != "cpu" or factor.item() != 1:
        gradients = Gradients(*(x if x is None else x.mul_(factor) for x in gradients))
    pairs = zip(gradients, inputs[:3], strict=True)
    return [None if x is None or like is None else x.to(like.dtype) for x, like in pairs]
