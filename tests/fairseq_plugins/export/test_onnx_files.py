"""ONNX files compute what the graphs do."""

from pathlib import Path

import pytest
import torch

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from fairseq_plugins.export.graphs import Graphs, trace  # noqa: E402
from fairseq_plugins.export.onnx_files import OPSET, write_onnx  # noqa: E402
from fairseq_plugins.package import graph_file  # noqa: E402

from ..builders import make_task, needs_graphs  # noqa: E402
from ..cases import CASES, PRESETS, build_case  # noqa: E402
from .test_graphs import largest_difference  # noqa: E402

pytestmark = [needs_graphs, pytest.mark.slow]
SOME = {
    "s2s_attn_tiny-lstm-bidirectional",
    "s2s_attn_tiny-pointer",
    "s2s_tiny-every-step-gru",
    "s2s_transformer_attn-gru",
    "s2s_hred-gru",
}
# Every preset, and options with operations of their own: a case takes ten seconds.
MORE = SOME | {case for case in CASES if case in {f"{preset}-lstm" for preset in PRESETS}}
MORE |= {"s2s_cho2014-gru", "s2s_tiny-mixture", "s2s_tiny-maxout", "s2s_tiny-per-gate-norm-gru"}
MORE |= {f"s2s_attn_tiny-{name}" for name in ("location", "local-p", "multi-head")}


def runner(path, wanted: list[str]):
    """A graph as a function of tensors, in the order of its first export."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(given: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        inputs = {name: given[name].numpy() for name in names}
        return [torch.from_numpy(array) for array in session.run(wanted, inputs)]

    return run


def difference(model, graphs: Graphs, folder: Path, precision: str) -> float:
    """The largest between the files of a precision and the model."""
    read = runner(folder / graph_file("source", precision), graphs.names.carried)
    step = runner(folder / graph_file("step", precision), graphs.names.step)
    inputs = ["words", *graphs.names.carried]
    return largest_difference(
        model,
        graphs,
        lambda src_tokens: read({"src_tokens": src_tokens}),
        lambda *given: step(dict(zip(inputs, given, strict=True))),
    )


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c in SOME else [pytest.mark.slow]) for c in sorted(MORE)]
)
def test_files_are_the_model(case, tmp_path):
    model = build_case(case, make_task()).float()
    graphs = trace(model)
    names = write_onnx(graphs, tmp_path)
    assert names.source == graphs.names.source and names.precisions == ("fp32",)
    assert difference(model, graphs, tmp_path, "fp32") < 1e-5
    for part in ("source", "step"):
        file = onnx.load(tmp_path / f"{part}.onnx")
        onnx.checker.check_model(file)
        assert {each.domain: each.version for each in file.opset_import}[""] == OPSET
        assert str(Path(torch.__file__).parent).encode() not in file.SerializeToString()
        assert b"fairseq_plugins" not in file.SerializeToString()


def test_eight_bits_are_near_and_small(tmp_path):
    model = build_case("s2s_attn_tiny-two-layers", make_task()).float()
    graphs = trace(model)
    assert write_onnx(graphs, tmp_path, int8=True).precisions == ("fp32", "int8")
    assert 0 < difference(model, graphs, tmp_path, "int8") < 0.1
