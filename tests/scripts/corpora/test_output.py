"""scripts/corpora/output.py: a corpus is written whole and sound, or the folder stays as it was."""

import json
from pathlib import Path

import pytest

from fairseq_plugins.folder import FolderError
from scripts.corpora import output
from scripts.corpora.corpus import Corpus, CorpusError, Example

TRAIN = [Example("a", ("1", "2")), Example("b", ("3",))]
TEST = [Example("c", ("\u56db", "5")), Example("d", ("6",))]


def write(corpus: Corpus, folder: Path) -> None:
    output.write(corpus, folder, {"corpus": "tiny", "licence": "ours"})


def contents(folder: Path) -> dict[str, list[str]]:
    return {p.name: p.read_text("utf-8").split("\n")[:-1] for p in sorted(folder.iterdir())}


def test_train_has_a_line_for_each_target_and_test_one_for_each_example(tmp_path: Path) -> None:
    write({"train": TRAIN, "test.x": TEST}, tmp_path / "out")
    found = contents(tmp_path / "out")
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert [json.loads(line) for line in found.pop("test.x.references.jsonl")] == [
        ["\u56db", "5"],
        ["6"],
    ]
    assert json.loads("".join(found.pop("corpus.json"))) == {
        "corpus": "tiny",
        "licence": "ours",
        "examples": {"train": 2, "test.x": 2},
    }
    assert found == {
        "train.src": ["a", "a", "b"],
        "train.tgt": ["1", "2", "3"],
        "test.x.src": ["c", "d"],
        "test.x.tgt": ["\u56db", "6"],
    }
    assert "\u56db" in (tmp_path / "out/test.x.references.jsonl").read_text("utf-8")


def test_a_second_run_replaces_all_of_the_first(tmp_path: Path) -> None:
    write({"train": TRAIN, "test": TEST}, tmp_path / "out")
    write({"valid": TEST}, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert sorted(contents(tmp_path / "out")) == [
        "corpus.json",
        "valid.references.jsonl",
        "valid.src",
        "valid.tgt",
    ]


@pytest.mark.parametrize(
    ("examples", "says"),
    [
        ([], "the test set is empty"),
        ([*TEST, Example("a", ())], "test, example 3: there is no target"),
        ([Example(" ", ("1",))], "test, example 1: the source is empty"),
        ([Example("a", ("1", ""))], "test, example 1: the target is empty"),
        ([Example("a\nb", ("1",))], "test, example 1: the source has a line break"),
        ([Example("a", ("1", "2\r"))], "test, example 1: the target has a line break"),
        (
            [Example("a\u2028b", ("1",))],
            "test.src, line 1: character 2 is a line separator (U+2028)",
        ),
        ([*TEST, Example("a", ("1\0",))], "test.tgt, line 3: character 2 is a NUL byte"),
    ],
)
def test_a_fault_is_one_sentence_and_leaves_the_folder_as_it_was(
    tmp_path: Path, examples: list[Example], says: str
) -> None:
    write({"valid": TEST}, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(CorpusError) as error:
        write({"train": TRAIN, "test": examples}, tmp_path / "out")
    assert str(error.value) == says
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert contents(tmp_path / "out") == before


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FolderError, match=r"holds thesis\.txt, which is not from here, and would"):
        write({"train": TRAIN}, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_users_own_text_is_not_replaced(tmp_path: Path) -> None:
    for folder in ("mine", "out.tmp"):
        (tmp_path / folder).mkdir()
    (tmp_path / "mine/train.src").write_text("years of work")
    (tmp_path / "out.tmp/notes").write_text("more of them")
    with pytest.raises(FolderError, match=r"holds train\.src, which is not from here"):
        write({"train": TRAIN}, tmp_path / "mine")
    write({"train": TRAIN}, tmp_path / "out")
    assert (tmp_path / "mine/train.src").read_text() == "years of work"
    assert (tmp_path / "out.tmp/notes").read_text() == "more of them"


def test_blocks_have_a_number_for_each_example(tmp_path: Path) -> None:
    test = [Example(source, ("x",), block) for source, block in (("a", 0), ("b", 0), ("c", 1))]
    write({"train": TRAIN, "test": test}, tmp_path / "out")
    assert contents(tmp_path / "out")["test.blocks"] == ["0", "0", "1"]
    assert not (tmp_path / "out/train.blocks").exists()
