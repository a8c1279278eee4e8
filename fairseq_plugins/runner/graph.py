"""A graph in onnxruntime, and what a search needs of any."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..errors import S2SError

try:
    import onnxruntime
except ImportError as error:
    raise S2SError("onnxruntime is not installed: run pip install onnxruntime.") from error


class Graph(Protocol):
    """A function between named arrays."""

    def run(self, wanted: Sequence[str], given: Mapping[str, Any]) -> list[Any]:
        """The wanted outputs; not all that is given need be an input."""
        ...


class OnnxGraph:
    """A file in onnxruntime, on the CPU.

    Args:
        path: of the graph
        threads: by default as many as there are processors

    Raises:
        S2SError: for a file that is no graph
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has kinds of its own for every fault
            told = " ".join(str(error).split())[:200]
            raise S2SError(f"onnxruntime cannot load {path}: {told}") from error
        self._inputs = [each.name for each in self._session.get_inputs()]

    def run(self, wanted: Sequence[str], given: Mapping[str, Any]) -> list[Any]:
        """The wanted outputs; onnxruntime refuses what is no input, and drops unused inputs."""
        found: list[Any] = self._session.run(wanted, {name: given[name] for name in self._inputs})
        return found
