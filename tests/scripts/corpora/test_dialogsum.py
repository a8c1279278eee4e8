"""scripts/corpora/dialogsum.py: a dialogue on one line, and every summary of it."""

import json
from pathlib import Path

import pytest

from scripts.corpora.corpus import CorpusError, Example
from scripts.corpora.dialogsum import load

from .samples import DATA, needs, put, sizes

SAID = "#Person1#: Hi!\n#Person2#: It's  you?"


def make(folder: Path, **files: str) -> None:
    lines = {
        "dialogsum.train.pyliteral.txt.gz": repr({"dialogue": SAID, "summary": "They\nmeet."}),
        "dialogsum.dev.jsonl": json.dumps({"dialogue": SAID, "summary": "A meeting."}),
        "dialogsum.test.jsonl": json.dumps(
            {"dialogue": SAID, "summary1": "One.", "summary2": "Two.", "summary3": "One."}
        ),
    }
    for name, line in (lines | files).items():
        put(folder, name, line)


def test_turns_are_joined_and_all_summaries_are_references(tmp_path: Path) -> None:
    make(tmp_path)
    source = "#Person1#: Hi! #Person2#: It's you?"
    assert load(tmp_path) == {
        "train": [Example(source, ("They meet.",))],
        "valid": [Example(source, ("A meeting.",))],
        "test": [Example(source, ("One.", "Two.", "One."))],  # a mean needs all three
    }


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dialogsum.train.pyliteral.txt.gz", "{'dialogue': 'a', "),
        ("dialogsum.train.pyliteral.txt.gz", "print('no literal')"),
        ("dialogsum.dev.jsonl", '{"dialogue": "a"}'),
        ("dialogsum.dev.jsonl", '{"dialogue": "a", "summary": 3}'),
        ("dialogsum.test.jsonl", "[]"),
        ("dialogsum.test.jsonl", ""),
    ],
)
def test_a_line_that_is_no_record_is_named_with_its_place(
    tmp_path: Path, name: str, line: str
) -> None:
    make(tmp_path, **{name: line})
    with pytest.raises(CorpusError, match="line 1: this is no record with dialogue, summary"):
        load(tmp_path)


@needs("dialogsum")
def test_the_published_files_have_the_published_sizes() -> None:
    corpus = load(DATA / "dialogsum")
    assert sizes(corpus) == {"train": 12_460, "valid": 500, "test": 500}
    assert {len(e.targets) for e in corpus["test"]} == {3}
    words = sum(len(e.source.split()) for e in corpus["train"]) / 12_460
    assert 129 < words < 133  # "about 131 words per dialogue"
