"""``--arch s2s``: an RNN encoder and a plain RNN decoder.

This file turns options and dictionaries into modules; no module below knows a config or a task.
"""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.data import Dictionary
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.models import FairseqEncoderDecoderModel, register_model
from fairseq.tasks import FairseqTask
from omegaconf import II
from torch import Tensor

from ..errors import S2SError
from ..modules.bridge import BRIDGES, Bridge
from ..modules.decoder import BaseRNNDecoder, RNNDecoder
from ..modules.embedding import Embedding
from ..modules.encoder import RNNEncoder
from ..modules.initialise import initialise
from ..modules.readout import DeepOutput, OutputProjection
from ..modules.rnn import NONLINEARITIES, RNN, RNN_TYPES, STATE_NAMES
from ._embedding import build_embedding
from ._validation import check_embeddings, check_sizes

RNN_TYPE_CHOICES = ChoiceEnum(list(RNN_TYPES))
NONLINEARITY_CHOICES = ChoiceEnum(list(NONLINEARITIES))
DIRECTION_CHOICES = ChoiceEnum(["forward", "bidirectional"])
BRIDGE_CHOICES = ChoiceEnum(list(BRIDGES))


@dataclass
class S2SConfig(FairseqDataclass):
    """The options of ``s2s``; sizes near those of the field's small recurrent models."""

    rnn_type: RNN_TYPE_CHOICES = field(
        default="lstm", metadata={"help": "recurrent cell of encoder and decoder"}
    )
    encoder_rnn_type: RNN_TYPE_CHOICES = field(
        default=II("model.rnn_type"), metadata={"help": "cell of the encoder, if another"}
    )
    decoder_rnn_type: RNN_TYPE_CHOICES = field(
        default=II("model.rnn_type"), metadata={"help": "cell of the decoder, if another"}
    )
    rnn_nonlinearity: NONLINEARITY_CHOICES = field(
        default="tanh", metadata={"help": "nonlinearity of the cell 'rnn'"}
    )
    encoder_embed_dim: int = field(default=256, metadata={"help": "size of a source embedding"})
    encoder_hidden_size: int = field(
        default=512, metadata={"help": "size of an encoder state, per direction"}
    )
    encoder_layers: int = field(default=1, metadata={"help": "number of encoder layers"})
    encoder_direction: DIRECTION_CHOICES = field(
        default="bidirectional", metadata={"help": "how the encoder reads the source"}
    )
    decoder_embed_dim: int = field(default=256, metadata={"help": "size of a target embedding"})
    decoder_hidden_size: int = field(default=512, metadata={"help": "size of a decoder state"})
    decoder_layers: int = field(default=1, metadata={"help": "number of decoder layers"})
    decoder_out_embed_dim: int = field(
        default=II("model.decoder_embed_dim"),
        metadata={"help": "size of the readout's features, from which the logits are made"},
    )
    bridge: BRIDGE_CHOICES = field(
        default="transform-last",
        metadata={
            "help": "how the semantic vector C, the decoder's first state, is made: the encoder's "
            "last state, a learned transform of it, or a learned transform of all states"
        },
    )
    context_every_step: bool = field(
        default=False,
        metadata={"help": "give C to every step of the plain decoder, not only to the first"},
    )
    dropout: float = field(
        default=0.2, metadata={"help": "dropout, where no option below says otherwise"}
    )
    encoder_dropout_in: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the source embeddings"}
    )
    encoder_dropout_out: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the encoder's outputs"}
    )
    decoder_dropout_in: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the target embeddings"}
    )
    decoder_dropout_out: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the readout's features"}
    )
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "use the target embedding as output projection too"}
    )
    share_all_embeddings: bool = field(
        default=False,
        metadata={"help": "one embedding for source, target and output (joined dictionary)"},
    )
    encoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file with pretrained source embeddings"}
    )
    decoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file with pretrained target embeddings"}
    )
    encoder_freeze_embed: bool = field(
        default=False, metadata={"help": "do not train the source embeddings"}
    )
    decoder_freeze_embed: bool = field(
        default=False, metadata={"help": "do not train the target embeddings"}
    )


