"""For a backward pass that is itself to be differentiated."""

from collections.abc import Callable

import torch
from torch import Tensor, autograd

Tensors = tuple[Tensor | None, ...]


def differentiable_gradients(
    plain: Callable[..., Tensors], rnn_type: str, tensors: Tensors, d_outputs: Tensors
) -> list[Tensor | None]:
    """The gradients of ``tensors`` as functions of them, by the plain form.

    Args:
        plain: (rnn_type, *tensors) -> outputs
        d_outputs: the outputs' gradients; None for an output that is not used
    """
    with torch.enable_grad():
        outputs = plain(rnn_type, *tensors)
        pairs = zip(outputs, d_outputs, strict=True)
        used = [(x, gradient) for x, gradient in pairs if x is not None and gradient is not None]
        wanted = {i: x for i, x in enumerate(tensors) if x is not None and x.requires_grad}
        found = autograd.grad(
            [output for output, _ in used],
            list(wanted.values()),
            [gradient for _, gradient in used],
            create_graph=True,
            allow_unused=True,
        )
    gradients = dict(zip(wanted, found, strict=True))
    return [gradients.get(i) for i in range(len(tensors))]
