r"""Additive energies of many queries at once, without keeping their hidden layers.

.. math:: e_{tj} = v^\top \tanh(q_t + k_j)

(Bahdanau et al., 2015, arXiv:1409.0473, A.1.2; the twin is ``BahdanauAttention.energies``.) Where
all queries are known, as in a decoder whose context enters the readout only, autograd would keep
target times source times hidden layer; here one query after the other meets the keys in one buffer,
and meets them again in the backward pass.
"""

from typing import Any

import torch
from torch import Tensor, autograd

from .additive_score import ExponentialScore, TanhScore, in_range
from .attention_step import best_form
from .autocast import without_autocast


def additive_energies(queries: Tensor, keys: Tensor, energy: Tensor) -> Tensor:
    """Energies (batch, tgt_len, src_len), in float32 at least, under autocast too.

    Args:
        queries: (batch, tgt_len, attention_dim)
        keys: (batch, src_len, attention_dim)
        energy: v (attention_dim,)

    Where the backward pass itself is to be differentiated, it runs the plain form.
    """
    dtype = torch.promote_types(queries.dtype, torch.float32)
    with without_autocast(queries.device.type):
        operands = (queries.to(dtype), keys.to(dtype), energy.to(dtype))
        return AdditiveEnergies.apply(*operands)  # type: ignore[no-untyped-call]


def plain_additive_energies(queries: Tensor, keys: Tensor, energy: Tensor) -> Tensor:
    """The same as one formula."""
    return torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)) @ energy


class AdditiveEnergies(autograd.Function):
    """See :func:`additive_energies`."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, energy: Tensor) -> Tensor:
        exponential = best_form(keys) == "exponential" and in_range(queries)
        ctx.form = ExponentialScore if exponential else TanhScore
        ctx.save_for_backward(queries, keys, energy)
        score, prepared = _start(ctx.form, queries, keys, energy)
        energies = queries.new_empty(queries.size(1), *keys.shape[:2])
        for query, out in zip(prepared, energies, strict=True):
            score.forward(query, out)
        return energies.add_(score.offset * energy.sum()).transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, d_energies: Tensor) -> tuple[Tensor, ...]:
        queries, keys, energy = tensors = ctx.saved_tensors
        if torch.is_grad_enabled():
            outputs = plain_additive_energies(*tensors)
            return autograd.grad(outputs, tensors, d_energies, create_graph=True)
        score, prepared = _start(ctx.form, queries, keys, energy)
        score.start_backward()
        d_queries = torch.empty_like(prepared)
        for t, query in enumerate(prepared):
            score.backward(query, d_energies[:, t], d_queries[t])
        d_keys, d_energy = score.gradients()
        return d_queries.transpose(0, 1), d_keys, d_energy + score.offset * d_energies.sum()


def _start(
    form: type[TanhScore], queries: Tensor, keys: Tensor, energy: Tensor
) -> tuple[TanhScore, Tensor]:
    """The score, and the queries as it takes them, time first."""
    score = form(keys, energy)
    prepared = queries.transpose(0, 1).clone(memory_format=torch.contiguous_format)
    score.prepare(prepared)
    return score, prepared
