"""scripts/corpora/chatterbot.py: neighbours are message and reply; a message has one subset."""

from pathlib import Path

import pytest

from scripts.corpora.chatterbot import load, pairs
from scripts.corpora.corpus import CorpusError, plain

from .samples import DATA, everything, needs, put, sizes, sources


def make(folder: Path) -> None:
    many = [line for n in range(300) for line in (f"- - Question {n}?", f"  - Answer {n}.")]
    put(folder, "english/b.yml", "categories:", "- numbers", "conversations:", *many)
    lines = ["- - Hi", "  - Hello", "  - How is it going?", "- - Hi", "  - |", "    Oh,", "    hi!"]
    lines += ["- only a text", "- - question 7", "  - 42"]
    put(folder, "english/a.yml.gz", "conversations:", *lines)


def test_neighbours_are_pairs_and_a_message_has_all_its_replies(tmp_path: Path) -> None:
    make(tmp_path)
    found = everything(load(tmp_path))
    assert found["Hi"] == ("Hello", "Oh, hi!")
    assert found["Hello"] == ("How is it going?",)
    assert found["question 7"] == ("42",)
    assert len(found) == 3 + 300
    assert "How is it going?" not in found and "only a text" not in found


def test_no_message_is_in_two_subsets_whatever_its_case(tmp_path: Path) -> None:
    make(tmp_path)
    corpus = load(tmp_path)
    assert all(sizes(corpus).values())
    parts = [{plain(source) for source in sources(corpus, name)} for name in corpus]
    assert len(set().union(*parts)) == sum(map(len, parts)) == 3 + 299
    assert load(tmp_path) == corpus


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no language latin: choose english or chinese$"):
        load(tmp_path, "latin")
    with pytest.raises(CorpusError, match=r"english has no file \*\.yml: set S2S_DATA to"):
        load(tmp_path)


@pytest.mark.parametrize("line", ["a: [", "- a", "categories: 1", "conversations: hi", ""])
def test_another_format_is_one_sentence(tmp_path: Path, line: str) -> None:
    put(tmp_path, "english/bad.yml", line)
    with pytest.raises(CorpusError, match=r"bad\.yml.* list") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


@needs("chatterbot")
def test_the_published_files_have_the_published_sizes() -> None:
    # SOURCES.md counts 2,393 English pairs, 87 of them neighbouring letters: one of the 2,026
    # conversations (in trivia.yml) is a text of 88 letters, not a list
    assert len(list(pairs(DATA / "chatterbot/english"))) == 2_393 - 87
    assert len(list(pairs(DATA / "chatterbot/chinese"))) == 552
