"""``--arch s2s_attn``: the same encoder, and a decoder with Bahdanau attention."""

from dataclasses import dataclass, field

from fairseq.data import Dictionary
from fairseq.models import register_model

from ..errors import S2SError
from ..modules.attention import BahdanauAttention
from ..modules.attention_decoder import AttentionRNNDecoder
from ..modules.embedding import Embedding
from ..modules.encoder import RNNEncoder
from ..modules.rnn import RNN, build_cell
from .s2s import S2SConfig, S2SModel


@dataclass
class S2SAttnConfig(S2SConfig):
    """The options of ``s2s_attn``."""

    attention_dim: int = field(
        default=512, metadata={"help": "size of the hidden layer of the additive score"}
    )


@register_model("s2s_attn", dataclass=S2SAttnConfig)
class S2SAttnModel(S2SModel):
    """An RNN encoder and a decoder that looks at all its states at every step."""

    @classmethod
    def build_decoder(
        cls,
        cfg: S2SAttnConfig,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        encoder: RNNEncoder,
    ) -> AttentionRNNDecoder:
        """The decoder with attention."""
        if cfg.context_every_step:
            raise S2SError(
                "--context-every-step gives C to every step of the plain decoder, but the "
                "attention decoder makes a context of its own for each step: leave it out, or "
                "use --arch s2s."
            )
        rnn_type, nonlinearity = str(cfg.decoder_rnn_type), str(cfg.rnn_nonlinearity)
        hidden_dim, memory_dim = cfg.decoder_hidden_size, encoder.output_dim
        upper = None
        if cfg.decoder_layers > 1:
            upper = RNN(
                rnn_type,
                hidden_dim,
                hidden_dim,
                num_layers=cfg.decoder_layers - 1,
                dropout=cfg.dropout,
                nonlinearity=nonlinearity,
            )
        return AttentionRNNDecoder(
            dictionary,
            embed_tokens,
            attention=cls.build_attention(cfg, memory_dim),
            cell=build_cell(rnn_type, hidden_dim, nonlinearity),
            embed_dim=cfg.decoder_embed_dim,
            memory_dim=memory_dim,
            upper=upper,
            dropout=cfg.dropout,
            bridge=cls.build_bridge(cfg, encoder),
            **cls.build_output(cfg, embed_tokens, [hidden_dim, memory_dim, cfg.decoder_embed_dim]),
        )

    @classmethod
    def build_attention(cls, cfg: S2SAttnConfig, memory_dim: int) -> BahdanauAttention:
        """The attention."""
        return BahdanauAttention(cfg.decoder_hidden_size, memory_dim, cfg.attention_dim)


@dataclass
class S2SAttnTinyConfig(S2SAttnConfig):
    """``s2s_attn_tiny``: for laptops and tests."""

    encoder_embed_dim: int = 32
    encoder_hidden_size: int = 64
    decoder_embed_dim: int = 32
    decoder_hidden_size: int = 64
    attention_dim: int = 64
    dropout: float = 0.0


@register_model("s2s_attn_tiny", dataclass=S2SAttnTinyConfig)
class S2SAttnTinyModel(S2SAttnModel):
    """:class:`S2SAttnModel` in small."""
