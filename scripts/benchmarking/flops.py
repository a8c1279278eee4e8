"""Floating-point operations of a training step's matrix products, and the machine's own rate."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from .measure import Work
from .sizes import Sizes

REPEATS = 3


def step_flops(sizes: Sizes, vocabulary: int, batch: dict[str, Any]) -> float:
    r"""Of one update of ``s2s_attn`` with LSTMs (one layer each, two directions in the encoder).

    With E = embed_dim, H = hidden_dim (also of the scores), C = 2H, V words, a product with a
    weight costs 2 forward and twice that backward for each real token:

    .. math::
        6 \left(S (8H(E + H) + CH) + T (4H(E + C + H) + H^2 + (H + C + E) E + EV)
        + P\, C + B\, 2CH\right)

    for S source and T target tokens in B sentences and P pairs of a target and a source position
    of one sentence (the context); the last term is the bridge. Padding counts for nothing: what a
    system computes on it is no use. Element-wise work and the energies' dot product are left out.
    """
    embed, hidden = sizes.embed_dim, sizes.hidden_dim
    memory = 2 * hidden
    padding = batch["net_input"]["prev_output_tokens"].eq(1)
    sources = batch["net_input"]["src_lengths"]
    targets = padding.logical_not().sum(dim=1)
    encoder = 8 * hidden * (embed + hidden) + memory * hidden
    gates = 4 * hidden * (embed + memory + hidden)
    decoder = gates + hidden**2 + (hidden + memory + embed) * embed + embed * vocabulary
    products = int(sources.sum()) * encoder + int(targets.sum()) * decoder
    products += int((sources * targets).sum()) * memory + len(sources) * 2 * memory * hidden
    return 6.0 * products


def matrix_step(sizes: Sizes) -> Callable[[Any], Work]:
    """A step of large ``torch.mm``: the rate that this machine gives, in the same minutes."""
    n = sizes.matrix
    left, right, out = (nn.init.normal_(torch.empty(n, n)) for _ in range(3))

    def step(batch: Any) -> Work:
        for _ in range(REPEATS):
            torch.mm(left, right, out=out)
        return Work(flops=2.0 * REPEATS * n**3)

    return step
