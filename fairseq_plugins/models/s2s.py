"""``--arch s2s``: an RNN encoder and a plain RNN decoder.

This file turns options and dictionaries into modules; no module below knows a config or a task.
"""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.logging import metrics
from fairseq.models import (
    MODEL_DATACLASS_REGISTRY,
    FairseqEncoderDecoderModel,
    register_model,
)
from fairseq.tasks import FairseqTask
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from ..errors import OtherModel, S2SError
from ..modules.bridge import BRIDGES, Bridge
from ..modules.cells import STATE_NAMES
from ..modules.decoder import BaseRNNDecoder, RNNDecoder
from ..modules.embedding import Embedding
from ..modules.encoder import MemoryEncoder, RNNEncoder
from ..modules.fast import set_fast
from ..modules.prepared_step import prepare
from ..ops.packed_linear import has_bf16
from ._building import (
    build_dropout,
    build_layers,
    build_output,
    build_word_dropout,
    first_weights,
)
from ._embedding import build_embedding
from ._options import (
    OutputOptions,
    RecurrenceOptions,
    RegularisationOptions,
    SpeedOptions,
    preset,
)
from ._validation import (
    check_embeddings,
    check_memory_is_read,
    check_outputs,
    check_recurrence,
    check_sizes,
    check_task,
    check_unused,
)


@dataclass
class S2SConfig(SpeedOptions, RegularisationOptions, OutputOptions, RecurrenceOptions):
    """The options of ``s2s``; sizes near those of the field's small recurrent models."""

    context_every_step: bool = field(
        default=False,
        metadata={"help": "give C to every step of the plain decoder, not only to the first"},
    )


