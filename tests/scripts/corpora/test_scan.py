"""scripts/corpora/scan.py: the published splits, with a validation set out of the training set."""

from pathlib import Path

import pytest

from scripts.corpora.corpus import CorpusError, Example
from scripts.corpora.scan import FOLDERS, load

from .samples import DATA, needs, put, sizes, sources

PUBLISHED = {
    "simple": (16_728, 4_182),
    "length": (16_990, 3_920),
    "jump": (14_670, 7_706),
    "turn_left": (21_890, 1_208),
}


def make(folder: Path, extra: list[str]) -> None:
    lines = [f"IN: walk {n} OUT: I_WALK I_{n}" for n in range(1000)] + extra
    put(folder, "add_prim_split/tasks_train_addprim_jump.txt.gz", *lines)
    put(folder, "add_prim_split/tasks_test_addprim_jump.txt", "IN: jump twice OUT: I_JUMP I_JUMP")


def test_some_training_commands_become_valid_and_no_test_command_does(tmp_path: Path) -> None:
    make(tmp_path, [])
    corpus = load(tmp_path, "jump")
    assert corpus["test"] == [Example("jump twice", ("I_JUMP I_JUMP",))]
    assert not sources(corpus, "train") & sources(corpus, "valid")
    assert len(sources(corpus, "train") | sources(corpus, "valid")) == 1000
    assert 22 < len(corpus["valid"]) < 78  # 50, give or take four standard deviations
    assert load(tmp_path, "jump") == corpus


def test_what_the_training_set_repeats_stays_there_as_often(tmp_path: Path) -> None:
    repeated = [f"IN: again {n} OUT: I_{n}" for n in range(200)] * 2
    make(tmp_path, repeated)
    corpus = load(tmp_path, "jump")
    kept = [e.source for e in corpus["train"] if e.source.startswith("again")]
    assert sorted(kept) == sorted([f"again {n}" for n in range(200)] * 2)


def test_another_split_and_another_format_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match="no split up: choose one of simple, length, jump, turn_le"
    ):
        load(tmp_path, "up")
    make(tmp_path, ["walk I_WALK"])
    with pytest.raises(CorpusError, match=r"addprim_jump\.txt, line 1001: this is not of the form"):
        load(tmp_path, "jump")


@needs("scan")
@pytest.mark.parametrize("split", FOLDERS)
def test_the_published_files_have_the_published_sizes(split: str) -> None:
    corpus = load(DATA / "scan", split)
    found = sizes(corpus)
    assert (found["train"] + found["valid"], found["test"]) == PUBLISHED[split]
    assert 0.035 < found["valid"] / PUBLISHED[split][0] < 0.06
    parts = [sources(corpus, name) for name in corpus]
    assert len(set().union(*parts)) == sum(map(len, parts))
    if split == "jump":
        assert len(parts[0] | parts[1]) == 13_204
        assert sum(e.source == "jump" for e in corpus["train"]) > 1000
    if split == "length":
        longest = [max(len(e.targets[0].split()) for e in corpus[name]) for name in corpus]
        assert (max(longest[:2]), longest[2]) == (22, 48)
