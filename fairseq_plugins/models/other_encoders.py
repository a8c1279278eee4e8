"""Presets whose encoder is not recurrent: convolutions, and fairseq's Transformer.

Configurations of ``s2s_attn`` as those of :mod:`.papers`, with another encoder in its place.
``tests/fairseq_plugins/test_papers.py`` compares each with its equations in NumPy.
"""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
from dataclasses import field
from typing import Any, NoReturn

from fairseq.data import Dictionary
from fairseq.models import register_model
from omegaconf import II

from ..errors import S2SError
from ..modules.conv_encoder import ConvEncoder
from ..modules.embedding import Embedding
from ..modules.transformer_encoder import TransformerMemoryEncoder
from ..modules.word_query_decoder import WordQueryDecoder
from ._building import build_word_dropout, first_weights
from ._options import preset
from ._validation import refuse_changed, refuse_other
from .s2s import S2SConfig
from .s2s_attn import S2SAttnConfig, S2SAttnModel


@preset
class ConvAttnConfig(S2SAttnConfig):
    """Gehring et al. (2017a), "A Convolutional Encoder Model for Neural Machine Translation".

    arXiv:1611.02344, sections 2 and 3: a deep convolutional network makes what the query is
    compared with, a shallow one what the context is mixed from; the query of an LSTM decoder is
    d_t = W s_{t-1} + b + E y_{t-1}, the score the dot product, the decoder starts at 0. Sizes and
    depths are those of the authors' recipe for IWSLT14; with a decoder wider than 256 take
    ``--readout linear`` for the projection before the softmax.

    Left out: the output's bias, the scaling of the convolutions' gradients.
    """

    rnn_type = "lstm"
    encoder_embed_dim = 256
    conv_hidden_size: int = field(
        default=256, metadata={"help": "width of the convolutions that make the keys"}
    )
    conv_key_layers: int = field(default=6, metadata={"help": "their number"})
    conv_value_layers: int = field(
        default=3, metadata={"help": "number of convolutions that make the memory"}
    )
    conv_kernel_size: int = field(
        default=3, metadata={"help": "width of a convolution in words, an odd number"}
    )
    conv_max_positions: int = field(
        default=1024, metadata={"help": "number of position embeddings, the longest source"}
    )
    decoder_embed_dim = 256
    decoder_hidden_size = 256
    bridge = "zero"
    attention_score = "dot"
    context_to = "cell"
    embed_to = "cell"
    readout = "state"
    decoder_out_embed_dim = II("model.decoder_hidden_size")
    dropout = 0.2


@register_model("s2s_conv_attn", dataclass=ConvAttnConfig)
class ConvAttnModel(S2SAttnModel):
    """A convolutional encoder: no loop over the source."""

    early = WordQueryDecoder

    @classmethod
    def build_encoder(
        cls, cfg: ConvAttnConfig, dictionary: Dictionary, embed_tokens: Embedding
    ) -> ConvEncoder:
        """Two convolutional networks in place of the recurrent one."""
        refuse_recurrent_encoder(cfg)
        why = "its depths are --conv-key-layers and --conv-value-layers"
        refuse_changed(cfg, S2SConfig, ["encoder_layers"], why)
        return ConvEncoder(
            dictionary,
            embed_tokens,
            hidden_dim=cfg.conv_hidden_size,
            key_layers=cfg.conv_key_layers,
            value_layers=cfg.conv_value_layers,
            kernel_size=cfg.conv_kernel_size,
            max_positions=cfg.conv_max_positions,
            dropout=cfg.encoder_dropout_in,
            word_dropout=build_word_dropout(cfg.encoder_word_dropout, dictionary),
        )

    @classmethod
    def build_early_decoder(cls, cfg: ConvAttnConfig, *args: Any) -> WordQueryDecoder:
        """The paper's decoder."""
        refuse_other(cfg, "attention_query", "previous", "the query of s2s_conv_attn is d_t")
        return super().build_early_decoder(cfg, *args)

    @classmethod
    def build_late_decoder(cls, cfg: ConvAttnConfig, *args: Any) -> NoReturn:
        """There is none: d_t is made before the step."""
        raise S2SError(
            f"--context-to {cfg.context_to} with --attention-query {cfg.attention_query} gives "
            "the context to the readout only, but s2s_conv_attn gives it to the cell: use "
            "--context-to cell or both and --attention-query previous."
        )

    @classmethod
    def query_dim(cls, cfg: ConvAttnConfig, memory_dim: int) -> int:
        """The query d_t is of the memory's size."""
        return memory_dim


