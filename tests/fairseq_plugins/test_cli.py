"""The command ``s2s``."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

import fairseq_plugins
from fairseq_plugins import cli

from .. import warm_process
from .golden.__main__ import HERE as GOLDEN


def test_user_dir_is_the_package(capsys):
    assert cli.main(["user-dir"]) == 0
    assert Path(capsys.readouterr().out.strip()) == Path(fairseq_plugins.__file__).parent


def test_generate_answers_line_by_line(capsys, monkeypatch, digits, trained):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1 2 3\n4 5\n"))
    assert cli.main(["generate", str(trained), "--data", str(digits / "bin")]) == 0
    assert capsys.readouterr().out.splitlines() == ["3 2 1", "5 4"]


def test_a_missing_model_is_one_sentence(capsys, tmp_path):
    assert cli.main(["generate", str(tmp_path / "none")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("s2s: There is no checkpoint at")
    assert error.count("\n") == 1


def test_bytes_that_are_no_text_are_one_sentence_after_the_answers_before_them():
    python = warm_process.python()
    command = [python, "-m", "fairseq_plugins.cli", "generate", str(GOLDEN / "s2s_attn")]
    given = b"1 2 3\n\xff\xfe 4\n5\n"
    done = subprocess.run(command, input=given, capture_output=True)
    assert (done.returncode, done.stdout.count(b"\n")) == (1, 1)
    error = done.stderr.decode()
    assert error.startswith("s2s: Line 2 of standard input is no text in utf-8: convert it.")
    assert error.count("\n") == 1


def test_a_precision_without_graphs_is_refused(capsys, tmp_path):
    assert cli.main(["generate", str(tmp_path), "--precision", "int8"]) == 1
    assert "--precision is that of the graphs: give --onnx" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["nothing"], ["generate"]])
def test_wrong_usage_ends_with_status_2(argv):
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2


def test_it_starts_without_torch_or_fairseq():
    code = "import sys; from fairseq_plugins.cli import main; main(['user-dir']); "
    code += "assert not {'torch', 'fairseq'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
