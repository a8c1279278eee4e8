"""scripts/marks.py: a base is the same piece with its marks and without, and nothing is lost."""

import subprocess
import sys
import unicodedata

import pytest
from fairseq.data.data_utils import post_process

from scripts import marks

from .sandbox import ROOT


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("<ita> \u00e9 t e", "▁<ita> ▁e \u0301 ▁t ▁e"),
        ("a\u02d0 t\u0361s \u02a7\u02b0", "▁a \u02d0 ▁t \u0361 s ▁\u02a7 \u02b0"),
        ("\ud55c", "▁\u1112 \u1161 \u11ab"),
        ("< >", "▁< ▁>"),  # letters, no names
        ("<>", "▁< >"),
        ("", ""),
    ],
)
def test_a_token_is_its_base_and_its_marks(line: str, pieces: str) -> None:
    assert marks.split(line) == pieces


@pytest.mark.parametrize(
    "line", ["<vie> \u1ea5 _ d\u0324", "k\u02b7\u02bc \u0259", "\uac00 \ub098"]
)
def test_fairseq_puts_the_tokens_together_again(line: str) -> None:
    assert post_process(marks.split(line), "sentencepiece") == unicodedata.normalize("NFD", line)


def run(text: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, ROOT / "scripts/marks.py"]
    return subprocess.run(command, input=text, capture_output=True, check=False)


def test_standard_input_is_split_line_by_line() -> None:
    done = run("a\u0301 b\n\nc\n".encode())
    assert done.returncode == 0
    assert done.stdout.decode() == "▁a \u0301 ▁b\n\n▁c\n"


def test_what_is_no_text_is_one_sentence() -> None:
    done = run(b"a\n\xff\n")
    assert done.returncode == 1
    assert done.stderr.startswith(b"marks.py: line 2 of the input is no UTF-8")
    assert done.stderr.count(b"\n") == 1


def test_an_output_that_is_full_or_closed_is_one_sentence() -> None:
    command = f"'{sys.executable}' '{ROOT}/scripts/marks.py'"
    for place in ("> /dev/full", "| true; exit ${PIPESTATUS[0]}"):
        done = subprocess.run(
            ["bash", "-c", f"{command} {place}"], input=b"a\n" * 100_000, capture_output=True
        )
        assert done.returncode == 1
        assert done.stderr.startswith(b"marks.py: the pieces cannot be written: ")
        assert done.stderr.count(b"\n") == 1
