"""scripts/prepare.py: every corpus by one command; what is wrong is one sentence, and no files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import prepare

from .corpora.samples import put
from .sandbox import ROOT

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for stem in ("train", "val", "test_2016_flickr", "test_2017_flickr"):
        put(tmp_path / "multi30k", f"{stem}.en", "a dog", "a big dog")
        put(tmp_path / "multi30k", f"{stem}.de.gz", "ein Hund", "ein Hund")
    return tmp_path / "multi30k"


def run(*arguments: object) -> int:
    return prepare.main([str(argument) for argument in arguments])


def test_a_corpus_becomes_files_and_a_line_for_each_subset(
    data: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "deep" / "out"
    assert run("multi30k", "--data", data, "--out", out, "--source", "de", "--target", "en") == 0
    assert (out / "train.src").read_text() == "ein Hund\nein Hund\n"
    references = (out / "test.2016.references.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in references] == [["a dog"], ["a big dog"]]
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "train",
        "valid",
        "test.2016",
        "test.2017",
        "Licence",
    ]
    # (2 + 3) / 2 words, (5 + 9) / 2 characters
    assert "2 examples, source 2.0 words (8.0 characters), target 2.5 words (7.0 char" in lines[0]


def test_data_that_are_made_here_need_no_folder(tmp_path: Path, capsys: Capture) -> None:
    assert run("shapes", "--shape", "one-to-one", "--out", tmp_path / "out") == 0
    assert len((tmp_path / "out/train.src").read_text().splitlines()) == 200 * 20
    assert "Licence: none needed" in capsys.readouterr().out


def test_every_corpus_is_a_command_that_explains_itself(capsys: Capture) -> None:
    for name in prepare.CORPORA:
        with pytest.raises(SystemExit) as end:
            run(name, "--help")
        assert end.value.code == 0
        assert "--out" in capsys.readouterr().out
    readers = {path.stem for path in (ROOT / "scripts/corpora").glob("*.py")}
    assert readers - {"__init__", "corpus", "output"} == set(prepare.CORPORA)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["multi30k", "--source", "fr"], "invalid choice: 'fr' (choose from"),
        (["tatoeba", "--target", "xx"], "invalid choice: 'xx' (choose from"),
        (["scan", "--split", "up"], "invalid choice: 'up' (choose from"),
        (["sigmorphon"], "one of the arguments --language --track is required"),
        (["nothing"], "invalid choice: 'nothing' (choose from"),
    ],
)
def test_a_wrong_choice_is_refused_with_the_choices(
    arguments: list[str], says: str, tmp_path: Path, capsys: Capture
) -> None:
    with pytest.raises(SystemExit) as end:
        run(*arguments, "--data", tmp_path, "--out", tmp_path / "out")
    assert end.value.code == 2
    assert says in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["multi30k", "--target", "en"], "cannot go from en to en: choose two of en and de"),
        (["tatoeba", "--source", "zh", "--target", "fr"], "there is no zh-fr here"),
        (["tatoeba"], "nor cmn.txt.gz exists: set S2S_DATA to the folder that holds multi30k/"),
        (["sigmorphon", "--language", "xyz"], "set S2S_DATA to the folder that holds sigmorphon"),
        (["long_sentences", "--most", "0"], "most (0) must be 1 to 40, and repeat (2) at least 1"),
        (["alibi"], "has no file ali/"),
        (["cmudict"], "cmudict.dict nor cmudict.dict.gz exists"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_no_files(
    arguments: list[str], says: str, data: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run(*arguments, "--data", data, "--out", tmp_path / "out") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("prepare.py: ") and said.err.endswith(".\n")
    assert says in said.err and said.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["multi30k"]


def test_a_fault_in_the_text_leaves_what_was_there(
    data: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert run("multi30k", "--data", data, "--out", out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    put(data, "val.en", "a dog", "")
    assert run("multi30k", "--data", data, "--out", out) == 1
    assert capsys.readouterr().err == "prepare.py: valid, example 2: the source is empty.\n"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_the_command_runs_from_any_folder_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/prepare.py"), "scan", "--out", "out", "--data"]
    refused = subprocess.run([*command, "nowhere"], capture_output=True, text=True, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("prepare.py: nowhere is no folder: --data is that of the data")
    assert list(tmp_path.iterdir()) == []
