"""What is known about a trained model: from its options, its checkpoint and a card beside it.

``card.json``, which is optional, tells what a checkpoint cannot: ``data``, ``licence`` and ``date``
are texts, ``scores`` is an object of names and values.
"""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeGuard

from fairseq.models import MODEL_REGISTRY

from .package import CARD as CARD_FILE
from .package import WEIGHTS, read_package

TEXTS = ("data", "licence", "date")
MAX_BYTES = 1 << 16  # of card.json
MAX_TEXT = 300  # characters of a text
MAX_SCORE = 60  # characters of a score's name and of its value
MAX_SCORES = 12

# Losses that are the cross-entropy itself where no label smoothing is asked for.
CROSS_ENTROPIES = (
    "cross_entropy",
    "label_smoothed_cross_entropy",
    "label_smoothed_cross_entropy_fused",
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelCard:
    """What is known; texts that nobody has said are empty.

    Attributes:
        options: of the model, as they are stored
        data: what the model was trained on
        licence: on what terms it may be used
        date: of the training, by default that of the file
        scores: names and values, as text
    """

    options: Mapping[str, Any]
    data: str
    licence: str
    date: str
    scores: Mapping[str, str]


def read_model_card(path: Path) -> ModelCard:
    """What a checkpoint, or the weights of an exported model, and the card beside it tell.

    Args:
        path: the file
    """
    told = _read_told(path.with_name(CARD_FILE))
    if path.name == WEIGHTS:
        options, learned = read_package(path.parent).model, {}  # its card.json tells the scores
    else:
        state = _read_state(path)
        options, learned = _part(_part(state, "cfg"), "model"), _training(state)
    return ModelCard(
        options=options,
        data=told.get("data", ""),
        licence=told.get("licence", ""),
        date=told.get("date") or date.fromtimestamp(path.stat().st_mtime).isoformat(),
        scores={**learned, **told.get("scores", {})},
    )


@dataclass(frozen=True)
class StoredLoss:
    """The cross-entropy on the validation data, as a checkpoint has it.

    Attributes:
        bits: for each token
        smoothing: of the labels
        subset: of the data
    """

    bits: float
    smoothing: float
    subset: str


def stored_loss(path: Path) -> StoredLoss | None:
    """What a checkpoint tells of its validation; None where that was no cross-entropy."""
    state = _read_state(path) if path.suffix == ".pt" else {}
    cfg = _part(state, "cfg")
    loss = _part(state, "extra_state").get("val_loss")
    metric = _part(cfg, "checkpoint").get("best_checkpoint_metric")
    criterion = _part(cfg, "criterion")
    smoothing = criterion.get("label_smoothing") or 0.0
    known = criterion.get("_name") in CROSS_ENTROPIES and metric in ("loss", "nll_loss")
    if not known or not isinstance(loss, int | float) or not math.isfinite(loss):
        return None
    if not isinstance(smoothing, float) or not 0 <= smoothing < 1:
        return None
    subsets = str(_part(cfg, "dataset").get("valid_subset", "valid"))
    first = subsets.split(",")[0].strip()  # whose loss fairseq keeps
    return StoredLoss(loss, 0.0 if metric == "nll_loss" else smoothing, first)


def describe(options: Mapping[str, Any], attends: bool) -> str:
    """The stored options of a model in one line: cells, attention, layers, sizes.

    For example ``"s2s_attn: bidirectional GRU with additive attention, 1 + 1 layers, 192/256"``.
    """
    if not options:
        return ""
    decoder = str(options.get("decoder_rnn_type") or options.get("rnn_type", "RNN")).upper()
    encoder, layers, size = _encoder(options)
    own = getattr(MODEL_REGISTRY.get(str(options.get("_name"))), "attention", None)
    score = own.score if own else options.get("attention_score", "")  # older ones do not name it
    attention = f"with {score} attention".replace("  ", " ") if attends else "without attention"
    cells = decoder if encoder == decoder else f"{encoder} and {decoder}"
    if "bidirectional" in str(options.get("encoder_direction")) and encoder.isupper():
        cells = f"bidirectional {cells}"
    return (
        f"{options.get('_name', 'model')}: {cells} {attention}, "
        f"{layers} + {options.get('decoder_layers', '?')} layers, "
        f"{size}/{options.get('decoder_hidden_size', '?')}"
    )


def _encoder(options: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """Kind, number of layers and size of the encoder."""
    if "transformer_heads" in options:
        return "Transformer", options.get("encoder_layers", "?"), options.get("encoder_embed_dim")
    if "conv_key_layers" in options:
        return "convolutions", options["conv_key_layers"], options.get("conv_hidden_size")
    cell = str(options.get("encoder_rnn_type") or options.get("rnn_type", "RNN")).upper()
    return cell, options.get("encoder_layers", "?"), options.get("encoder_hidden_size", "?")


def _read_state(path: Path) -> dict[str, Any]:
    """What a checkpoint tells besides its weights, which stay on the disk; plain data only."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a card is no reason to refuse a model that has been loaded
        logger.warning("Nothing is known of the training of %s: %s", path, _first_line(error))
        return {}
    return state if isinstance(state, dict) else {}


def _training(state: Mapping[str, Any]) -> dict[str, str]:
    """How the validation went, and after how many updates."""
    scores = {}
    cfg = _part(state, "cfg")
    loss = _part(state, "extra_state").get("val_loss")
    metric = str(_part(cfg, "checkpoint").get("best_checkpoint_metric", ""))
    if isinstance(loss, int | float) and math.isfinite(loss):
        criterion = _part(cfg, "criterion")
        plain = criterion.get("_name") in CROSS_ENTROPIES and not criterion.get("label_smoothing")
        if metric == "nll_loss" or (metric == "loss" and plain):  # in bits
            scores["perplexity (validation)"] = f"{2 ** min(loss, 60.0):.4g}"
        elif metric.isidentifier():
            scores[f"{metric} (validation)"] = f"{loss:.4g}"
    history = state.get("optimizer_history")
    updates = history[-1].get("num_updates") if _is_history(history) else None
    if isinstance(updates, int):
        scores["updates"] = f"{updates:,}"
    return scores


def _is_history(history: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(history, list) and bool(history) and isinstance(history[-1], dict)


def _part(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A dictionary inside another; empty where there is none."""
    part = state.get(name)
    return part if isinstance(part, dict) else {}


def _read_told(path: Path) -> dict[str, Any]:
    """What ``card.json`` tells; a broken one is a warning."""
    try:
        if not path.is_file():
            return {}
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES} bytes")
        told = json.loads(path.read_text("utf-8"))
        return _checked(told)
    except (OSError, ValueError, RecursionError) as error:  # broken JSON is a ValueError
        logger.warning("The card %s is left out: %s.", path, _first_line(error))
        return {}


def _checked(told: Any) -> dict[str, Any]:
    """The content of a card, each part of its type and bounded."""
    if not isinstance(told, dict):
        raise ValueError("it is no JSON object")
    for name, value in told.items():
        if name == "scores":
            continue
        if name not in TEXTS:
            raise ValueError(
                f"it has {name[:MAX_SCORE]!r}, but a card has {', '.join(TEXTS)}, scores"
            )
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise ValueError(f"{name} is no text of at most {MAX_TEXT} characters")
    scores = told.get("scores", {})
    if not isinstance(scores, dict) or len(scores) > MAX_SCORES:
        raise ValueError(f"scores is no object of at most {MAX_SCORES} numbers or texts")
    texts = {name: told[name] for name in TEXTS if name in told}
    return {**texts, "scores": {name: _score(name, scores[name]) for name in scores}}


def _score(name: str, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = f"{value:g}" if number else value
    if not isinstance(text, str) or max(len(name), len(text)) > MAX_SCORE:
        raise ValueError(
            f"the score {name[:MAX_SCORE]!r} is no number or text of {MAX_SCORE} characters"
        )
    return text


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
