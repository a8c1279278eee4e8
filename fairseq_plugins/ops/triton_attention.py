r"""One step of additive attention as one Triton kernel forward and one backward, for a GPU.

The twin of ``attention_step.AttentionStep`` with an additive score:

.. math::
    e_j = v^\top \tanh(q + k_j) + b_j, \quad
    a = \mathrm{softmax}(e), \quad
    c = \sum_j a_j h_j

and backwards, for the gradients :math:`c'` and :math:`a'` of a loss by c and a,

.. math::
    w_j = c'^\top h_j + a'_j, \quad
    e'_j = a_j (w_j - \textstyle\sum_i a_i w_i), \quad
    k'_j = e'_j v \odot \tanh'(q + k_j), \quad
    q' = \sum_j k'_j, \quad
    v' = \sum_j e'_j \tanh(q + k_j)

A program owns a sentence, and walks over its words in blocks with the softmax of Milakov and
Gimelshein (2018, arXiv:1805.02867, algorithm 3), which needs no second pass for the context. Where
there are few sentences, several programs share one, each with some columns of the result; all of
them compute the energies. Importing this module needs Triton.
"""

# ruff: noqa: ANN001, ANN202 - a kernel's arguments have Triton's types, and it returns nothing
import torch
import triton
import triton.language as tl
from torch import Tensor

PROGRAMS = 256  # as many as keep a large GPU busy
FEWEST_COLUMNS = 64  # below this a program computes little but energies
TILE = 4096  # numbers that a program looks at together: a block of words, a vector each
MOST_WORDS = 32  # in a block
LAUNCH = {"num_warps": 8, "enable_fp_fusion": True}  # fused: Triton warns where it is not said


@triton.jit
def _decay(x):
    """exp(-2|x|), which is in [0, 1] and gives tanh and its slope without overflow."""
    return tl.exp(-2.0 * tl.abs(x))


@triton.jit
def _tanh(x, decay):
    """tanh(x) = sign(x) (1 - d) / (1 + d), where d = exp(-2|x|)."""
    size = (1.0 - decay) / (1.0 + decay)
    return tl.where(x < 0, -size, size)


@triton.jit
def _tanh_slope(decay):
    """1 - tanh(x)^2 = 4 d / (1 + d)^2, without cancellation where tanh is almost 1."""
    return 4.0 * decay / ((1.0 + decay) * (1.0 + decay))


@triton.jit
def _vectors(base, words, columns, src_len, dim):
    """The vectors of a block of words (words, columns), 0 outside (src_len, dim)."""
    inside = (words < src_len)[:, None] & (columns < dim)[None, :]
    return tl.load(base + words[:, None] * dim + columns[None, :], mask=inside, other=0.0)