@register_model("s2s", dataclass=S2SConfig)
class S2SModel(FairseqEncoderDecoderModel):
    """An RNN encoder and a decoder that sees the sentence through one vector, C.

    A variant overrides one of :meth:`build_encoder`, :meth:`build_bridge`, :meth:`build_decoder`.
    """

    cpu_bf16 = False
    decode_precision = "fp32"

    @classmethod
    def build_model(cls, cfg: S2SConfig, task: FairseqTask) -> "S2SModel":
        """Build the model for a task with a source and a target dictionary.

        Raises:
            S2SError: for options that contradict each other, quoting both
        """
        check_task(task)
        source, target = task.source_dictionary, task.target_dictionary
        check_sizes(cfg)
        check_recurrence(cfg)
        check_outputs(cfg)
        check_unused(cfg, MODEL_DATACLASS_REGISTRY.get(getattr(cfg, "_name", None), S2SConfig)())
        check_embeddings(cfg, joined=source == target)
        try:
            model = cls(*cls.build_sides(cfg, source, target))
        except ValueError as error:  # what a module refuses, the user can mend
            raise S2SError(str(error)) from error
        model.initialise(cfg)
        set_fast(model, not cfg.no_fast)
        model.cpu_bf16, model.decode_precision = cfg.cpu_bf16, str(cfg.decode_precision)
        return model

    def initialise(self, cfg: S2SConfig) -> None:
        """Give all parts their first weights."""
        self.apply(first_weights(cfg))

    @classmethod
    def build_sides(
        cls, cfg: S2SConfig, source: Dictionary, target: Dictionary
    ) -> tuple[MemoryEncoder, BaseRNNDecoder]:
        """Encoder and decoder with their embeddings, which may be one."""
        embed_source = cls.build_embedding(cfg, source, "encoder")
        embed_target = embed_source
        if not cfg.share_all_embeddings:
            embed_target = cls.build_embedding(cfg, target, "decoder")
        encoder = cls.build_encoder(cfg, source, embed_source)
        return encoder, cls.build_decoder(cfg, target, embed_target, encoder)

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, dict[str, list[Tensor | None]]]:
        """What fairseq's encoder-decoder gives, with ``--cpu-bf16`` under autocast in training."""
        half = self.training and self.cpu_bf16 and self.decoder.embed_tokens.weight.is_cpu
        if half and not has_bf16():
            raise S2SError(
                "--cpu-bf16 needs a processor that multiplies bfloat16 itself (AVX512-BF16 or "
                "AMX), which this one does not: leave it out."
            )
        with torch.autocast("cpu", torch.bfloat16) if half else nullcontext():
            return super().forward(*args, **kwargs)

    @classmethod
    def build_embedding(cls, cfg: S2SConfig, dictionary: Dictionary, side: str) -> Embedding:
        """The embedding of a side, ``"encoder"`` or ``"decoder"``."""
        return build_embedding(
            dictionary,
            cfg[f"{side}_embed_dim"],
            cfg[f"{side}_embed_path"],
            cfg[f"{side}_freeze_embed"],
            markers=getattr(cfg, "pointer_generator", False),
        )

    @classmethod
    def build_encoder(
        cls, cfg: S2SConfig, dictionary: Dictionary, embed_tokens: Embedding
    ) -> MemoryEncoder:
        """The encoder; its ``output_dim`` is the size of a memory vector."""
        layers = build_layers(
            cfg,
            "encoder",
            cfg.encoder_embed_dim,
            num_layers=cfg.encoder_layers,
            directions=cls.directions(cfg),
            residual_from=cfg.residual_from,
        )
        return RNNEncoder(
            dictionary,
            embed_tokens,
            layers,
            bidirectional=str(cfg.encoder_direction) == "bidirectional",
            output_dim=cfg.encoder_out_dim,
            word_dropout=build_word_dropout(cfg.encoder_word_dropout, dictionary),
            dropout_in=build_dropout(cfg, cfg.encoder_dropout_in),
            dropout_out=build_dropout(cfg, cfg.encoder_dropout_out),
        )

    @classmethod
    def directions(cls, cfg: S2SConfig) -> str | list[str]:
        """In which direction the encoder's layers read."""
        if str(cfg.encoder_direction) == "bidirectional-first":
            return ["bidirectional"] + ["forward"] * (cfg.encoder_layers - 1)
        return str(cfg.encoder_direction)

    @classmethod
    def build_bridge(cls, cfg: S2SConfig, encoder: MemoryEncoder) -> Bridge:
        """The way from the encoder's last or all states to the decoder's first."""
        return BRIDGES[str(cfg.bridge)](
            encoder_dim=encoder.state_dim,
            encoder_layers=encoder.state_layers,
            encoder_states=encoder.state_names,
            memory_dim=encoder.output_dim,
            bidirectional=encoder.bidirectional,
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
        encoder: MemoryEncoder,
    ) -> BaseRNNDecoder:
        """The decoder.

        Raises:
            S2SError: for a first state that holds nothing of the source
        """
        if str(cfg.bridge) == "zero":
            raise S2SError(
                "--bridge zero leaves the plain decoder nothing of the source: use another "
                "bridge, or --arch s2s_attn, whose attention brings it."
            )
        check_memory_is_read(cfg)
        hidden_dim, embed_dim = cfg.decoder_hidden_size, cfg.decoder_embed_dim
        dims = {"output": hidden_dim}
        if cfg.context_every_step:
            dims |= {"context": hidden_dim, "embedded": embed_dim}
        return RNNDecoder(
            dictionary,
            embed_tokens,
            rnn=build_layers(
                cfg,
                "decoder",
                embed_dim + dims.get("context", 0),
                num_layers=cfg.decoder_layers,
                residual_from=cfg.residual_from,
            ),
            context_every_step=cfg.context_every_step,
            bridge=cls.build_bridge(cfg, encoder),
            **build_output(cfg, dictionary, embed_tokens, dims),
        )

    def prepare_for_inference_(self, cfg: DictConfig) -> None:
        """What fairseq's commands call before they generate; ``--replace-unk`` reads alignments."""
        generation = cfg.generation
        if generation.replace_unk is not None:
            generation = OmegaConf.merge(generation, {"print_alignment": "hard"})
        super().prepare_for_inference_(OmegaConf.create({"generation": generation}))

    def make_generation_fast_(self, need_attn: bool = True, **kwargs: Any) -> None:
        """Get ready for generation; the weights must not change any more, so training ends here.

        Args:
            need_attn: whether alignments are wanted
        """
        if not self._is_generation_fast:
            super().make_generation_fast_(need_attn=need_attn, **kwargs)
            prepare(self.encoder, self.decoder, self.decode_precision, need_attn)

    def set_num_updates(self, num_updates: int) -> None:
        """Where training stands; the schedule of scheduled sampling goes into the log."""
        super().set_num_updates(num_updates)
        if self.decoder.schedule is not None:
            probability = self.decoder.gold_probability
            metrics.log_scalar("teacher_forcing", probability, weight=1, round=4)

    def load_state_dict(
        self, state_dict: Mapping[str, Tensor], strict: bool = True, *args: Any, **kwargs: Any
    ) -> Any:
        """Load weights; a dictionary of another size than the checkpoint's is named.

        Raises:
            S2SError: with both sizes
            OtherModel: where the weights are those of another architecture or of other sizes
        """
        for side, part in (("source", self.encoder), ("target", self.decoder)):
            name = f"{'encoder' if side == 'source' else 'decoder'}.embed_tokens.weight"
            if name in state_dict and len(state_dict[name]) != len(part.dictionary):
                raise S2SError(
                    f"The checkpoint was trained with a {side} dictionary of "
                    f"{len(state_dict[name])} symbols, but the one given now has "
                    f"{len(part.dictionary)}: use the dict.*.txt files of its training."
                )
        try:
            return super().load_state_dict(state_dict, strict, *args, **kwargs)
        except RuntimeError as error:
            raise OtherModel(
                f"The checkpoint holds another model than the options given now describe "
                f"({_difference(self.state_dict(), state_dict)}): give the options that it was "
                "trained with, or another --save-dir."
            ) from error


def _difference(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str:
    """The first thing in which a checkpoint's weights are not a model's."""
    for name, weight in own.items():
        if name not in other:
            return f"it has no {name}"
        if other[name].shape != weight.shape:
            return f"its {name} has the sizes {tuple(other[name].shape)}, not {tuple(weight.shape)}"
    return f"it has {next(name for name in other if name not in own)}, too"


@preset
class S2STinyConfig(S2SConfig):
    """``s2s_tiny``: for laptops and tests."""

    encoder_embed_dim = 32
    encoder_hidden_size = 64
    decoder_embed_dim = 32
    decoder_hidden_size = 64
    dropout = 0.0


@register_model("s2s_tiny", dataclass=S2STinyConfig)
class S2STinyModel(S2SModel):
    """:class:`S2SModel` in small."""
