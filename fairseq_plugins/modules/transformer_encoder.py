"""fairseq's own Transformer encoder, as the memory of a recurrent decoder with attention."""

from typing import Any

from fairseq.data import Dictionary
from fairseq.distributed import fsdp_wrap
from fairseq.models.transformer import TransformerConfig, TransformerEncoderBase
from fairseq.models.transformer.transformer_config import (
    DecoderConfig,
    EncDecBaseConfig,
    QuantNoiseConfig,
)
from fairseq.modules.transformer_layer import TransformerEncoderLayerBase
from torch import Tensor, nn

from .bridge import EncoderOut
from .embedding import Embedding
from .encoder import MemoryEncoder


class PlainLayer(TransformerEncoderLayerBase):
    """fairseq's layer, without the second set of its weights that official fairseq 0.12.2 has.

    That set is for torch's fused layer: it is filled when a checkpoint is loaded, gets no gradient,
    doubles the checkpoint, and the call ends in an error of torch 2. The fork has taken it out.
    """

    SECOND = tuple(
        f"{part}_{kind}"
        for part in ("in_proj", "out_proj", "fc1", "fc2")
        for kind in ("weight", "bias")
    )

    def __init__(self, cfg: TransformerConfig) -> None:
        super().__init__(cfg)
        self.can_use_fastpath = False
        for name in self.SECOND:
            self._parameters.pop(name, None)

    def _load_from_state_dict(self, *args: Any) -> None:
        nn.Module._load_from_state_dict(self, *args)


class PlainEncoder(TransformerEncoderBase):
    """fairseq's encoder of such layers."""

    def build_encoder_layer(self, cfg: TransformerConfig) -> nn.Module:
        """See fairseq."""
        layer: nn.Module = fsdp_wrap(PlainLayer(cfg), min_num_params=cfg.min_params_to_wrap)
        return layer


class TransformerMemoryEncoder(MemoryEncoder):
    """Self-attention over the source (Vaswani et al., 2017, arXiv:1706.03762, section 3).

    With an RNN decoder it is the hybrid of Chen et al. (2018, arXiv:1804.09849): the memory is a
    Transformer's, and a decoding step costs the same however long the output already is. Positions
    are sinusoidal. The embedding is scaled once, by :class:`Embedding`, not again by fairseq.

    Args:
        dictionary: the source dictionary
        embed_tokens: the source embedding; its size is that of the model and of the memory
        layers: number of Transformer layers
        heads: attention heads of each
        ffn_dim: width of each feed-forward network
        dropout: on the embeddings, and on each sublayer's output
        attention_dropout: on the self-attention's weights
        activation_dropout: inside each feed-forward network
        max_positions: the longest source that fairseq is told to let through
        normalize_before: layer norm before each sublayer and after the last, not behind each
        word_dropout: replaces words by ``<unk>`` in training

    Raises:
        ValueError: for an embedding whose size the heads do not divide, or smaller than 4
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        *,
        layers: int,
        heads: int,
        ffn_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        max_positions: int = 1024,
        normalize_before: bool = False,
        word_dropout: nn.Module | None = None,
    ) -> None:
        super().__init__(dictionary)
        self.output_dim = embed_tokens.embedding_dim
        check_sizes(self.output_dim, layers, heads)
        self.embed_tokens = embed_tokens
        self.word_dropout = word_dropout or nn.Identity()
        cfg = TransformerConfig(
            encoder=EncDecBaseConfig(
                embed_dim=self.output_dim,
                ffn_embed_dim=ffn_dim,
                layers=layers,
                attention_heads=heads,
                normalize_before=normalize_before,
            ),
            decoder=DecoderConfig(),
            quant_noise=QuantNoiseConfig(),
            dropout=dropout,
            attention_dropout=attention_dropout,
            activation_dropout=activation_dropout,
            max_source_positions=max_positions,
            no_scale_embedding=True,
        )
        self.transformer = PlainEncoder(cfg, dictionary, embed_tokens)
        # The embedding has one owner and one name in the checkpoint; see forward.
        self.transformer.embed_tokens = None

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor | None = None, **unused: Any
    ) -> EncoderOut:
        """See :meth:`MemoryEncoder.forward`; there is no state."""
        padding_mask = src_tokens.eq(self.dictionary.pad())
        embedded = self.embed_tokens(self.word_dropout(src_tokens))
        encoded = self.transformer(src_tokens, token_embeddings=embedded)
        memory = encoded["encoder_out"][0].transpose(0, 1)  # fairseq's is time-first
        return {
            "memory": [memory.masked_fill(padding_mask.unsqueeze(-1), 0)],
            "padding_mask": [padding_mask],
            "src_tokens": [src_tokens],
        }


def check_sizes(embed_dim: int, layers: int, heads: int) -> None:
    """Refuse sizes that fit no Transformer.

    Raises:
        ValueError: quoting them
    """
    if layers < 1 or heads < 1:
        raise ValueError(f"layers ({layers}) and heads ({heads}) must be at least 1")
    if embed_dim % heads:
        raise ValueError(
            f"the source embedding's size ({embed_dim}) must be divisible by --transformer-heads "
            f"({heads})"
        )
    if embed_dim < 4:
        raise ValueError(
            f"the source embedding's size ({embed_dim}) must be at least 4 for sinusoidal positions"
        )
