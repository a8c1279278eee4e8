"""Attention: from a query and a memory to an alignment and a context.

The contract of every attention here, and the additive scores. Keys and values are made once per
sentence; then come any number of queries, one by one or together.
"""

from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ..ops.additive_energies import additive_energies
from .alignment_history import AlignmentHistory
from .attention_window import Window
from .cells import State
from .fast import may_be_fast


class AttentionOutput(NamedTuple):
    """What an attention gives for its queries."""

    context: Tensor  # (batch, tgt_len, output_dim)
    alignment: Tensor  # (batch, tgt_len, src_len), non-negative, sums to 1, 0 on padding
    state: State  # what the attention remembers of its alignments, batch first


def behind_batch(tensor: Tensor, dims: int) -> Tensor:
    """Insert dimensions of size 1 behind the batch until there are ``dims``."""
    ones = [1] * (dims - tensor.dim())
    return tensor.reshape(tensor.size(0), *ones, *tensor.shape[1:])


def masked_softmax(energies: Tensor, padding_mask: Tensor) -> Tensor:
    """Softmax over the last dimension that gives exactly 0 to padding; in float32 at least.

    Shape: energies (batch, ..., src_len), padding_mask (batch, src_len), True on padding.
    """
    mask = behind_batch(padding_mask, energies.dim())
    dtype = torch.promote_types(energies.dtype, torch.float32)
    energies_or_inf = energies.masked_fill(mask, float("-inf"))
    return torch.softmax(energies_or_inf, dim=-1, dtype=dtype).type_as(energies)