@triton.jit(do_not_specialize=["src_len"])
def _attend(
    query,
    query_stride,
    keys,
    energy,
    bias,
    values,
    alignment,
    alignment_stride,
    context,
    context_stride,
    src_len,
    attention_dim,
    memory_dim,
    WORDS: tl.constexpr,
    UNITS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Program (i, j): the alignment of sentence i, and columns j of its context."""
    row = tl.program_id(0).to(tl.int64)
    units = tl.arange(0, UNITS)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    keys += row * src_len * attention_dim
    values += row * src_len * memory_dim
    bias += row * src_len
    alignment += row * alignment_stride
    is_unit = units < attention_dim
    q = tl.load(query + row * query_stride + units, mask=is_unit, other=0.0).to(tl.float32)
    v = tl.load(energy + units, mask=is_unit, other=0.0)

    highest = tl.full([], float("-inf"), tl.float32)  # energy so far
    total = tl.full([], 0.0, tl.float32)  # of exp(e - shift)
    mixed = tl.zeros([COLUMNS], tl.float32)  # of exp(e - shift) h
    for start in range(0, src_len, WORDS):
        words = start + tl.arange(0, WORDS)
        is_word = words < src_len
        hidden = q[None, :] + _vectors(keys, words, units, src_len, attention_dim)
        e = tl.sum(v[None, :] * _tanh(hidden, _decay(hidden)), axis=1)
        e += tl.load(bias + words, mask=is_word, other=float("-inf"))
        raised = tl.maximum(highest, tl.max(e, axis=0))
        shift = tl.where(raised == float("-inf"), 0.0, raised)  # padding alone, up to here
        rescale = tl.exp(highest - shift)
        weights = tl.exp(e - shift)
        h = _vectors(values, words, columns, src_len, memory_dim).to(tl.float32)
        total = total * rescale + tl.sum(weights, axis=0)
        mixed = mixed * rescale + tl.sum(weights[:, None] * h, axis=0)
        highest = raised
        if tl.program_id(1) == 0:
            tl.store(alignment + words, e, mask=is_word)

    shift = tl.where(highest == float("-inf"), 0.0, highest)
    total = tl.where(total == 0.0, 1.0, total)
    is_column = columns < memory_dim
    tl.store(context + row * context_stride + columns, mixed / total, mask=is_column)
    if tl.program_id(1) == 0:
        tl.debug_barrier()  # the energies are written by other threads than will read them
        for start in range(0, src_len, WORDS):
            words = start + tl.arange(0, WORDS)
            e = tl.load(alignment + words, mask=words < src_len, other=float("-inf"))
            tl.store(alignment + words, tl.exp(e - shift) / total, mask=words < src_len)


@triton.jit(do_not_specialize=["src_len"])
def _attend_backward(
    query,
    query_stride,
    keys,
    energy,
    values,
    alignment,
    alignment_stride,
    d_context,
    d_context_stride,
    d_alignment,
    d_alignment_stride,
    d_query,
    d_query_stride,
    d_keys,
    d_energy,
    d_weights,
    src_len,
    attention_dim,
    memory_dim,
    HAS_D_ALIGNMENT: tl.constexpr,
    WORDS: tl.constexpr,
    UNITS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Program (i, j): units j of what a step gives to sentence i."""
    row = tl.program_id(0).to(tl.int64)
    units = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    columns = tl.arange(0, COLUMNS)
    keys += row * src_len * attention_dim
    d_keys += row * src_len * attention_dim
    values += row * src_len * memory_dim
    alignment += row * alignment_stride
    d_weights += (row * tl.num_programs(1) + tl.program_id(1)) * src_len

    is_column = columns < memory_dim
    d_context += row * d_context_stride
    d_c = tl.load(d_context + columns, mask=is_column, other=0.0).to(tl.float32)
    mean = tl.full([], 0.0, tl.float32)
    for start in range(0, src_len, WORDS):
        words = start + tl.arange(0, WORDS)
        is_word = words < src_len
        h = _vectors(values, words, columns, src_len, memory_dim).to(tl.float32)
        w = tl.sum(d_c[None, :] * h, axis=1)
        if HAS_D_ALIGNMENT:
            w += tl.load(d_alignment + row * d_alignment_stride + words, mask=is_word, other=0.0)
        mean += tl.sum(tl.load(alignment + words, mask=is_word, other=0.0) * w, axis=0)
        tl.store(d_weights + words, w, mask=is_word)

    tl.debug_barrier()  # see above
    is_unit = units < attention_dim
    q = tl.load(query + row * query_stride + units, mask=is_unit, other=0.0).to(tl.float32)
    v = tl.load(energy + units, mask=is_unit, other=0.0)
    d_q = tl.zeros([UNITS], tl.float32)
    d_v = tl.zeros([UNITS], tl.float32)
    for start in range(0, src_len, WORDS):
        words = start + tl.arange(0, WORDS)
        is_word = words < src_len
        w = tl.load(d_weights + words, mask=is_word, other=0.0)
        d_e = tl.load(alignment + words, mask=is_word, other=0.0) * (w - mean)
        hidden = q[None, :] + _vectors(keys, words, units, src_len, attention_dim)
        decay = _decay(hidden)
        d_k = d_e[:, None] * v[None, :] * _tanh_slope(decay)
        d_q += tl.sum(d_k, axis=0)
        d_v += tl.sum(d_e[:, None] * _tanh(hidden, decay), axis=0)
        places = d_keys + words[:, None] * attention_dim + units[None, :]
        inside = is_word[:, None] & is_unit[None, :]
        tl.store(places, tl.load(places, mask=inside, other=0.0) + d_k, mask=inside)

    tl.store(d_query + row * d_query_stride + units, d_q, mask=is_unit)
    places = d_energy + row * attention_dim + units
    tl.store(places, tl.load(places, mask=is_unit, other=0.0) + d_v, mask=is_unit)


class TritonAttentionStep:
    """See ``attention_step.AttentionStep``, whose form this is on a GPU.

    Queries, alignments, contexts and their gradients may be rows of larger tensors: only the
    entries of a row need to be adjacent. Nothing waits for the GPU, and nothing is allocated
    after the first backward pass, so a loop over steps can be captured in a CUDA graph. A
    sentence of nothing but padding gets an alignment, a context and gradients of 0.

    Args:
        keys: (batch, src_len, attention_dim), float32
        energy: v (attention_dim,), float32
        bias: (batch, src_len), float32, 0 on words, minus infinity on padding
        values: h (batch, src_len, memory_dim), float32 or bfloat16; they are mixed in float32

    Raises:
        ValueError: for keys, energy, bias or values that are not contiguous or of another type, and
            by the passes for a row whose entries are not adjacent
    """

    def __init__(self, keys: Tensor, energy: Tensor, bias: Tensor, values: Tensor) -> None:
        named = {"keys": keys, "energy": energy, "bias": bias, "values": values}
        for name, tensor in named.items():
            if not tensor.is_contiguous():
                raise ValueError(f"{name} must be contiguous, but have strides {tensor.stride()}")
            if tensor.dtype not in (torch.float32, torch.bfloat16 if tensor is values else None):
                raise ValueError(f"{name} are {tensor.dtype}, which the kernels do not compute in")
        self.keys, self.energy, self.bias, self.values = keys, energy, bias, values
        self.sizes = (keys.size(1), keys.size(2), values.size(2))
        self.d_keys: Tensor | None = None

    def prepare(self, query: Tensor) -> None:
        """Nothing; see ``AttentionStep.prepare``."""

    def forward(self, query: Tensor, alignment: Tensor, context: Tensor) -> None:
        """Attend.

        Args:
            query: (batch, attention_dim)
            alignment: (batch, src_len), is filled
            context: (batch, memory_dim), is filled
        """
        src_len, attention_dim, memory_dim = self.sizes
        units, columns = triton.next_power_of_2(attention_dim), self._share(memory_dim)
        _attend[len(self.keys), triton.cdiv(memory_dim, columns)](
            *_row(query),
            self.keys,
            self.energy,
            self.bias,
            self.values,
            *_row(alignment),
            *_row(context),
            *self.sizes,
            WORDS=_words(units, columns),
            UNITS=units,
            COLUMNS=columns,
            **LAUNCH,
        )

    def start_backward(self) -> None:
        """Make the buffers in which :meth:`backward` sums, if it is not to make them itself."""
        batch, src_len, attention_dim = self.keys.shape
        shares = triton.cdiv(attention_dim, self._share(attention_dim))
        self.d_keys = torch.zeros_like(self.keys)
        self.d_energy = self.keys.new_zeros(batch, attention_dim)
        self.d_weights = self.keys.new_empty(batch, shares, src_len)

    def backward(
        self,
        query: Tensor,
        alignment: Tensor,
        d_context: Tensor,
        d_alignment: Tensor | None,
        d_query: Tensor,
    ) -> None:
        """The gradient of a step; ``d_query`` is filled, the others are summed over the steps.

        That of the values is left to the caller: one product for all steps.
        """
        if self.d_keys is None:
            self.start_backward()
        _, attention_dim, memory_dim = self.sizes
        units, columns = self._share(attention_dim), triton.next_power_of_2(memory_dim)
        _attend_backward[len(self.keys), triton.cdiv(attention_dim, units)](
            *_row(query),
            self.keys,
            self.energy,
            self.values,
            *_row(alignment),
            *_row(d_context),
            *_row(alignment if d_alignment is None else d_alignment),
            *_row(d_query),
            self.d_keys,
            self.d_energy,
            self.d_weights,
            *self.sizes,
            HAS_D_ALIGNMENT=d_alignment is not None,
            WORDS=_words(units, columns),
            UNITS=units,
            COLUMNS=columns,
            **LAUNCH,
        )

    def gradients(self) -> tuple[Tensor, Tensor]:
        """Of the keys and of the energy vector, over all steps."""
        assert self.d_keys is not None  # since the first backward pass
        return self.d_keys, self.d_energy.sum(dim=0)

    def _share(self, dim: int) -> int:
        """The columns of a program: all of ``dim``, or fewer where there are few sentences."""
        programs = max(1, PROGRAMS // len(self.keys))
        columns = max(FEWEST_COLUMNS, triton.cdiv(dim, programs))
        return triton.next_power_of_2(min(dim, columns))


def _words(units: int, columns: int) -> int:
    """How many words a program looks at together."""
    return max(1, min(MOST_WORDS, TILE // max(units, columns)))


def _row(tensor: Tensor) -> tuple[Tensor, int]:
    """A tensor of rows, and the way from one to the next."""
    if tensor.stride(-1) != 1 and tensor.size(-1) != 1:
        raise ValueError(f"a row's entries must be adjacent, but the strides are {tensor.stride()}")
    return tensor, tensor.stride(0)
