"""The graphs of torch.export under the runner's search, for their parity."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from fairseq_plugins.package import read_package
from fairseq_plugins.runner import OnnxModel


def load_torch_graphs(folder: Path) -> OnnxModel:
    """An exported model whose graphs run in torch instead of onnxruntime.

    Args:
        folder: of the package, exported with ``--onnx`` and ``--torch``
    """
    package = read_package(folder)
    names = package.graphs
    assert names is not None  # exported with --onnx
    return OnnxModel(
        package,
        TorchGraph(folder / "source.pt2", ["src_tokens"], names.carried),
        TorchGraph(folder / "step.pt2", ["words", *names.carried], names.step),
    )


class TorchGraph:
    """A program of ``torch.export`` between named arrays."""

    def __init__(self, path: Path, inputs: list[str], outputs: list[str]) -> None:
        self.program = torch.export.load(path).module()
        self.inputs, self.outputs = inputs, outputs

    @torch.no_grad()
    def run(self, wanted: Sequence[str], given: Mapping[str, Any]) -> list[Any]:
        """The wanted outputs, as arrays."""
        tensors = self.program(*(torch.from_numpy(given[name]) for name in self.inputs))
        found = dict(zip(self.outputs, tensors, strict=True))
        return [found[name].numpy() for name in wanted]
