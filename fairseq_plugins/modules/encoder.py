"""The encoder: it reads x_1..x_T into the states h_1..h_T, the memory."""

from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqEncoder
from torch import Tensor, nn

from .bridge import EncoderOut
from .dropout import Dropout
from .embedding import Embedding
from .fast import may_be_fast
from .hypotheses import reorder, select
from .rnn import RNN
from .stack import Stack


def rotate(tensor: Tensor, shift: Tensor) -> Tensor:
    """Rotate each row of (batch, len, ...) to the left by its own ``shift`` (batch,)."""
    length = tensor.size(1)
    positions = torch.arange(length, device=tensor.device)
    # The length as a tensor, since no ONNX graph has the remainder by an open one.
    index = (positions + shift.unsqueeze(1)).remainder(positions.new_full((), length))
    if tensor.dim() == 3:
        index = index.unsqueeze(-1).expand(-1, -1, tensor.size(2))
    return tensor.gather(1, index)


class MemoryEncoder(FairseqEncoder):
    """What every encoder gives: a memory for attention, and perhaps a last state for the bridge.

    Attributes:
        output_dim: size of a memory vector
        state_names: the entries of the last state, ``()`` where there is none
        state_layers: the number of layers in it
        state_dim: the size of a layer's state, all directions together
        bidirectional: whether the two halves of a state are the two directions
    """

    fast = True  # see may_be_fast
    output_dim: int
    state_names: tuple[str, ...] = ()
    state_layers: int = 0
    state_dim: int = 0
    bidirectional: bool = False

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor | None = None, **unused: Any
    ) -> EncoderOut:
        """Encode a batch.

        Args:
            src_tokens: (batch, src_len), padded on either side
            src_lengths: ignored, the padding tells

        Returns:
            ``memory`` (batch, src_len, output_dim), 0 on padding; ``padding_mask``
            (batch, src_len), True on padding; ``src_tokens``; the last state of every layer,
            ``hidden`` and, for an LSTM, ``cell``: (batch, state_layers, state_dim), where there is
            one; and ``key_memory`` (batch, src_len, output_dim) where the attention's keys are
            made from something else than the memory. Each in a list of one, the form that
            fairseq's generator expects.
        """
        raise NotImplementedError

    def reorder_encoder_out(self, encoder_out: EncoderOut, new_order: Tensor) -> EncoderOut:
        """Select rows; each sentence stays one row where that can be, see ``hypotheses``."""
        return (reorder if may_be_fast(self) else select)(encoder_out, new_order)

    def max_positions(self) -> int:
        """No limit of its own; fairseq's ``--max-source-positions`` rules."""
        return int(1e5)


class RNNEncoder(MemoryEncoder):
    """Embedding and stacked recurrent layers, one- or bidirectional.

    Padding may stand on either side and the batch in any order: the tokens are moved to the
    front for the recurrence and the outputs are put back, so that column j of the memory, of the
    padding mask and of every alignment is column j of ``src_tokens``.

    Args:
        dictionary: the source dictionary
        embed_tokens: the source embedding
        rnn: the recurrent layers
        bidirectional: whether the top layer reads in both directions
        output_dim: size of a memory vector, by a projection of the outputs (RNMT+, Chen et al.,
            2018, section 4.1); None for the outputs themselves
        word_dropout: replaces words by ``<unk>`` in training
        dropout_in: dropout on the embeddings
        dropout_out: dropout on the memory
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        rnn: RNN | Stack,
        *,
        bidirectional: bool = False,
        output_dim: int | None = None,
        word_dropout: nn.Module | None = None,
        dropout_in: Dropout | None = None,
        dropout_out: Dropout | None = None,
    ) -> None:
        super().__init__(dictionary)
        self.embed_tokens = embed_tokens
        self.rnn = rnn
        self.word_dropout = word_dropout or nn.Identity()
        self.dropout_in = dropout_in or Dropout(0.0)
        self.dropout_out = dropout_out or Dropout(0.0)
        self.output_dim, self.state_dim = output_dim or rnn.output_dim, rnn.output_dim
        self.output_proj = nn.Linear(rnn.output_dim, output_dim) if output_dim else None
        self.state_names = rnn.state_names
        self.state_layers = rnn.state_layers
        self.bidirectional = bidirectional

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor | None = None, **unused: Any
    ) -> EncoderOut:
        """See :meth:`MemoryEncoder.forward`."""
        padding_mask = src_tokens.eq(self.dictionary.pad())
        leading = (~padding_mask).cumsum(dim=1).eq(0).sum(dim=1)
        lengths = (~padding_mask).sum(dim=1).clamp(min=1)

        words = self.word_dropout(rotate(src_tokens, leading))
        embedded = self.dropout_in(self.embed_tokens(words))
        outputs, state = self.rnn.forward_padded(embedded, lengths)
        memory = rotate(outputs, -leading)
        if self.output_proj is not None:
            memory = self.output_proj(memory).masked_fill(padding_mask.unsqueeze(-1), 0)
        return {
            "memory": [self.dropout_out(memory)],
            "padding_mask": [padding_mask],
            "src_tokens": [src_tokens],
            **{name: [tensor] for name, tensor in state.items()},
        }
