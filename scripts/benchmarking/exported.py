"""The graphs of torch.export under the runner's search, for their parity."""

from pathlib import Path
from typing import Any

import torch

from fairseq_plugins.package import graph_file
from fairseq_plugins.runner import OnnxModel
from fairseq_plugins.runner import load as load_runner


class GraphModel:
    """An exported model whose graphs run in torch instead of onnxruntime.

    Args:
        folder: of the package, with ``source.pt2`` and ``step.pt2``
    """

    def __init__(self, folder: Path) -> None:
        model = load_runner(folder, threads=1)
        names = model.package.graphs
        assert names is not None and graph_file("step", "fp32") in model.package.checksums
        carried = [f"source.{name}" for name in names.source]
        carried += [f"state.{name}" for name in names.state]
        after = ["lprobs", *["alignment"] * names.alignment, *(f"next.{n}" for n in names.state)]
        self.model = model
        model._graphs = [
            Program(folder / "source.pt2", ["src_tokens"], carried),
            Program(folder / "step.pt2", ["words", *carried], after),
        ]
        model._step_inputs = {"words", *carried}
        self.generate = OnnxModel.generate.__get__(model)


class Program:
    """A program of torch with the interface of an onnxruntime session."""

    def __init__(self, path: Path, inputs: list[str], outputs: list[str]) -> None:
        self.program = torch.export.load(path).module()
        self.inputs, self.outputs = inputs, outputs

    @torch.no_grad()
    def run(self, wanted: list[str], given: dict[str, Any]) -> list[Any]:
        """The wanted outputs, as arrays."""
        tensors = self.program(*(torch.from_numpy(given[name]) for name in self.inputs))
        found = dict(zip(self.outputs, tensors, strict=True))
        return [found[name].numpy() for name in wanted]
