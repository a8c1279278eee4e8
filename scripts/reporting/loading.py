"""Models for a report: those of this package, and fairseq's own ``lstm`` and ``transformer``."""

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary

import fairseq_plugins
from fairseq_plugins._loading import (
    find_languages,
    read_dictionary,
    read_pieces,
    told_languages,
)
from fairseq_plugins.checkpoint import Checkpoint, find_checkpoint, read_checkpoint
from fairseq_plugins.errors import S2SError
from fairseq_plugins.hub import Seq2Seq
from fairseq_plugins.tasks import TranslationS2SConfig, TranslationS2STask

from . import builtin
from .subject import Subject

LOG = "train.log"
OF_A_FOLDER = ("checkpoint_best.pt", "checkpoint_last.pt")


def split_name(argument: str) -> tuple[str, Path]:
    """``NAME=PATH`` or ``PATH`` -> name and checkpoint; by default the name is the folder's.

    Raises:
        S2SError: where there is no checkpoint
    """
    name, equals, path = argument.partition("=")
    if not equals or Path(argument).exists():
        name, path = "", argument
    checkpoint = find_checkpoint(path or ".")
    if not name:
        plain = checkpoint.name in OF_A_FOLDER
        name = checkpoint.resolve().parent.name + ("" if plain else f"/{checkpoint.stem}")
    return name, checkpoint


def languages_of(path: Path, data: Path | None) -> tuple[str, str]:
    """Source and target language of a checkpoint; ``data`` helps where it does not tell them.

    Raises:
        S2SError: where nothing tells
    """
    checkpoint = Checkpoint(path, {}, _task(read_state(path)), {})
    return find_languages(checkpoint, data if data is not None else path.parent)


def direction_of(path: Path, data: Path | None) -> tuple[str, str] | None:
    """As ``languages_of``, but None where their order would be a guess."""
    checkpoint = Checkpoint(path, {}, _task(read_state(path)), {})
    return told_languages(checkpoint, data if data is not None else path.parent)


def _task(state: Mapping[str, Any]) -> dict[str, Any]:
    """The stored options of the task, if they are stored."""
    task = state["cfg"].get("task")
    return task if isinstance(task, dict) else {}


def load(name: str, path: Path, data: Path | None, languages: tuple[str, str]) -> Subject:
    """A model of the report.

    Args:
        name: as the page calls it
        path: of the checkpoint
        data: of the dictionaries, where none stand beside the checkpoint
        languages: source and target, of the test set

    Raises:
        S2SError: in one sentence, for whatever is missing, unsafe or does not fit
    """
    state = read_state(path)
    options = _options(path, state["cfg"].get("model"))
    folder = _dictionaries(path, data, languages)
    told = told_languages(Checkpoint(path, {}, _task(state), {}), data or path.parent)
    check_languages(name, told, languages)
    _check_sizes(path, state["model"], folder, languages)
    foreign = isinstance(state["cfg"].get("model"), argparse.Namespace)  # which we never store
    if foreign or builtin.model_name(options["_name"]):
        model = _load_builtin(path, options, state["model"], folder, languages)
    else:
        model = fairseq_plugins.load(path, data=folder, languages=languages)
    seconds = state["extra_state"].get("previous_training_time")
    log = path.parent / LOG
    return Subject(
        name=name,
        path=path,
        model=model,
        arch=options["_name"],
        parameters=sum(parameter.numel() for parameter in model.model.parameters()),
        updates=_updates(state),
        seconds=None if seconds is None else float(seconds),
        log=log if log.is_file() else None,
    )


def read_state(path: Path) -> dict[str, Any]:
    """What a checkpoint holds: plain data, tensors, and of classes ``argparse.Namespace`` alone.

    Raises:
        S2SError: for a file that is broken or holds anything else
    """
    try:
        read_checkpoint(path)  # says in a sentence what is wrong with a file
    except S2SError as error:
        if not isinstance(error.__cause__, pickle.UnpicklingError):
            raise
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise S2SError(
            f"The checkpoint {path} holds more than weights and plain options: it is not loaded."
        ) from error
    cfg = state.get("cfg") if isinstance(state, dict) else None
    if not isinstance(cfg, dict) or not isinstance(state.get("model"), dict):
        raise S2SError(f"The file {path} is no fairseq checkpoint: it holds no cfg and model.")
    if not isinstance(state.get("extra_state"), dict):
        state["extra_state"] = {}
    return state


def _options(path: Path, stored: Any) -> dict[str, Any]:
    """The stored options of the model, ``_name`` among them."""
    options = vars(stored) if isinstance(stored, argparse.Namespace) else stored
    if not isinstance(options, dict) or not isinstance(options.get("_name"), str):
        raise S2SError(f"The checkpoint {path} does not say which model it holds.")
    return options


def _dictionaries(path: Path, data: Path | None, languages: tuple[str, str]) -> Path:
    """The folder with the dictionaries: the checkpoint's own, else the data's."""
    for folder in (path.parent, data):
        if folder and all((folder / f"dict.{language}.txt").is_file() for language in languages):
            return folder
    raise S2SError(
        f"There are no dictionaries dict.{languages[0]}.txt and dict.{languages[1]}.txt beside "
        f"{path}{f' or in {data}' if data else ''}: give the folder of the binarised data it was "
        "trained on with --data."
    )


def check_languages(name: str, trained: tuple[str, str] | None, languages: tuple[str, str]) -> None:
    """Refuse a model that was trained for another direction; None: nothing tells for which."""
    if trained and trained != languages:
        raise S2SError(
            f"The model {name} goes from {trained[0]} to {trained[1]}, but the test set from "
            f"{languages[0]} to {languages[1]}: compare models of one direction."
        )


def _check_sizes(
    path: Path, weights: Mapping[str, Any], folder: Path, languages: tuple[str, str]
) -> None:
    """Refuse dictionaries of another vocabulary than the checkpoint's."""
    for side, language in zip(("encoder", "decoder"), languages, strict=True):
        rows = weights.get(f"{side}.embed_tokens.weight")
        file = folder / f"dict.{language}.txt"
        if rows is not None and len(rows) != len(read_dictionary(file)):
            raise S2SError(
                f"The dictionary {file} has {len(read_dictionary(file))} words, but the model in "
                f"{path} knows {len(rows)}: give the data it was trained on with --data."
            )


def _load_builtin(
    path: Path,
    options: Mapping[str, Any],
    weights: dict[str, Any],
    folder: Path,
    languages: tuple[str, str],
) -> Seq2Seq:
    source, target = (_dictionary(folder, language) for language in languages)
    config = TranslationS2SConfig(source_lang=languages[0], target_lang=languages[1])
    task = TranslationS2STask(config, source, target)
    model = builtin.build(path, options, weights, task).eval()
    model.make_generation_fast_(need_attn=True)
    return builtin.BuiltinSeq2Seq(model, task, read_pieces(folder), folder)


def _dictionary(folder: Path, language: str) -> Dictionary:
    return read_dictionary(folder / f"dict.{language}.txt")


def _updates(state: Mapping[str, Any]) -> int:
    history = state.get("optimizer_history")
    if not isinstance(history, list) or not history or not isinstance(history[-1], dict):
        return 0
    return int(history[-1].get("num_updates", 0))