class Attention(nn.Module):
    r"""The contract, and what every attention shares.

    .. math::
        a_t = \mathrm{softmax}(e_t / \tau + \log w_t), \quad
        c_t = \sum_j a_{tj} v_j

    ``energies`` is :math:`e_t`, the hook of subclasses; ``temperature`` is :math:`\tau`,
    ``window`` gives :math:`\log w_t`, ``values`` are the :math:`v_j` (the memory, unless a
    subclass projects it), ``alignment`` is :math:`a_t` and ``context`` :math:`c_t`.

    Args:
        memory_dim: size of each memory vector
        history: what the score knows of earlier alignments, or None
        window: what narrows the alignment, or None for the whole sentence
        temperature: above 1 flattens the alignment, below 1 sharpens it

    Attributes:
        score: what the option ``--attention-score`` calls it
        sizes: the sizes that the constructor takes
        takes_history: whether the score has a hidden layer that a history can enter
        output_dim: size of a context

    Raises:
        ValueError: for a temperature that is not above 0, or a history that cannot enter the score
    """

    fast = True  # see may_be_fast
    score: ClassVar[str]
    sizes: ClassVar[tuple[str, ...]] = ("query_dim", "memory_dim", "attention_dim")
    takes_history: ClassVar[bool] = False

    def __init__(
        self,
        *,
        memory_dim: int,
        history: AlignmentHistory | None = None,
        window: Window | None = None,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"--attention-temperature is {temperature}, but must be above 0")
        if history is not None and not self.takes_history:
            raise ValueError(
                f"--attention-history {history.name} needs the single hidden layer of an additive "
                f"score, but --attention-score is {self.score}: use additive or normed-additive"
            )
        self.output_dim = memory_dim
        self.history = history
        self.window = window
        self.temperature = temperature

    def project_keys(self, memory: Tensor) -> Tensor:
        """Memory (batch, src_len, memory_dim) -> keys (batch, src_len, key_dim)."""
        raise NotImplementedError

    def project_values(self, memory: Tensor) -> Tensor:
        """Memory (batch, src_len, memory_dim) -> what is mixed (batch, src_len, memory_dim)."""
        return memory

    def init_state(self, keys: Tensor, padding_mask: Tensor) -> State:
        """What is remembered before the first step: the history's entries, or nothing."""
        return {} if self.history is None else self.history.init_state(keys)

    def energies(self, query: Tensor, keys: Tensor, features: Tensor | None) -> Tensor:
        """Unnormalised scores (batch, tgt_len, src_len).

        ``features`` (batch, tgt_len, src_len, attention_dim) are the history's, if there is one.
        """
        raise NotImplementedError

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor, state: State
    ) -> AttentionOutput:
        """Attend with one or more queries, in their order.

        The rows of keys, values and mask are sentences. There may be k times as many rows of
        queries and state: the k hypotheses of a sentence, side by side.

        Args:
            query: (batch, tgt_len, query_dim)
            keys: (batch, src_len, key_dim), from :meth:`project_keys`
            values: (batch, src_len, memory_dim), from :meth:`project_values`
            padding_mask: (batch, src_len), True on padding
            state: with at least the entries of :meth:`init_state`
        """
        sentences, rows, tgt_len = keys.size(0), query.size(0), query.size(1)
        if self.history is not None:
            return self._attend_by_step(query, keys, values, padding_mask, state)
        queries = query.reshape(sentences, -1, query.size(-1))  # all queries of a sentence
        context, alignment = self.mix(self.weigh(queries, keys, padding_mask), values)
        shape = (rows, tgt_len, -1)
        return AttentionOutput(context.reshape(shape), alignment.reshape(shape), {})

    def weigh(
        self, query: Tensor, keys: Tensor, padding_mask: Tensor, features: Tensor | None = None
    ) -> Tensor:
        """Energies, normalised: (batch, tgt_len, src_len)."""
        energies = self.energies(query, keys, features) / self.temperature
        if self.window is not None:
            energies = energies + behind_batch(self.window(query, padding_mask), energies.dim())
        return masked_softmax(energies, padding_mask)

    def mix(self, weights: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """The values mixed by the weights: context and alignment."""
        return torch.bmm(weights, values), weights

    def _attend_by_step(
        self, query: Tensor, keys: Tensor, values: Tensor, padding_mask: Tensor, state: State
    ) -> AttentionOutput:
        """The same with a history, each alignment knowing those before it."""
        history, steps = self.history, []
        assert history is not None  # see forward
        for step_query in query.split(1, dim=1):
            grouped = step_query.reshape(keys.size(0), -1, query.size(-1))
            features = history.features(state).unflatten(0, grouped.shape[:2])
            weights = self.weigh(grouped, keys, padding_mask, features)
            context, alignment = (part.flatten(0, 1) for part in self.mix(weights, values))
            state = history.update(state, alignment)
            steps.append((context, alignment))
        context, alignment = (torch.stack(parts, dim=1) for parts in zip(*steps, strict=True))
        return AttentionOutput(context, alignment, state)


class BahdanauAttention(Attention):
    r"""Additive attention (Bahdanau et al., 2015, arXiv:1409.0473, section 3.1 and A.1.2).

    .. math::
        e_{tj} = v^\top \tanh(W_s s_{t-1} + W_h h_j + b)

    ``query`` is :math:`s_{t-1}`, ``memory`` the :math:`h_j`, ``keys`` the :math:`W_h h_j + b`;
    the features of a history are a further summand. The bias is not in the paper's text. Queried
    by :math:`s_t`, it is the score that Luong et al. (2015, section 3.1) call concat.

    Args:
        query_dim: size of the query
        memory_dim: size of each memory vector
        attention_dim: size of the hidden layer in which query and memory meet
        shared: see :class:`Attention`
    """

    score = "additive"
    takes_history = True

    def __init__(self, query_dim: int, memory_dim: int, attention_dim: int, **shared: Any) -> None:
        super().__init__(memory_dim=memory_dim, **shared)
        self.query_proj = nn.Linear(query_dim, attention_dim, bias=False)  # W_s
        self.key_proj = nn.Linear(memory_dim, attention_dim)  # W_h, b
        self.energy = nn.Linear(attention_dim, 1, bias=False)  # v

    def project_keys(self, memory: Tensor) -> Tensor:
        return self.key_proj(memory)

    def energy_vector(self) -> Tensor:
        """v (attention_dim,), as it multiplies the hidden layer."""
        return self.energy.weight[0]

    def energies(self, query: Tensor, keys: Tensor, features: Tensor | None) -> Tensor:
        queries = self.query_proj(query)
        if features is None and query.size(1) > 1 and may_be_fast(self):
            return additive_energies(queries, keys, self.energy_vector()).type_as(queries)
        meeting = queries.unsqueeze(2) + keys.unsqueeze(1)
        if features is not None:
            meeting = meeting + features
        return torch.tanh(meeting) @ self.energy_vector()


class NormedBahdanauAttention(BahdanauAttention):
    r"""Additive attention with a normalised energy vector.

    .. math::
        e_{tj} = \frac{g}{\|v\|} v^\top \tanh(W_s s_{t-1} + W_h h_j + b)

    The reparametrisation of Salimans and Kingma (2016, arXiv:1602.07868, eq. 2) of v alone, so
    that the energies' scale :math:`g` is learned apart from the direction of v; TensorFlow's
    ``normed_bahdanau``, whose first :math:`g`, :math:`1 / \sqrt{\mathrm{attention\_dim}}`, is
    taken over. ``energy_scale`` is :math:`g`.
    """

    score = "normed-additive"

    def __init__(self, query_dim: int, memory_dim: int, attention_dim: int, **shared: Any) -> None:
        super().__init__(query_dim, memory_dim, attention_dim, **shared)
        self.energy_scale = nn.Parameter(torch.full((1,), attention_dim**-0.5))

    def energy_vector(self) -> Tensor:
        return self.energy_scale / self.energy.weight.norm() * super().energy_vector()
