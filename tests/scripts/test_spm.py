"""SentencePiece models with a fairseq dictionary beside them."""

import io
import subprocess
import sys

import pytest

from scripts import spm

TEXT = "".join(f"line {n} of a text ， 一些中文 {n * n}\n" for n in range(200))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_train_and_encode(text, tmp_path, monkeypatch, capsys):
    prefix = tmp_path / "out" / "spm"
    assert spm.main(["train", "--prefix", str(prefix), "--vocab-size", "400", str(text)]) == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("a text ，42\n\n".encode())))
    assert spm.main(["encode", "--model", f"{prefix}.model"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2  # an empty line stays a line
    assert lines[1] == ""
    assert lines[0].replace(" ", "").replace("▁", " ").strip() == "a text ，42"
    assert lines[0].split()[-2:] == ["4", "2"]  # digits stand alone
    dictionary = (tmp_path / "out" / "spm.dict.txt").read_text(encoding="utf-8")
    symbols = {line.rsplit(" ", 1)[0] for line in dictionary.splitlines()}
    assert set(lines[0].split()) <= symbols
    assert not {"<s>", "<pad>", "</s>", "<unk>"} & symbols

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a text\n\xff\n")))
    assert spm.main(["encode", "--model", f"{prefix}.model"]) == 1
    assert capsys.readouterr().err == "spm.py: line 2 of the input is no UTF-8: convert it\n"
    command = (
        f"yes 'a text' | {sys.executable} {spm.__file__} encode --model {prefix}.model | head -n 1"
    )
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout.replace(" ", ""), done.stderr) == ("▁a▁text\n", "")


@pytest.mark.parametrize(
    "content, reason",
    [
        (None, "No such file"),
        (b"\xff\xfe bad", "line 1 is no UTF-8: convert it"),
        (b"", "cannot train"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, capsys, content, reason):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    argv = ["train", "--prefix", str(tmp_path / "spm"), "--vocab-size", "100", str(path)]
    assert spm.main(argv) == 1
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("spm*"))


def test_lines_end_with_a_line_feed_alone_or_after_a_return(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("\ufeffa b\r\n\nc\u2028d\x0be\nf".encode())
    assert list(spm.read_lines([path])) == ["a b", "", "c\u2028d\x0be", "f"]


def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder cannot be written: Is a directory"):
        spm.write_atomically(tmp_path / "folder", b"text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
