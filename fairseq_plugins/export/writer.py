"""``s2s export``: a trained model as one folder without a pickle in it."""

import dataclasses
import io
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from torch.export import ExportedProgram, save
from torch.fx import GraphModule

from .. import __version__
from .._languages import dictionary_file, dictionary_language
from .._loading import Opened, build, open_model
from ..checkpoint import Checkpoint
from ..folder import FolderError, replacing
from ..model_card import ModelCard, read_model_card
from ..models import S2SModel
from ..package import (
    CARD,
    CONFIG,
    FORMAT,
    PIECES,
    README,
    VERSION,
    WEIGHTS,
    WORDS,
    GraphNames,
    Package,
    checksum,
    is_package,
    read_package,
)
from .graphs import trace
from .onnx_files import check_packages, write_onnx
from .readme import describe_package

OURS = {CONFIG, WEIGHTS, PIECES, WORDS, CARD, README}
GRAPH = re.compile(r"(source|step)(\.int8)?\.onnx|(source|step)\.pt2")
DISTRIBUTIONS = ("fairseq", "fairseq-fixed", "torch", "onnx", "onnxruntime")


def export(
    path: str | Path,
    out: str | Path,
    *,
    data: str | Path | None = None,
    languages: tuple[str, str] | None = None,
    onnx: bool = False,
    int8: bool = False,
    torch: bool = False,
    trained_on: str | None = None,
    licence: str | None = None,
) -> Package:
    """Write a trained model as a package.

    Args:
        path, data, languages: as :func:`fairseq_plugins.load` takes them
        out: the folder; an earlier package there is replaced, whole
        onnx: with graphs for onnxruntime
        int8: with graphs whose weights have 8 bits, too
        torch: with the same graphs for ``torch.export.load``
        trained_on, licence: for the model card; by default what ``card.json`` beside the
            checkpoint says

    Raises:
        S2SError: in one sentence, for whatever is missing, broken, unsafe or does not fit
    """
    if onnx or int8:
        check_packages(int8)
    opened = open_model(path, data, languages)
    model = build(opened.checkpoint, opened.task, "fp32")
    card = read_model_card(opened.checkpoint.path)
    card = dataclasses.replace(card, data=trained_on or card.data, licence=licence or card.licence)
    with _telling(out), replacing(Path(out), _foreign) as folder:
        graphs = trace(model) if onnx or int8 or torch else None
        names = write_onnx(graphs, folder, int8=int8) if graphs and (onnx or int8) else None
        if graphs and torch:
            for part, program in (("source", graphs.source), ("step", graphs.step)):
                _write_program(program, folder / f"{part}.pt2")
        _write_weights(opened.checkpoint, folder / WEIGHTS)
        _copy_texts(opened, folder)
        _write_card(card, folder / CARD)
        shutil.copymode(folder / CARD, folder / WEIGHTS)  # safetensors lets nobody else read it
        _write_config(opened, names, folder)
        (folder / README).write_text(_readme(model, opened, card, names, folder), "utf-8")
        read_package(folder)  # an earlier package stays, should this one not be sound
    return read_package(out)


@contextmanager
def _telling(out: str | Path) -> Iterator[None]:
    """A full disk, or another fault of writing, in one sentence."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        told = error.strerror if isinstance(error, OSError) else None
        told = " ".join((told or str(error)).split())[:200].rstrip(".")
        raise FolderError(f"The package {out} cannot be written: {told}.") from error


def _foreign(folder: Path) -> str | None:
    """The name of something in a folder that is not of a package."""
    names = sorted(path.name for path in folder.iterdir())
    if not is_package(folder):
        return names[0]
    return next((name for name in names if not _is_ours(name)), None)


def _is_ours(name: str) -> bool:
    return bool(name in OURS or dictionary_language(name) or GRAPH.fullmatch(name))


def _write_program(program: ExportedProgram, path: Path) -> None:
    """A graph in torch's own form, without a pickle and without this machine's paths."""
    program.example_inputs = None  # which torch pickles
    for module in program.graph_module.modules():
        if isinstance(module, GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)
    content = io.BytesIO()  # torch ends the process where the disk is full
    save(program, content)
    path.write_bytes(content.getbuffer())


def _write_weights(checkpoint: Checkpoint, path: Path) -> None:
    """The weights, each once; the names of those that share one stand in the file's metadata."""
    owners: dict[tuple[int, tuple[int, ...], tuple[int, ...]], str] = {}
    kept: dict[str, Tensor] = {}
    tied: dict[str, str] = {}
    for name, tensor in checkpoint.weights.items():
        place = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))
        if tensor.numel() and place in owners:
            tied[name] = owners[place]
        else:
            owners[place] = name
            kept[name] = tensor.detach().clone().contiguous()
    save_file(kept, path, metadata=tied)


def _copy_texts(opened: Opened, folder: Path) -> None:
    """The dictionaries, the SentencePiece model and, if it is there, the list of words."""
    languages = (opened.task.cfg.source_lang, opened.task.cfg.target_lang)
    for language in languages:
        name = dictionary_file(language)
        shutil.copyfile(opened.folder / name, folder / name)
    if opened.pieces_file is not None:
        shutil.copyfile(opened.pieces_file, folder / PIECES)
    if (opened.folder / WORDS).is_file():
        shutil.copyfile(opened.folder / WORDS, folder / WORDS)


def _write_card(card: ModelCard, path: Path) -> None:
    told = {"data": card.data, "licence": card.licence, "date": card.date}
    content = {name: text for name, text in told.items() if text} | {"scores": dict(card.scores)}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _write_config(opened: Opened, graphs: GraphNames | None, folder: Path) -> None:
    task = opened.task.cfg
    files = sorted(path.name for path in folder.iterdir() if path.name not in (CARD, README))
    config = {
        "format": FORMAT,
        "format_version": VERSION,
        "model": opened.checkpoint.model,
        "languages": [task.source_lang, task.target_lang],
        "pieces": opened.pieces_file is not None,
        "graphs": None if graphs is None else dataclasses.asdict(graphs),
        "made_with": {"fairseq-s2s": __version__, **_versions()},
        "sha256": {name: checksum(folder / name) for name in files},
    }
    (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _versions() -> Mapping[str, str]:
    found = {}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _readme(
    model: S2SModel, opened: Opened, card: ModelCard, graphs: GraphNames | None, folder: Path
) -> str:
    return describe_package(
        card,
        languages=(opened.task.cfg.source_lang, opened.task.cfg.target_lang),
        parameters=sum(weight.numel() for weight in model.parameters()),
        vocabularies=(len(opened.task.source_dictionary), len(opened.task.target_dictionary)),
        attends=hasattr(model.decoder, "attention"),
        graphs=graphs,
        sizes={path.name: path.stat().st_size for path in sorted(folder.iterdir())},
    )