@preset
class TransformerAttnConfig(S2SAttnConfig):
    """A Transformer reads, an RNN writes: a hybrid of Chen et al. (2018).

    arXiv:1804.09849: the encoder of Vaswani et al. (2017, arXiv:1706.03762, section 3, "base"),
    fairseq's own, and an attention decoder whose step costs the same however long the output is
    already. The paper's decoder is that of RNMT+; here it is one LSTM layer with Bahdanau's
    attention, and the options make it deeper (as in ``s2s_rnmtplus``).
    """

    rnn_type = "lstm"
    encoder_embed_dim = 512
    encoder_layers = 6
    transformer_heads: int = field(
        default=8, metadata={"help": "self-attention heads of an encoder layer"}
    )
    transformer_ffn_size: int = field(
        default=2048, metadata={"help": "width of an encoder layer's feed-forward network"}
    )
    transformer_attention_dropout: float = field(
        default=0.0, metadata={"help": "dropout on the encoder's self-attention"}
    )
    transformer_normalize_before: bool = field(
        default=False, metadata={"help": "layer normalisation before each block, not after it"}
    )
    decoder_embed_dim = 512
    decoder_hidden_size = 512
    bridge = "transform-all"
    attention_dim = 512
    dropout = 0.1


@register_model("s2s_transformer_attn", dataclass=TransformerAttnConfig)
class TransformerAttnModel(S2SAttnModel):
    """fairseq's Transformer encoder with an RNN decoder."""

    @classmethod
    def build_encoder(
        cls, cfg: TransformerAttnConfig, dictionary: Dictionary, embed_tokens: Embedding
    ) -> TransformerMemoryEncoder:
        """fairseq's encoder in place of the recurrent one."""
        refuse_recurrent_encoder(cfg)
        return TransformerMemoryEncoder(
            dictionary,
            embed_tokens,
            layers=cfg.encoder_layers,
            heads=cfg.transformer_heads,
            ffn_dim=cfg.transformer_ffn_size,
            dropout=cfg.encoder_dropout_in,
            attention_dropout=cfg.transformer_attention_dropout,
            normalize_before=cfg.transformer_normalize_before,
            word_dropout=build_word_dropout(cfg.encoder_word_dropout, dictionary),
        )

    def initialise(self, cfg: TransformerAttnConfig) -> None:
        """fairseq has given its encoder first weights already."""
        self.decoder.apply(first_weights(cfg))


def refuse_recurrent_encoder(cfg: S2SConfig) -> None:
    """Refuse options of a recurrent encoder, where there is none."""
    why = "this encoder is not recurrent"
    unused = ["encoder_direction", "encoder_hidden_size", "encoder_out_dim"]
    refuse_changed(cfg, S2SConfig, unused, why)
    if cfg.encoder_dropout_out != cfg.dropout:
        raise S2SError(
            f"--encoder-dropout-out {cfg.encoder_dropout_out} has no meaning: this encoder takes "
            "--encoder-dropout-in for all its layers."
        )
    if str(cfg.encoder_rnn_type) != str(cfg.rnn_type):
        raise S2SError(f"--encoder-rnn-type {cfg.encoder_rnn_type} has no meaning: {why}.")
