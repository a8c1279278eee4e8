"""What benchmark_export.py counts, and that torch's graphs answer under the runner's search."""

from pathlib import Path

import pytest

from fairseq_plugins.hypothesis import Hypothesis
from scripts import benchmark_export
from scripts.benchmark_export import Answers, answered, same


def test_outputs_are_the_same_or_tied_or_different():
    one = Answers(["a", "b", "c", "d"], [-1.0, -2.0, -3.0, -4.0], 1.0)
    other = Answers(["a", "x", "y", "d"], [-1.5, -2.00005, -3.1, -4.0], 1.0)
    assert same(one, other) == {"texts": 4, "same": 2, "ties": 1, "different": 1}
    assert same(one, one) == {"texts": 4, "same": 4, "ties": 0, "different": 0}


def test_the_best_output_counts_without_its_end():
    def answer(texts):
        tokens = ["a", "b", "</s>"]
        return [[Hypothesis("ab", tokens, -0.5, [], [], None)] * 2 for _ in texts]

    found = answered(answer, ["x", "y"])
    assert found[:2] == (["a b", "a b"], [-0.5, -0.5]) and found.seconds >= 0


def test_torchs_graphs_answer_as_onnxruntime_does(tmp_path):
    pytest.importorskip("onnxscript")
    from fairseq_plugins import runner
    from fairseq_plugins.export import export
    from scripts.benchmarking.exported import load_torch_graphs
    from tests.fairseq_plugins import golden

    model = Path(golden.__file__).with_name("s2s_attn")
    package = export(model, tmp_path / "package", onnx=True, torch=True).folder
    texts = ["1 2 3", "9 0 4 4 2", "7"]
    found = load_torch_graphs(package).generate(texts, beam=3)
    expected = runner.load(package).generate(texts, beam=3)
    assert [each[0].tokens for each in found] == [each[0].tokens for each in expected]


def test_bad_input_is_one_sentence(tmp_path, capsys):
    missing = ["--model", str(tmp_path), "--data", str(tmp_path)]
    missing += ["--texts", str(tmp_path / "a"), "--references", str(tmp_path / "b")]
    assert benchmark_export.main(missing) == 1
    assert "There is no checkpoint_best.pt" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
