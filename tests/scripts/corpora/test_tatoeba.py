"""scripts/corpora/tatoeba.py: no sentence of either language is in two subsets."""

from pathlib import Path

import pytest

from scripts.corpora.corpus import Corpus, CorpusError, plain
from scripts.corpora.tatoeba import components, load

from .samples import DATA, everything, needs, put, sizes


def make(folder: Path) -> list[str]:
    """Five hundred sentences with two translations each; every tenth shares one with the next."""
    lines = []
    for n in range(500):
        shared = n - 1 if n % 10 == 1 else n
        lines += [f"It is {n}.\t\u6570{n}\u3002\tby A", f"it is {n}!\t\u53f7{shared}\tby B"]
    put(folder, "cmn.txt.gz", *lines)
    return lines


def keys(corpus: Corpus, side: int) -> list[set[str]]:
    """For each subset the sentences of one side, made plain."""
    return [
        {plain(text) for e in examples for text in ((e.source,), e.targets)[side]}
        for examples in corpus.values()
    ]


def disjoint(sets: list[set[str]]) -> bool:
    return len(set().union(*sets)) == sum(map(len, sets))


@pytest.mark.parametrize("source, target", [("en", "zh"), ("zh", "en")])
def test_no_sentence_of_either_side_is_in_two_subsets(
    tmp_path: Path, source: str, target: str
) -> None:
    make(tmp_path)
    corpus = load(tmp_path, source, target)
    assert all(sizes(corpus).values())
    assert disjoint(keys(corpus, 0))
    assert disjoint(keys(corpus, 1))


def test_every_pair_is_used_and_both_directions_have_the_same_subsets(tmp_path: Path) -> None:
    lines = make(tmp_path)
    forth, back = load(tmp_path, "en", "zh"), load(tmp_path, "zh", "en")
    read = {tuple(line.split("\t")[:2]) for line in lines}
    assert {(e, z) for e, zs in everything(forth).items() for z in zs} == read
    for name in forth:
        pairs = {(e.source, target) for e in forth[name] for target in e.targets}
        assert pairs == {(target, e.source) for e in back[name] for target in e.targets}


def test_joined_pairs_are_those_of_the_training_set(tmp_path: Path) -> None:
    make(tmp_path)
    single, joined = load(tmp_path), load(tmp_path, join=4)
    assert joined["test"] == single["test"] and joined["valid"] == single["valid"]
    assert {len(e.source.split()) // 3 for e in joined["train"]} == {1, 2, 3, 4}
    for side in (0, 1):
        texts = [(e.source, e.targets[0])[side] for e in joined["train"]]
        pairs = [(e.source, t)[side] for e in single["train"] for t in e.targets]
        assert sorted(" ".join(texts).split()) == sorted(" ".join(pairs).split())
    assert len(single["train"]) < 4 * len(joined["train"])


def test_a_source_has_all_its_translations_as_targets(tmp_path: Path) -> None:
    put(tmp_path, "fra.txt", "Go.\tVa !", "Run!\tCours\u202f!", "Go.\tAllez !")
    assert everything(load(tmp_path, "en", "fr")) == {
        "Go.": ("Va !", "Allez !"),
        "Run!": ("Cours\u202f!",),
    }


def test_pairs_hang_together_over_case_punctuation_and_either_side() -> None:
    pairs = [
        ("Hi.", "x"),
        ("hi!", "y"),
        ("Hello", "y."),
        ("hello", "z"),
        ("Bye", "w"),
        ("W", "x y"),
    ]
    # by hand: hi - x, hi - y, hello - y, hello - z are one; its least English sentence is "hello"
    assert list(components(pairs)) == ["en hello"] * 4 + ["en bye", "en w"]
    assert list(components(pairs[::-1])) == ["en w", "en bye"] + ["en hello"] * 4


@pytest.mark.parametrize("source, target", [("zh", "fr"), ("en", "en"), ("de", "en"), ("fr", "zh")])
def test_a_pair_without_data_is_refused(tmp_path: Path, source: str, target: str) -> None:
    with pytest.raises(CorpusError, match=f"no {source}-{target} here: one side is en, the other"):
        load(tmp_path, source, target)


def test_a_missing_file_and_a_line_without_a_translation_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"neither .*cmn\.txt nor cmn\.txt\.gz exists"):
        load(tmp_path)
    put(tmp_path, "cmn.txt", "Hi.\t\u55e8\u3002", "Hi.")
    with pytest.raises(CorpusError, match=r"cmn\.txt, line 2: 1 of 2 TAB-separated fields"):
        load(tmp_path)


@pytest.mark.parametrize(
    "name, language, pairs, english, held_out",
    [
        pytest.param(*row, marks=needs(row[0]))
        for row in [
            ("tatoeba_cmn_eng", "zh", 26_388, 25_331, 1_000),
            ("tatoeba_fra_eng", "fr", 142_782, 98_659, 2_000),
        ]
    ],
)
def test_the_published_files_have_the_published_sizes(
    name: str, language: str, pairs: int, english: int, held_out: int
) -> None:
    corpus = load(DATA / name, "en", language)
    assert sum(sizes(corpus).values()) == english
    assert sum(len(e.targets) for examples in corpus.values() for e in examples) == pairs
    assert all(0.9 * held_out < sizes(corpus)[part] < 1.1 * held_out for part in ("valid", "test"))
    assert all(disjoint(keys(corpus, side)) for side in (0, 1))