@register_model("s2s", dataclass=S2SConfig)
class S2SModel(FairseqEncoderDecoderModel):
    """An RNN encoder and a decoder that sees the sentence through one vector, C.

    A variant overrides one of :meth:`build_encoder`, :meth:`build_bridge`, :meth:`build_decoder`.
    """

    @classmethod
    def build_model(cls, cfg: S2SConfig, task: FairseqTask) -> "S2SModel":
        """Build the model for a task with a source and a target dictionary.

        Raises:
            S2SError: for options that contradict each other, quoting both
        """
        source, target = task.source_dictionary, task.target_dictionary
        check_sizes(cfg)
        check_embeddings(cfg, joined=source == target)
        embed_source = build_embedding(
            source, cfg.encoder_embed_dim, cfg.encoder_embed_path, cfg.encoder_freeze_embed
        )
        embed_target = (
            embed_source
            if cfg.share_all_embeddings
            else build_embedding(
                target, cfg.decoder_embed_dim, cfg.decoder_embed_path, cfg.decoder_freeze_embed
            )
        )
        try:
            encoder = cls.build_encoder(cfg, source, embed_source)
            decoder = cls.build_decoder(cfg, target, embed_target, encoder)
        except ValueError as error:  # what a module refuses, the user can mend
            raise S2SError(str(error)) from error
        encoder.apply(initialise)
        decoder.apply(initialise)
        return cls(encoder, decoder)

    @classmethod
    def build_encoder(
        cls, cfg: S2SConfig, dictionary: Dictionary, embed_tokens: Embedding
    ) -> RNNEncoder:
        """The encoder; its ``output_dim`` is the size of a memory vector."""
        rnn = RNN(
            str(cfg.encoder_rnn_type),
            cfg.encoder_embed_dim,
            cfg.encoder_hidden_size,
            num_layers=cfg.encoder_layers,
            bidirectional=str(cfg.encoder_direction) == "bidirectional",
            dropout=cfg.dropout,
            nonlinearity=str(cfg.rnn_nonlinearity),
        )
        return RNNEncoder(
            dictionary,
            embed_tokens,
            rnn,
            dropout_in=cfg.encoder_dropout_in,
            dropout_out=cfg.encoder_dropout_out,
        )

    @classmethod
    def build_bridge(cls, cfg: S2SConfig, encoder: RNNEncoder) -> Bridge:
        """The way from the encoder's last or all states to the decoder's first."""
        return BRIDGES[str(cfg.bridge)](
            encoder_dim=encoder.output_dim,
            encoder_layers=cfg.encoder_layers,
            encoder_states=encoder.rnn.state_names,
            decoder_dim=cfg.decoder_hidden_size,
            decoder_layers=cfg.decoder_layers,
            decoder_states=STATE_NAMES[str(cfg.decoder_rnn_type)],
        )

    @classmethod
    def build_decoder(
        cls,
        cfg: S2SConfig,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        encoder: RNNEncoder,
    ) -> BaseRNNDecoder:
        """The decoder."""
        context_dim = cfg.decoder_hidden_size if cfg.context_every_step else 0
        rnn = RNN(
            str(cfg.decoder_rnn_type),
            cfg.decoder_embed_dim + context_dim,
            cfg.decoder_hidden_size,
            num_layers=cfg.decoder_layers,
            dropout=cfg.dropout,
            nonlinearity=str(cfg.rnn_nonlinearity),
        )
        readout_dims = [cfg.decoder_hidden_size]
        if cfg.context_every_step:
            readout_dims += [context_dim, cfg.decoder_embed_dim]
        return RNNDecoder(
            dictionary,
            embed_tokens,
            rnn=rnn,
            context_every_step=cfg.context_every_step,
            bridge=cls.build_bridge(cfg, encoder),
            **cls.build_output(cfg, embed_tokens, readout_dims),
        )

    @classmethod
    def build_output(
        cls, cfg: S2SConfig, embed_tokens: Embedding, readout_dims: list[int]
    ) -> dict[str, Any]:
        """What every decoder is given: dropouts, the readout and the output projection."""
        shared = cfg.share_all_embeddings or cfg.share_decoder_input_output_embed
        return {
            "readout": DeepOutput(readout_dims, cfg.decoder_out_embed_dim),
            "output_proj": OutputProjection(
                cfg.decoder_out_embed_dim,
                len(embed_tokens.weight),
                weight=embed_tokens.weight if shared else None,
            ),
            "dropout_in": cfg.decoder_dropout_in,
            "dropout_out": cfg.decoder_dropout_out,
        }

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor], strict: bool = True, *args, **kwargs
    ) -> Any:
        """Load weights; a dictionary of another size than the checkpoint's is named.

        Raises:
            S2SError: with both sizes
        """
        for side, part in (("source", self.encoder), ("target", self.decoder)):
            name = f"{'encoder' if side == 'source' else 'decoder'}.embed_tokens.weight"
            if name in state_dict and len(state_dict[name]) != len(part.dictionary):
                raise S2SError(
                    f"The checkpoint was trained with a {side} dictionary of "
                    f"{len(state_dict[name])} symbols, but the one given now has "
                    f"{len(part.dictionary)}: use the dict.*.txt files of its training."
                )
        return super().load_state_dict(state_dict, strict, *args, **kwargs)


@dataclass
class S2STinyConfig(S2SConfig):
    """``s2s_tiny``: for laptops and tests."""

    encoder_embed_dim: int = 32
    encoder_hidden_size: int = 64
    decoder_embed_dim: int = 32
    decoder_hidden_size: int = 64
    dropout: float = 0.0


@register_model("s2s_tiny", dataclass=S2STinyConfig)
class S2STinyModel(S2SModel):
    """:class:`S2SModel` in small."""
