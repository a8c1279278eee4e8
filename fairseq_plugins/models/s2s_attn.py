"""``--arch s2s_attn``: the same encoder, and a decoder with attention, by default Bahdanau's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairseq.data import Dictionary
from fairseq.models import register_model

from ..modules.alignment_history import (
    AlignmentHistory,
    CoverageHistory,
    FertilityCoverageHistory,
    LocationHistory,
)
from ..modules.attention import Attention
from ..modules.attention_decoder import (
    AttentionDecoder,
    AttentionRNNDecoder,
    ConditionalRNNDecoder,
)
from ..modules.attention_window import LocalPredictiveWindow
from ..modules.attentions import build_attention
from ..modules.cells import build_cell
from ..modules.embedding import Embedding
from ..modules.encoder import MemoryEncoder
from ..modules.late_attention_decoder import (
    InputFeedingDecoder,
    LateAttentionDecoder,
    PreviousQueryDecoder,
)
from ..modules.pointer import PointerGenerator
from ._building import build_dropout, build_layers, build_output, cell_options
from ._options import AttentionOptions, preset
from ._validation import check_attention, refuse_changed
from .s2s import S2SConfig, S2SModel


@dataclass
class S2SAttnConfig(AttentionOptions, S2SConfig):
    """The options of ``s2s_attn``."""


@register_model("s2s_attn", dataclass=S2SAttnConfig)
class S2SAttnModel(S2SModel):
    """An RNN encoder and a decoder that looks at all its states at every step.

    Attributes:
        early: the decoder whose context enters the cell, where the previous state attends
        conditional: the same, where a state between two transitions attends
        late: the decoder whose context enters the readout only, where the current state attends
        late_previous: the same, where the previous state attends
        feeding: the late one with input feeding
        attention: the attention, in place of the one that ``--attention-score`` names
    """

    early: type[AttentionRNNDecoder] = AttentionRNNDecoder
    conditional: type[ConditionalRNNDecoder] = ConditionalRNNDecoder
    late: type[LateAttentionDecoder] = LateAttentionDecoder
    late_previous: type[PreviousQueryDecoder] = PreviousQueryDecoder
    feeding: type[InputFeedingDecoder] = InputFeedingDecoder
    attention: type[Attention] | None = None

    @classmethod
    def build_sides(
        cls, cfg: S2SAttnConfig, source: Dictionary, target: Dictionary
    ) -> tuple[MemoryEncoder, AttentionDecoder]:
        """See :meth:`S2SModel.build_sides`; the pointer knows both dictionaries."""
        check_attention(cfg)
        encoder, decoder = super().build_sides(cfg, source, target)
        if cfg.pointer_generator:
            dims = (cfg.decoder_hidden_size, decoder.attention.output_dim, cfg.decoder_embed_dim)
            decoder.pointer = PointerGenerator(dims, source, target)
        return encoder, decoder

    @classmethod
    def build_decoder(
        cls,
        cfg: S2SAttnConfig,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        encoder: MemoryEncoder,
    ) -> AttentionDecoder:
        """The decoder with attention."""
        attention = cls.build_attention(cfg, encoder.output_dim)
        dims = {"output": cfg.decoder_hidden_size}
        if context_to(cfg) != "cell":
            dims["context"] = attention.output_dim
        if str(cfg.embed_to) == "both" and str(cfg.readout) != "state":
            dims["embedded"] = cfg.decoder_embed_dim
        parts = {
            "attention": attention,
            "bridge": cls.build_bridge(cfg, encoder),
            **build_output(cfg, dictionary, embed_tokens, dims),
        }
        if context_to(cfg) in ("readout", "input-feeding"):
            return cls.build_late_decoder(cfg, dictionary, embed_tokens, parts)
        return cls.build_early_decoder(cfg, dictionary, embed_tokens, parts)

    @classmethod
    def build_early_decoder(
        cls,
        cfg: S2SAttnConfig,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        parts: Mapping[str, Any],
    ) -> AttentionRNNDecoder:
        """A decoder whose context enters the cell."""
        to_all = str(cfg.context_layers) == "all"
        # A residual around the layer above the attending one must not go through the dropout.
        inside = cfg.residual_from == 2
        upper = None
        if cfg.decoder_layers > 1:
            upper = build_layers(
                cfg,
                "decoder",
                cfg.decoder_hidden_size,
                num_layers=cfg.decoder_layers - 1,
                residual_from=max(cfg.residual_from - 1, 0),
                context_dim=parts["attention"].output_dim if to_all else 0,
                input_dropout=cfg.dropout if inside else 0.0,
            )
        options = cell_options(cfg, "decoder")
        parts = {
            **parts,
            "cell": build_cell(options, cfg.decoder_hidden_size),
            "embed_dim": cfg.decoder_embed_dim,
            "upper": upper,
            "dropout": build_dropout(cfg, 0.0 if inside else cfg.dropout),
            "context_to_all_layers": to_all,
        }
        if str(cfg.attention_query) == "between":
            first_cell = build_cell(options, cfg.decoder_hidden_size)
            return cls.conditional(dictionary, embed_tokens, first_cell=first_cell, **parts)
        return cls.early(dictionary, embed_tokens, **parts)

    @classmethod
    def build_late_decoder(
        cls,
        cfg: S2SAttnConfig,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        parts: Mapping[str, Any],
    ) -> LateAttentionDecoder:
        """A decoder whose context enters the readout only."""
        decoder = cls.late_previous if str(cfg.attention_query) == "previous" else cls.late
        input_dim = cfg.decoder_embed_dim
        if context_to(cfg) == "input-feeding":
            decoder = cls.feeding
            input_dim += parts["readout"].output_dim
        layers = build_layers(
            cfg,
            "decoder",
            input_dim,
            num_layers=cfg.decoder_layers,
            residual_from=cfg.residual_from,
        )
        return decoder(dictionary, embed_tokens, rnn=layers, **parts)

    @classmethod
    def query_dim(cls, cfg: S2SAttnConfig, memory_dim: int) -> int:
        """Size of a query."""
        return cfg.decoder_hidden_size

    @classmethod
    def build_attention(cls, cfg: S2SAttnConfig, memory_dim: int) -> Attention:
        """The attention."""
        if cls.attention is not None:
            why = f"the attention is {cls.attention.__name__}"
            refuse_changed(cfg, getattr(cls, "__dataclass"), ["attention_score"], why)
        query_dim = cls.query_dim(cfg, memory_dim)
        window = None
        if str(cfg.attention_window) == "local-p":
            window = LocalPredictiveWindow(query_dim, width=cfg.attention_window_size)
        return build_attention(
            cls.attention or str(cfg.attention_score),
            query_dim=query_dim,
            memory_dim=memory_dim,
            attention_dim=cfg.attention_dim,
            heads=cfg.attention_heads,
            history=build_history(cfg),
            window=window,
            temperature=cfg.attention_temperature,
        )


def context_to(cfg: S2SAttnConfig) -> str:
    """Where the context goes: ``cell``, ``readout``, ``both`` or ``input-feeding``."""
    if str(cfg.context_to) != "auto":
        return str(cfg.context_to)
    if str(cfg.attention_query) == "current":
        return "readout"
    return "cell" if str(cfg.readout) == "state" else "both"


def build_history(cfg: S2SAttnConfig) -> AlignmentHistory | None:
    """What the score knows of earlier alignments."""
    name, dim = str(cfg.attention_history), cfg.attention_dim
    if name == "location":
        return LocationHistory(
            dim,
            channels=cfg.attention_location_channels,
            kernel_size=cfg.attention_location_kernel_size,
        )
    if name == "fertility-coverage":
        return FertilityCoverageHistory(dim, fertility=cfg.attention_fertility)
    return CoverageHistory(dim) if name == "coverage" else None


@preset
class S2SAttnTinyConfig(S2SAttnConfig):
    """``s2s_attn_tiny``: for laptops and tests."""

    encoder_embed_dim = 32
    encoder_hidden_size = 64
    decoder_embed_dim = 32
    decoder_hidden_size = 64
    attention_dim = 64
    dropout = 0.0


@register_model("s2s_attn_tiny", dataclass=S2SAttnTinyConfig)
class S2SAttnTinyModel(S2SAttnModel):
    """:class:`S2SAttnModel` in small."""
