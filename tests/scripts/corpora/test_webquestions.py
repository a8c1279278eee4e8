"""scripts/corpora/webquestions.py: all answers are references, three at most are learnt from."""

import json
from pathlib import Path

import pytest

from scripts.corpora.corpus import CorpusError, Example
from scripts.corpora.webquestions import load, read

from .samples import DATA, needs, put, sizes

NAMES = ("trainmodel", "devtest", "val", "test")


def make(folder: Path, **files: str) -> None:
    for name in NAMES:
        rows = [{"qId": "1", "qText": f"{name}?", "answers": ["a", "b", "a", "c", "d"]}]
        put(folder, f"main/{name}.json", files.get(name, json.dumps(rows, indent=1)))


def test_train_has_three_answers_of_a_question_and_the_others_all(tmp_path: Path) -> None:
    make(tmp_path)
    every = ("a", "b", "c", "d")
    assert load(tmp_path) == {
        "train": [Example("trainmodel?", every[:3]), Example("devtest?", every[:3])],
        "valid": [Example("val?", every)],
        "test": [Example("test?", every)],
    }


@pytest.mark.parametrize(
    "text", ["", "[", "{}x", '[{"qText": "a"}]', '[{"qText": 1, "answers": []}]']
)
def test_another_format_is_one_sentence(tmp_path: Path, text: str) -> None:
    make(tmp_path, val=text)
    with pytest.raises(CorpusError, match=r"val\.json is no JSON list of objects with qText and"):
        load(tmp_path)


@needs("webquestions")
def test_the_published_files_have_the_published_sizes() -> None:
    corpus = load(DATA / "webquestions")
    assert sizes(corpus) == {"train": 3_778 - 755, "valid": 755, "test": 2_032}
    counts = {
        name: sum(len(e.targets) for e in read(DATA / "webquestions/main", f"{name}.json"))
        for name in NAMES
    }
    assert counts == {"trainmodel": 6_668, "devtest": 444, "val": 1_821, "test": 4_863}
