"""The graphs as files: ONNX in fp32 and with weights of 8 bits, and torch's own form."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch.export import ExportedProgram

from ..errors import S2SError
from ..package import GraphNames, graph_file
from .graphs import Graphs

OPSET = 20
NEEDS = "run pip install onnx onnxruntime onnxscript"


def write_onnx(graphs: Graphs, folder: Path, *, int8: bool = False) -> GraphNames:
    """Write ``source.onnx`` and ``step.onnx``, and with ``int8`` the same in 8 bits.

    Args:
        graphs: of a model
        folder: where they go

    Raises:
        S2SError: where a package is missing
    """
    check_packages(int8)
    names = graphs.names
    _write(graphs.source, folder / graph_file("source", "fp32"), ["src_tokens"], names.carried)
    step = folder / graph_file("step", "fp32")
    _write(graphs.step, step, ["words", *names.carried], names.step)
    if int8:
        for part in ("source", "step"):
            _quantise(folder / graph_file(part, "fp32"), folder / graph_file(part, "int8"))
    precisions = ("fp32", "int8") if int8 else ("fp32",)
    return GraphNames(names.source, names.state, names.alignment, graphs.max_source, precisions)


def check_packages(int8: bool = False) -> None:
    """Raise S2SError where a package is missing."""
    try:
        import onnxscript  # noqa: F401

        if int8:
            import onnxruntime.quantization  # noqa: F401
    except ImportError as error:
        raise S2SError(f"{error.name} is not installed, which ONNX needs: {NEEDS}.") from error


@torch.no_grad()
def _write(
    program: ExportedProgram, path: Path, input_names: list[str], output_names: list[str]
) -> None:
    """A program as a file of its own, weights and all."""
    with _quiet():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=input_names,
            output_names=output_names,
            external_data=False,
        )
    assert exported is not None  # dynamo gives a program
    exported.save(path, external_data=False)
    _forget_places(path)


def _forget_places(path: Path) -> None:
    """Take out which line of which file on this machine each node came from."""
    import onnx

    model = onnx.load(path)
    graphs = [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        del graph.metadata_props[:]
        for value in graph.value_info:
            del value.metadata_props[:]
        for node in graph.node:
            del node.metadata_props[:]
            graphs += [each.g for each in node.attribute if each.type == onnx.AttributeProto.GRAPH]
    onnx.save(model, path)


def _quantise(path: Path, out: Path) -> None:
    """Weights in 8 bits, a scale for each output; the inputs of the products as they come."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path).graph
    vectors = {weight.name for weight in graph.initializer if len(weight.dims) < 2}
    with _quiet():
        quantize_dynamic(
            path,
            out,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=[node.name for node in graph.node if vectors & set(node.input[1:2])],
            extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporters tell of their progress."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
