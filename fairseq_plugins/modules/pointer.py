"""Copying: a source word's probability is mixed into that of the vocabulary."""

import math
import re
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from fairseq.data import Dictionary
from torch import Tensor, nn

MARKER = re.compile(r"<unk-(0|[1-9][0-9]*)>")
FLOOR = 1e-30  # the probability of a marker that the source does not hold


class UnknownMarkers(nn.Module):
    """The dictionary's ``<unk-0>``, ``<unk-1>``, ...: unknown words named by their position.

    The convention of fairseq's own pointer-generator (Enarvi et al., 2020): in the text a source
    word outside the vocabulary is written as the marker of its first position, on the source and
    on the target side (``scripts/mark_unknown.py``). To the embeddings every marker is ``<unk>``;
    only copying can produce one. A dictionary without markers is served too.

    Args:
        dictionary: a source or target dictionary

    Attributes:
        mask: (vocabulary,), True on markers
    """

    mask: Tensor
    known: Tensor

    def __init__(self, dictionary: Dictionary) -> None:
        super().__init__()
        marked = [MARKER.fullmatch(symbol) is not None for symbol in dictionary.symbols]
        known = [dictionary.unk() if m else index for index, m in enumerate(marked)]
        self.count = sum(marked)
        self.register_buffer("mask", torch.tensor(marked), persistent=False)
        self.register_buffer("known", torch.tensor(known), persistent=False)

    def replace(self, tokens: Tensor) -> Tensor:
        """Tokens of any shape with every marker replaced by ``<unk>``, for an embedding."""
        return self.known[tokens] if self.count else tokens


class PointerGenerator(nn.Module):
    r"""Generating or copying (See et al., 2017, arXiv:1704.04368, eq. 8-9).

    .. math::
        p_{gen} = \sigma(w^\top [x_1; x_2; \dots] + b), \quad
        P(w) = p_{gen} P_{vocab}(w) + (1 - p_{gen}) \sum_{j: x_j = w} a_{tj}

    with the decoder's state, the context and the previous word's embedding as inputs
    :math:`x_1, x_2, x_3`, the softmax of the logits as :math:`P_{vocab}` and the alignment
    :math:`a_t`. Padding is not copied; the source's final ``</s>`` is, as any other position, and
    then ends the sentence. A source symbol is copied as the target's symbol of the same name, or
    else as ``<unk>``.

    The sum is taken of logarithms in float32 at least, so that a word's gradient does not vanish
    with its probability. Only a marker (:class:`UnknownMarkers`) that the source does not hold
    would have probability 0; it gets :data:`FLOOR`, so that label smoothing stays finite.

    Args:
        input_dims: the sizes of the inputs
        source: the source dictionary
        target: the target dictionary

    Raises:
        ValueError: for an input size below 1, or no input at all
    """

    target_index: Tensor

    def __init__(self, input_dims: Sequence[int], source: Dictionary, target: Dictionary) -> None:
        super().__init__()
        if not input_dims or min(input_dims) < 1:
            raise ValueError(
                f"a pointer needs inputs of sizes of at least 1, but was given {list(input_dims)}"
            )
        self.gate = nn.Linear(sum(input_dims), 1)  # w, b
        self.markers = UnknownMarkers(target)
        self.source_pad = source.pad()
        indices = [target.index(symbol) for symbol in source.symbols]
        self.register_buffer("target_index", torch.tensor(indices), persistent=False)

    def forward(
        self,
        logits: Tensor,
        inputs: Sequence[Tensor],
        alignment: Tensor,
        src_tokens: Tensor,
    ) -> Tensor:
        """The mixture, for one or more steps.

        Args:
            logits: (batch, tgt_len, vocabulary), or log-probabilities
            inputs: each (batch, tgt_len, dim), in the order of ``input_dims``
            alignment: (batch, tgt_len, src_len)
            src_tokens: (batch, src_len), with their markers, padded on either side

        Returns:
            log-probabilities (batch, tgt_len, vocabulary) in the type of the logits
        """
        dtype = torch.promote_types(logits.dtype, torch.float32)
        gate = self.gate(torch.cat(list(inputs), dim=-1)).to(dtype)  # (batch, tgt_len, 1)
        generated = logits.masked_fill(self.markers.mask, float("-inf"))
        generated = F.logsigmoid(gate) + torch.log_softmax(generated, dim=-1, dtype=dtype)
        copied = self.copy_distribution(alignment.to(dtype), src_tokens, logits.size(-1))
        copied = F.logsigmoid(-gate) + copied.clamp(min=torch.finfo(dtype).tiny).log()
        mixed = torch.logaddexp(generated, copied)
        floored = mixed.clamp(min=math.log(FLOOR))
        return torch.where(self.markers.mask, floored, mixed).type_as(logits)

    def copy_distribution(self, alignment: Tensor, src_tokens: Tensor, vocabulary: int) -> Tensor:
        r""":math:`\sum_{j: x_j = w} a_{tj}` for every target word w.

        Shape: alignment (batch, tgt_len, src_len), src_tokens (batch, src_len), the result
        (batch, tgt_len, vocabulary)
        """
        alignment = alignment.masked_fill(src_tokens.eq(self.source_pad).unsqueeze(1), 0)
        index = self.target_index[src_tokens].unsqueeze(1).expand_as(alignment)
        zeros = alignment.new_zeros(*alignment.shape[:-1], vocabulary)
        return zeros.scatter_add(-1, index, alignment)
