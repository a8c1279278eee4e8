"""SentencePiece models with a fairseq dictionary beside them."""

import io
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
    monkeypatch.setattr(sys, "stdin", io.StringIO("a text ，42\n\n"))
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


@pytest.mark.parametrize(
    "content, reason",
    [(None, "No such file"), (b"\xff\xfe bad", "can't decode"), (b"", "cannot train")],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, capsys, content, reason):
    path = tmp_path / "text"
    if content is not None:
        path.write_bytes(content)
    argv = ["train", "--prefix", str(tmp_path / "spm"), "--vocab-size", "100", str(path)]
    assert spm.main(argv) == 1
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("spm*"))
