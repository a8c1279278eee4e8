"""Reading a fairseq checkpoint before anything is built from it.

``torch.load(weights_only=True)`` refuses code in the file. That alone is not enough, since fairseq
evaluates strings of the stored configuration while it builds a model; so the configuration is
checked here too: plain data only, known fields, the declared types, sane sizes.
"""

import dataclasses
import enum
import pickle
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from ._integrity import damage
from .errors import S2SError
from .package import WEIGHTS, Package, is_package

MAX_SIZE = 1 << 16  # of one dimension
MAX_LAYERS = 64
NEWEST_FIRST = ("checkpoint_best.pt", "checkpoint_last.pt")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: the stored options of model and task, and the weights."""

    path: Path
    model: dict[str, Any]
    task: dict[str, Any]
    weights: dict[str, Tensor]


def find_model(path: str | Path) -> Path:
    """The file that holds the weights at ``path``: of an exported model, or of a checkpoint.

    Raises:
        S2SError: where there is neither
    """
    path = Path(path)
    return path / WEIGHTS if is_package(path) else find_checkpoint(path)


def find_checkpoint(path: str | Path) -> Path:
    """The checkpoint file at ``path``: itself, or in a folder the best one, else the last.

    Raises:
        S2SError: where there is none
    """
    path = Path(path)
    if path.is_dir():
        for name in NEWEST_FIRST:
            if (path / name).is_file():
                return path / name
        raise S2SError(
            f"There is no {' or '.join(NEWEST_FIRST)} in {path}: train a model into it first, or "
            "name a checkpoint file."
        )
    if not path.is_file():
        raise S2SError(f"There is no checkpoint at {path}: check the path, or train a model first.")
    return path


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint file, or the best one of a folder, without running anything of it.

    Raises:
        S2SError: for a file that is missing, broken, unsafe or no fairseq checkpoint
    """
    path = find_checkpoint(path)
    try:
        fault = damage(path)
    except OSError as error:
        raise S2SError(f"The checkpoint {path} cannot be read: {error.strerror}.") from error
    if fault:
        raise S2SError(f"The checkpoint {path} {fault}: use another checkpoint of that training.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise S2SError(
            f"The checkpoint {path} holds more than weights and plain options, so it is not "
            "loaded: only models of this package can be (not fairseq's own lstm or transformer)."
        ) from error
    except Exception as error:  # a damaged pickle can raise anything
        raise S2SError(f"The checkpoint {path} is damaged: {_first_line(error)}.") from error
    cfg = state.get("cfg") if isinstance(state, dict) else None
    weights = state.get("model") if isinstance(state, dict) else None
    if not isinstance(cfg, dict) or not isinstance(weights, dict):
        raise S2SError(f"The file {path} is no fairseq checkpoint: it holds no cfg and model.")
    if not all(isinstance(name, str) and torch.is_tensor(weights[name]) for name in weights):
        raise S2SError(f"The checkpoint {path} is damaged: a weight of it is no tensor.")
    model, task = cfg.get("model"), cfg.get("task")
    if not isinstance(model, dict) or not isinstance(model.get("_name"), str):
        raise S2SError(f"The checkpoint {path} does not say which model it holds.")
    return Checkpoint(path, model, task if isinstance(task, dict) else {}, weights)


def read_weights(package: Package) -> Checkpoint:
    """The same of an exported model.

    Raises:
        S2SError: for weights that are missing, or not those that were exported
    """
    path = package.file(WEIGHTS)
    try:
        weights = load_file(path)
        with safe_open(path, "pt") as file:
            tied = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise S2SError(f"The weights {path} cannot be read: {_first_line(error)}.") from error
    weights |= {name: weights[owner] for name, owner in tied.items() if owner in weights}
    task = dict(zip(("source_lang", "target_lang"), package.languages, strict=True))
    return Checkpoint(path, dict(package.model), task, weights)


def check_options(options: Mapping[str, Any], config: type) -> dict[str, Any]:
    """The stored options of a model, each a known field of ``config`` and of its type.

    Raises:
        S2SError: naming the field that is not
    """
    hints = typing.get_type_hints(config)
    checked = {}
    for name, value in options.items():
        if name == "_name":
            continue
        if name not in hints:
            raise S2SError(f"The checkpoint has an unknown model option {name!r}.")
        if not _has_type(value, hints[name]):
            raise S2SError(f"The checkpoint's model option {name!r} has a wrong value: {value!r}.")
        limit = MAX_LAYERS if name.endswith("_layers") else MAX_SIZE
        if isinstance(value, int) and abs(value) > limit:
            raise S2SError(f"The checkpoint's model option {name!r} is {value}, above {limit}.")
        checked[name] = value
    return checked


def _has_type(value: Any, hint: Any) -> bool:
    """Whether a stored value has a field's declared type; numbers are not strings to evaluate."""
    options = typing.get_args(hint) or (hint,)
    for option in options:
        if isinstance(option, type) and issubclass(option, enum.Enum):
            if value in [str(choice.value) for choice in option]:
                return True
        elif option is float:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return True
        elif type(value) is option:
            return True
    return False


def _first_line(error: BaseException) -> str:
    """An error's own words, shortened to one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
