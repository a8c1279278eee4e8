"""An exported model: one folder, no pickle in it, read without torch.

===================== ===========================================================================
``config.json``       the architecture and its options, languages, versions, checksums of the rest
``model.safetensors`` the weights
``dict.LANG.txt``     the dictionaries
``spm.model``         the SentencePiece model, if the text was encoded with one
``words.txt``         the words of the training, if they stood beside the dictionaries; a chat
                      tells by them what it cannot know
``card.json``         what is known of the model: data, licence, date, scores
``README.md``         the same to be read
``*.onnx``            with ``--onnx``: the graphs of the model
===================== ===========================================================================
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._languages import dictionary_file, is_language
from .errors import S2SError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PIECES = "spm.model"
WORDS = "words.txt"
CARD = "card.json"
README = "README.md"
FORMAT = "fairseq-s2s"
VERSION = 1
MAX_CONFIG = 1 << 20  # bytes of config.json
PRECISIONS = ("fp32", "int8")  # of the graphs


@dataclass(frozen=True)
class TensorNames:
    """The tensors of a model's two graphs, batch first; see ``export.graphs``.

    Attributes:
        source: of a sentence, the same at every step
        state: of a hypothesis, another one after every step
        alignment: whether a step gives an alignment
    """

    source: tuple[str, ...]
    state: tuple[str, ...]
    alignment: bool

    @property
    def sources(self) -> list[str]:
        """What of the sentence a step takes, by its names in the graphs."""
        return [f"source.{name}" for name in self.source]

    @property
    def states(self) -> list[str]:
        """The state that a step takes."""
        return [f"state.{name}" for name in self.state]

    @property
    def carried(self) -> list[str]:
        """What the source graph gives, and a step takes besides ``words``."""
        return self.sources + self.states

    @property
    def step(self) -> list[str]:
        """What a step gives, the next state at the end."""
        return ["lprobs", *["alignment"] * self.alignment, *(f"next.{n}" for n in self.state)]


@dataclass(frozen=True)
class GraphNames(TensorNames):
    """What ``config.json`` tells of the graphs.

    Attributes:
        max_source: the longest source, ``</s>`` included
        precisions: of the graphs at hand
    """

    max_source: int
    precisions: tuple[str, ...]


@dataclass(frozen=True)
class Package:
    """What ``config.json`` tells of an exported model.

    Attributes:
        folder: where it stands
        model: the options of the model, ``_name`` among them
        languages: of source and target
        pieces: whether there is a SentencePiece model
        graphs: or None where there are none
        checksums: SHA-256 of each file
    """

    folder: Path
    model: Mapping[str, Any]
    languages: tuple[str, str]
    pieces: bool
    graphs: GraphNames | None
    checksums: Mapping[str, str]

    def file(self, name: str) -> Path:
        """A file of the package, once its bytes are found to be those that were exported.

        Raises:
            S2SError: for one that is missing or has changed
        """
        path = self.folder / name
        if name not in self.checksums or not path.is_file():
            raise S2SError(f"The package {self.folder} has no {name}: export the model again.")
        if checksum(path) != self.checksums[name]:
            raise S2SError(
                f"{path} is not the file that was exported: copy the whole package again, or "
                "export the model again."
            )
        return path

    def dictionary(self, side: int) -> Path:
        """The dictionary of the source (0) or target (1)."""
        return self.file(dictionary_file(self.languages[side]))


def is_package(path: str | Path) -> bool:
    """Whether a folder holds an exported model."""
    return (Path(path) / CONFIG).is_file() and (Path(path) / WEIGHTS).is_file()


def graph_file(part: str, precision: str) -> str:
    """The name of a graph's file: ``part`` is ``"source"`` or ``"step"``."""
    return f"{part}.onnx" if precision == "fp32" else f"{part}.{precision}.onnx"


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def read_package(folder: str | Path) -> Package:
    """Read ``config.json`` of an exported model.

    Raises:
        S2SError: for a folder that is no such model, or one of a later format
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise S2SError(
            f"There is no exported model in {folder}: make one with s2s export CHECKPOINT {folder}."
        )
    config = _read_json(folder / CONFIG)
    if config.get("format") != FORMAT:
        raise S2SError(f"{folder / CONFIG} is not that of an exported model of fairseq-s2s.")
    if config.get("format_version") != VERSION:
        raise S2SError(
            f"The package {folder} has format {config.get('format_version')!r}, but this version "
            f"of fairseq-s2s reads {VERSION}: update fairseq-s2s, or export the model again."
        )
    try:
        return _package(folder, config)
    except (KeyError, TypeError, ValueError) as error:
        raise S2SError(
            f"{folder / CONFIG} is damaged: export the model again ({type(error).__name__}: "
            f"{error})."
        ) from error


def _package(folder: Path, config: Mapping[str, Any]) -> Package:
    """The package of a configuration; raises whatever comes for a wrong one."""
    source, target = config["languages"]
    if not (is_language(source) and is_language(target)):
        raise ValueError("languages")
    model, checksums = config["model"], config["sha256"]
    if not isinstance(model["_name"], str) or not isinstance(checksums, dict):
        raise ValueError("model")
    return Package(
        folder,
        model,
        (source, target),
        bool(config["pieces"]),
        _graphs(config["graphs"]),
        checksums,
    )


def _graphs(config: Mapping[str, Any] | None) -> GraphNames | None:
    if config is None:
        return None
    precisions = tuple(config["precisions"])
    if not precisions or set(precisions) - set(PRECISIONS):
        raise ValueError(f"precisions {precisions}")
    return GraphNames(
        tuple(map(str, config["source"])),
        tuple(map(str, config["state"])),
        bool(config["alignment"]),
        int(config["max_source"]),
        precisions,
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_CONFIG:
            raise ValueError(f"it has more than {MAX_CONFIG} bytes")
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise S2SError(f"{path} cannot be read: {error}.") from error
    return found if isinstance(found, dict) else {}
