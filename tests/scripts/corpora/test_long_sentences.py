"""scripts/corpora/long_sentences.py: each length tests the same sentences."""

from collections import Counter
from pathlib import Path

import pytest

from scripts.corpora.corpus import Corpus, CorpusError
from scripts.corpora.long_sentences import BLOCK, load

from .samples import DATA, needs, put

COUNTS = {"train": 400, "val": 30, "test_2016_flickr": 7, "test_2017_flickr": 6}


def make(folder: Path) -> None:
    for stem, count in COUNTS.items():
        put(folder, f"{stem}.en", *(f"{stem}-{n}" for n in range(count)))
        put(folder, f"{stem}.de", *(f"{stem}-{n}-de" for n in range(count)))


def words(corpus: Corpus, subset: str) -> list[str]:
    return [word for example in corpus[subset] for word in example.source.split()]


def test_both_sides_join_the_same_sentences(tmp_path: Path) -> None:
    make(tmp_path)
    for examples in load(tmp_path, most=5).values():
        for example in examples:
            joined = " ".join(f"{word}-de" for word in example.source.split())
            assert example.targets == (joined,)


def test_training_uses_every_sentence_equally_often_in_groups_of_every_size(tmp_path: Path) -> None:
    make(tmp_path)
    corpus = load(tmp_path, most=4, repeat=3)
    assert Counter(words(corpus, "train")) == {f"train-{n}": 3 for n in range(400)}
    lengths = Counter(len(e.source.split()) for e in corpus["train"])
    # about 3 * 400 / 2.5 = 480 groups, 120 of each size, give or take four standard deviations
    assert sorted(lengths) == [1, 2, 3, 4]
    assert all(80 < count < 160 for count in lengths.values())
    walks = [words(corpus, "train")[start : start + 400] for start in (0, 400, 800)]
    assert len({tuple(walk) for walk in walks}) == 3  # shuffled anew


def test_validation_is_one_walk_in_order(tmp_path: Path) -> None:
    make(tmp_path)
    assert words(load(tmp_path, most=3), "valid") == [f"val-{n}" for n in range(30)]


def test_the_test_has_the_same_sentences_in_groups_of_each_size(tmp_path: Path) -> None:
    make(tmp_path)
    order = [f"test_2016_flickr-{n}" for n in range(7)] + [
        f"test_2017_flickr-{n}" for n in range(6)
    ]
    groups = [example.source.split() for example in load(tmp_path, most=4)["test"]]
    for size, count in {1: 13, 2: 6, 3: 4, 4: 3}.items():  # 13 sentences: 13 // size groups
        of_size = [group for group in groups if len(group) == size]
        assert len(of_size) == count
        assert [word for group in of_size for word in group] == order[: size * count]


def test_examples_share_text_only_with_those_of_their_block(tmp_path: Path) -> None:
    make(tmp_path)
    for side in ("en", "de"):
        put(tmp_path, f"test_2016_flickr.{side}", *(f"t-{n}" for n in range(2 * BLOCK)))
    corpus = load(tmp_path, most=3)
    found: dict[str, set[int | None]] = {}
    for example in corpus["test"]:
        for word in example.source.split():
            found.setdefault(word, set()).add(example.block)
    assert all(len(blocks) == 1 for blocks in found.values())
    assert set.union(*found.values()) == {0, 1, 2}
    assert {example.block for example in corpus["train"] + corpus["valid"]} == {None}


def test_a_seed_gives_the_same_corpus_and_another_seed_another(tmp_path: Path) -> None:
    make(tmp_path)
    assert load(tmp_path, seed=3) == load(tmp_path, seed=3)
    assert load(tmp_path, seed=3)["train"] != load(tmp_path, seed=4)["train"]
    assert load(tmp_path, seed=3)["test"] == load(tmp_path, seed=4)["test"]


@pytest.mark.parametrize("options", [{"most": 0}, {"repeat": 0}, {"most": 14}])
def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, options: dict[str, int]) -> None:
    make(tmp_path)
    with pytest.raises(CorpusError, match="must be 1 to 40|at least 1|the test holds 13 sentences"):
        load(tmp_path, **options)


@needs("multi30k")
def test_the_real_sentences_reach_a_hundred_words() -> None:
    corpus = load(DATA / "multi30k")
    assert len(corpus["test"]) == sum(50 * (BLOCK // size) for size in range(1, 9))
    assert {example.block for example in corpus["test"]} == set(range(50))
    assert max(len(example.source.split()) for example in corpus["test"]) > 100
    assert sum(len(e.source.split()) > 100 for e in corpus["train"]) > 50
