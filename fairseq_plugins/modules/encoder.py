"""The RNN encoder: it reads x_1..x_T into the states h_1..h_T, the memory."""

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqEncoder
from torch import Tensor, nn

from .bridge import EncoderOut
from .embedding import Embedding
from .rnn import RNN


def rotate(tensor: Tensor, shift: Tensor) -> Tensor:
    """Rotate each row of (batch, len, ...) to the left by its own ``shift`` (batch,)."""
    length = tensor.size(1)
    positions = torch.arange(length, device=tensor.device)
    index = (positions + shift.unsqueeze(1)).remainder(length)  # (batch, len)
    if tensor.dim() == 3:
        index = index.unsqueeze(-1).expand(-1, -1, tensor.size(2))
    return tensor.gather(1, index)


class RNNEncoder(FairseqEncoder):
    """Embedding and stacked recurrent layers, one- or bidirectional.

    Padding may stand on either side and the batch in any order: the tokens are moved to the
    front for the kernel and the outputs are put back, so that column j of the memory, of the
    padding mask and of every alignment is column j of ``src_tokens``.

    Args:
        dictionary: the source dictionary
        embed_tokens: the source embedding
        rnn: the recurrent layers
        dropout_in: dropout on the embeddings
        dropout_out: dropout on the memory
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        rnn: RNN,
        *,
        dropout_in: float = 0.0,
        dropout_out: float = 0.0,
    ) -> None:
        super().__init__(dictionary)
        self.embed_tokens = embed_tokens
        self.rnn = rnn
        self.dropout_in = nn.Dropout(dropout_in)
        self.dropout_out = nn.Dropout(dropout_out)
        self.output_dim = rnn.output_dim

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor | None = None, **unused
    ) -> EncoderOut:
        """Encode a batch.

        Args:
            src_tokens: (batch, src_len), padded on either side
            src_lengths: ignored, the padding tells

        Returns:
            ``memory`` (batch, src_len, output_dim), 0 on padding; ``padding_mask``
            (batch, src_len), True on padding; and the last state of every layer, ``hidden``
            and, for an LSTM, ``cell``: (batch, layers, output_dim). Each in a list of one, the
            form that fairseq's generator expects.
        """
        padding_mask = src_tokens.eq(self.dictionary.pad())
        leading = padding_mask.long().cumprod(dim=1).sum(dim=1)
        lengths = (~padding_mask).sum(dim=1).clamp(min=1)

        embedded = self.dropout_in(self.embed_tokens(rotate(src_tokens, leading)))
        outputs, state = self.rnn.forward_padded(embedded, lengths)
        memory = self.dropout_out(rotate(outputs, -leading))
        return {
            "memory": [memory],
            "padding_mask": [padding_mask],
            **{name: [tensor] for name, tensor in state.items()},
        }

    def reorder_encoder_out(self, encoder_out: EncoderOut, new_order: Tensor) -> EncoderOut:
        """Select sentences: every entry of ``encoder_out`` is batch-first."""
        return {
            name: [tensor.index_select(0, new_order) for tensor in tensors]
            for name, tensors in encoder_out.items()
        }

    def max_positions(self) -> int:
        """No limit of its own; fairseq's ``--max-source-positions`` rules."""
        return int(1e5)
