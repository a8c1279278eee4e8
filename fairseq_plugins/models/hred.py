"""``--arch s2s_hred``: a dialogue model that reads turn by turn."""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
from dataclasses import field

from fairseq.data import Dictionary
from fairseq.models import register_model

from ..errors import S2SError
from ..modules.embedding import Embedding
from ..modules.hierarchical_encoder import HierarchicalEncoder
from ..modules.stack import build_rnn
from ._building import build_dropout, build_layers, build_word_dropout, cell_options
from ._options import preset
from ._validation import refuse_changed
from .s2s_attn import S2SAttnConfig, S2SAttnModel


@preset
class HREDConfig(S2SAttnConfig):
    """Serban et al. (2016), "Building End-To-End Dialogue Systems Using Generative HRED Models".

    arXiv:1507.04808, section 3 (after Sordoni et al., 2015, arXiv:1507.02221): an RNN reads each
    turn, a second one reads the turns' vectors, and its last state starts the decoder. Added to
    the paper: attention over the words of all turns, each beside its turn's context (Xing et al.,
    2018, arXiv:1701.07149, have two attentions).

    Left out: the reset gate before the matrix (``--gru-reset before``), the linear readout of the
    state before the step (here the deep output of ``s2s_attn``), pretrained embeddings and the
    second training on question-answer pairs (flags of fairseq-train); the context's share in every
    step's cell comes by attention.
    """

    rnn_type = "gru"
    context_hidden_size: int = field(
        default=512, metadata={"help": "size of the state of the RNN over the turns"}
    )
    separator: str = field(
        default="<sep>", metadata={"help": "the source's symbol between two turns"}
    )


@register_model("s2s_hred", dataclass=HREDConfig)
class HREDModel(S2SAttnModel):
    """A hierarchical encoder: words make turns, turns make a dialogue."""

    @classmethod
    def build_encoder(
        cls, cfg: HREDConfig, dictionary: Dictionary, embed_tokens: Embedding
    ) -> HierarchicalEncoder:
        """A token RNN and a context RNN."""
        why = "the memory holds the states of words and turns"
        refuse_changed(cfg, HREDConfig, ["encoder_out_dim"], why)
        if str(cfg.bridge) == "transform-backward":
            raise S2SError(
                "--bridge transform-backward reads a backward state, but the last state of --arch "
                "s2s_hred is that of the RNN over the turns, which reads forward: use --bridge "
                "transform-last."
            )
        if cfg.separator not in dictionary:
            raise S2SError(
                f"--separator {cfg.separator} is not a symbol of the source dictionary, so no "
                "turn would end: write it between the turns before fairseq-preprocess, or name "
                "the symbol that stands there."
            )
        token_rnn = build_layers(
            cfg,
            "encoder",
            cfg.encoder_embed_dim,
            num_layers=cfg.encoder_layers,
            directions=cls.directions(cfg),
            residual_from=cfg.residual_from,
        )
        context_rnn = build_rnn(
            cell_options(cfg, "encoder"), token_rnn.output_dim, cfg.context_hidden_size
        )
        return HierarchicalEncoder(
            dictionary,
            embed_tokens,
            token_rnn,
            context_rnn,
            separator=dictionary.index(cfg.separator),
            word_dropout=build_word_dropout(cfg.encoder_word_dropout, dictionary),
            dropout_in=build_dropout(cfg, cfg.encoder_dropout_in),
            dropout_out=build_dropout(cfg, cfg.encoder_dropout_out),
        )


@preset
class HREDTinyConfig(HREDConfig):
    """``s2s_hred_tiny``: for laptops and tests."""

    encoder_embed_dim = 32
    encoder_hidden_size = 64
    context_hidden_size = 64
    decoder_embed_dim = 32
    decoder_hidden_size = 64
    attention_dim = 64
    dropout = 0.0


@register_model("s2s_hred_tiny", dataclass=HREDTinyConfig)
class HREDTinyModel(HREDModel):
    """:class:`HREDModel` in small."""
