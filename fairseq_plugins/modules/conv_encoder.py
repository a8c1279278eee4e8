"""The convolutional encoder: each word sees its neighbours, and there is no loop over time."""

from typing import Any

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

from .bridge import EncoderOut
from .dropout import Dropout
from .embedding import Embedding
from .encoder import MemoryEncoder


class ConvNet(nn.Module):
    r"""Stacked convolutions that keep the length, with tanh and residual connections.

    .. math::
        z^0 = W_{in} x, \quad
        z^l = \tanh(\mathrm{conv}_l(z^{l-1}) + z^{l-1}), \quad
        z^L = \tanh(\mathrm{conv}_L(z^{L-1})), \quad
        y = W_{out} z^L

    Beyond a sentence's ends everything is 0, at each layer, padding or not. The last layer has no
    residual connection, as in the authors' own code; neither has a stack of one layer.

    Args:
        dim: size of each input and output vector
        hidden_dim: size of the vectors between layers; where it is ``dim`` there are no
            projections W_in and W_out
        layers: number L of convolutions
        kernel_size: width of each, odd

    Shape: inputs and outputs (batch, len, dim); padding_mask (batch, len), True on padding

    Raises:
        ValueError: for an even ``kernel_size`` or no layer
    """

    def __init__(self, dim: int, hidden_dim: int, layers: int, kernel_size: int) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                f"--conv-kernel-size ({kernel_size}) must be odd, so that a window of "
                f"{kernel_size} words has a middle and the length stays"
            )
        if layers < 1:
            raise ValueError(f"layers ({layers}) must be at least 1")
        same = dim == hidden_dim
        self.in_proj = nn.Identity() if same else nn.Linear(dim, hidden_dim)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(hidden_dim, hidden_dim, kernel_size, padding=kernel_size // 2)
            for _ in range(layers)
        )
        self.out_proj = nn.Identity() if same else nn.Linear(hidden_dim, dim)

    def forward(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Outputs for ``inputs``, 0 on padding."""
        columns = padding_mask.unsqueeze(1)  # (batch, 1, len)
        states = self.in_proj(inputs).transpose(1, 2).masked_fill(columns, 0)
        for convolution in self.convolutions[:-1]:
            states = torch.tanh(convolution(states) + states).masked_fill(columns, 0)
        states = torch.tanh(self.convolutions[-1](states))
        return self.out_proj(states.transpose(1, 2)).masked_fill(padding_mask.unsqueeze(-1), 0)


class ConvEncoder(MemoryEncoder):
    r"""Two convolutional networks over words and positions, one for keys and one for contexts.

    .. math::
        e_j = w_j + l_j, \quad
        z_j = \mathrm{CNN\text{-}a}(e)_j, \quad
        h_j = \mathrm{CNN\text{-}c}(e)_j

    ``key_memory`` holds the :math:`z_j`, with which a query is compared, ``memory`` the
    :math:`h_j`, whose weighted sum is the context (Gehring et al., 2017, "A Convolutional Encoder
    Model for Neural Machine Translation", arXiv:1611.02344, section 3). Both are of the
    embedding's size, as in the paper; only CNN-a is wider inside. Positions count from the
    sentence's first real token. Left out: the paper's scaling of the convolutions' gradients,
    which Adam makes void.

    Args:
        dictionary: the source dictionary
        embed_tokens: the source embedding, w
        hidden_dim: width of CNN-a inside
        key_layers: number of convolutions in CNN-a
        value_layers: number of convolutions in CNN-c
        kernel_size: width of each convolution in words, odd
        max_positions: number of position embeddings l; longer sources are refused
        dropout: on the embeddings e
        word_dropout: replaces words by ``<unk>`` in training

    Raises:
        ValueError: for an even ``kernel_size``, or a network without layers
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        *,
        hidden_dim: int,
        key_layers: int,
        value_layers: int,
        kernel_size: int = 3,
        max_positions: int = 1024,
        dropout: float = 0.0,
        word_dropout: nn.Module | None = None,
    ) -> None:
        super().__init__(dictionary)
        self.output_dim = embed_tokens.embedding_dim
        self.embed_tokens = embed_tokens
        self.embed_positions = Embedding(max_positions, self.output_dim)
        self.word_dropout = word_dropout or nn.Identity()
        self.dropout = Dropout(dropout)
        self.key_net = ConvNet(self.output_dim, hidden_dim, key_layers, kernel_size)
        self.value_net = ConvNet(self.output_dim, self.output_dim, value_layers, kernel_size)

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor | None = None, **unused: Any
    ) -> EncoderOut:
        """See :meth:`MemoryEncoder.forward`; there is a ``key_memory``, and no state.

        Raises:
            ValueError: for a source of more than ``max_positions`` tokens
        """
        padding_mask = src_tokens.eq(self.dictionary.pad())
        words = self.embed_tokens(self.word_dropout(src_tokens))
        embedded = self.dropout(words + self.embed_positions(self.positions(padding_mask)))
        return {
            "memory": [self.value_net(embedded, padding_mask)],
            "key_memory": [self.key_net(embedded, padding_mask)],
            "padding_mask": [padding_mask],
            "src_tokens": [src_tokens],
        }

    def positions(self, padding_mask: Tensor) -> Tensor:
        """0, 1, 2, ... for the real tokens of each row: (batch, src_len)."""
        limit = self.max_positions()
        positions = ((~padding_mask).cumsum(dim=1) - 1).clamp(min=0)
        if padding_mask.size(1) > limit and int(positions.max()) >= limit:
            raise ValueError(
                f"a source of {int(positions.max()) + 1} tokens is longer than the encoder's "
                f"max_positions ({limit})"
            )
        return positions

    def max_positions(self) -> int:
        """The number of position embeddings."""
        return self.embed_positions.num_embeddings
