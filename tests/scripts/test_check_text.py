"""scripts/check_text.py: every fault is one sentence; what passes reads line for line."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check_text import TextError, check_parallel

from .sandbox import ROOT


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "text is empty."),
        (b"one\ntwo \xff\xfe three\n", "text, line 2: byte 5 (0xff) is not valid UTF-8."),
        (
            "one\ncaf\N{LATIN SMALL LETTER E WITH ACUTE}\n".encode("latin-1"),
            "line 2: byte 4 (0xe9)",
        ),
        (b"\xef\xbb\xbfone\n", "line 1: character 1 is a byte order mark"),
        (b"one\ntwo\xef\xbb\xbf\n", "line 2: character 4 is a byte order mark"),
        (b"a\0b\n", "line 1: character 2 is a NUL byte"),
        (b"one\ntwo\rthree\n", "line 2: character 4 is a carriage return"),
        (b"one\rtwo\r\n", "line 1: character 4 is a carriage return"),
        ("one\u2028two\n".encode(), "line 1: character 4 is a line separator (U+2028)"),
        ("\u4f60\u597d\u2029\n".encode(), "line 1: character 3 is a paragraph separator"),
        ("one\x85two\n".encode(), "line 1: character 4 is a next-line character (U+0085)"),
        (b"one\x0btwo\n", "line 1: character 4 is a vertical tab"),
    ],
)
def test_a_fault_is_one_sentence_with_its_place(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(TextError) as error:
        check_parallel([write(tmp_path, "text", data)])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\n\nthree\n", 3),  # an empty line is fairseq's own business
        (b"one\r\ntwo\r\n", 2),
        (b"one\ntwo", 2),
        ("\u4f60\u597d\uff0c\u4e16\u754c\u3002\n\U0001f44d\tcaf\u00e9\u00a0!\n".encode(), 2),
    ],
)
def test_sound_text_is_counted_as_python_counts_it(tmp_path: Path, data: bytes, lines: int) -> None:
    path = write(tmp_path, "text", data)
    assert check_parallel([path]) == lines
    with path.open(encoding="utf-8") as file:
        assert len(list(file)) == lines


def test_no_character_that_passes_can_split_a_line(tmp_path: Path) -> None:
    for code in [*range(0x100), *range(0x2000, 0x2100), 0x3000, 0xFEFF]:
        character = chr(code)
        path = write(tmp_path, "text", f"a{character}b".encode())
        try:
            lines = check_parallel([path])
        except TextError:
            continue
        assert len(f"a{character}b".splitlines()) == lines, f"U+{code:04X}"


def test_unequal_line_counts_name_both(tmp_path: Path) -> None:
    source = write(tmp_path, "train.en", b"one\ntwo\nthree\n")
    target = write(tmp_path, "train.de", b"eins\nzwei\n")
    with pytest.raises(TextError, match=r"train\.en has 3 lines and .*train\.de has 2: "):
        check_parallel([source, target])


def test_a_missing_file_and_a_folder_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"nowhere cannot be read: No such file or directory\.$"):
        check_parallel([tmp_path / "nowhere"])
    with pytest.raises(TextError, match=r"cannot be read: Is a directory\.$"):
        check_parallel([tmp_path])


def test_the_command_prints_only_the_sentence(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/check_text.py")]
    good = write(tmp_path, "good", b"one\n")
    bad = write(tmp_path, "bad", b"one\xff\n")
    passed = subprocess.run([*command, good, good], capture_output=True, text=True)
    assert (passed.returncode, passed.stdout, passed.stderr) == (0, "", "")
    refused = subprocess.run([*command, good, bad], capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"{bad}, line 1: byte 4 (0xff) is not valid UTF-8.\n"
