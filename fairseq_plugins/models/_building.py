"""Parts that several models build from the same options; fairseq does not import ``_`` files."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from fairseq.data import Dictionary
from omegaconf import DictConfig
from torch import nn

from ..modules.cells import CellOptions
from ..modules.dropout import Dropout
from ..modules.embedding import Embedding
from ..modules.initialise import initialise
from ..modules.output import MixtureOfSoftmaxes, OutputProjection, build_adaptive_softmax
from ..modules.readout import READOUTS
from ..modules.rnn import RNN
from ..modules.scheduled_sampling import build_schedule
from ..modules.stack import Stack, build_rnn
from ..modules.word_dropout import WordDropout


def cell_options(cfg: DictConfig, side: str) -> CellOptions:
    """The recurrent cell of a side, ``"encoder"`` or ``"decoder"``."""
    rnn_type = str(cfg[f"{side}_rnn_type"])
    return CellOptions(
        rnn_type,
        nonlinearity=str(cfg.rnn_nonlinearity) if rnn_type == "rnn" else "tanh",
        layer_norm=str(cfg.cell_norm) != "none",
        recurrent_dropout=cfg.recurrent_dropout,
        reset_before=str(cfg.gru_reset) == "before" and rnn_type == "gru",
        norm_per_gate=str(cfg.cell_norm) == "per-gate",
        linear_output=str(cfg.lstm_output) == "linear" and rnn_type == "lstm",
    )


def build_layers(
    cfg: DictConfig,
    side: str,
    input_dim: int,
    *,
    num_layers: int,
    directions: str | Sequence[str] = "forward",
    residual_from: int = 0,
    context_dim: int = 0,
    input_dropout: float = 0.0,
) -> RNN | Stack:
    """The recurrent layers of a side."""
    return build_rnn(
        cell_options(cfg, side),
        input_dim,
        cfg[f"{side}_hidden_size"],
        num_layers=num_layers,
        directions=directions,
        dropout=cfg.dropout,
        variational=cfg.variational_dropout,
        residual_from=residual_from,
        context_dim=context_dim,
        input_dropout=input_dropout,
    )


def first_weights(cfg: DictConfig) -> Callable[[nn.Module], None]:
    """What gives a module its first weights; use with ``model.apply``."""
    return partial(initialise, forget_bias=cfg.forget_bias, recurrent=str(cfg.recurrent_init))


def build_dropout(cfg: DictConfig, p: float) -> Dropout:
    """A dropout, with one mask for all time steps where the options say so."""
    return Dropout(p, variational=cfg.variational_dropout)


def build_word_dropout(p: float, dictionary: Dictionary) -> WordDropout | None:
    """Word dropout that spares the padding and the ends of sentences."""
    if p == 0:
        return None
    keep = (dictionary.bos(), dictionary.pad(), dictionary.eos())
    return WordDropout(p, dictionary.unk(), keep)


def build_output(
    cfg: DictConfig, dictionary: Dictionary, embed_tokens: Embedding, dims: Mapping[str, int]
) -> dict[str, Any]:
    """What every decoder is given: readout, output, dropouts, schedule.

    Args:
        dims: the sizes of the readout's inputs, by their names in the decoder's ``Unrolled``
    """
    adaptive = None
    if cfg.adaptive_softmax_cutoff is not None:
        adaptive = build_adaptive_softmax(
            len(dictionary),
            cfg.decoder_out_embed_dim,
            cfg.adaptive_softmax_cutoff,
            dropout=cfg.adaptive_softmax_dropout,
            factor=cfg.adaptive_softmax_factor,
        )
    schedule = build_schedule(
        str(cfg.scheduled_sampling),
        k=cfg.scheduled_sampling_k,
        slope=cfg.scheduled_sampling_slope,
        floor=cfg.scheduled_sampling_floor,
    )
    return {
        "readout": READOUTS[str(cfg.readout)](list(dims.values()), cfg.decoder_out_embed_dim),
        "readout_inputs": list(dims),
        "output_proj": None if adaptive else build_projection(cfg, dictionary, embed_tokens),
        "adaptive_softmax": adaptive,
        "schedule": schedule,
        "word_dropout": build_word_dropout(cfg.decoder_word_dropout, dictionary),
        "dropout_in": build_dropout(cfg, cfg.decoder_dropout_in),
        "dropout_out": build_dropout(cfg, cfg.decoder_dropout_out),
    }


def build_projection(cfg: DictConfig, dictionary: Dictionary, embed_tokens: Embedding) -> nn.Module:
    """Features -> logits, by the target embedding's weights where they are shared."""
    shared = cfg.share_all_embeddings or cfg.share_decoder_input_output_embed
    weight = cast(nn.Parameter, embed_tokens.weight) if shared else None
    sizes = (cfg.decoder_out_embed_dim, len(dictionary))
    if cfg.softmax_mixtures > 1:
        return MixtureOfSoftmaxes(*sizes, cfg.softmax_mixtures, weight=weight)
    return OutputProjection(*sizes, weight=weight)
