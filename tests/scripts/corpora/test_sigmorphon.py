"""scripts/corpora/sigmorphon.py: a word is its letters, whatever script it is written in."""

from pathlib import Path

import pytest

from scripts.corpora.corpus import CorpusError, Example
from scripts.corpora.sigmorphon import languages, letters, load

from .samples import DATA, needs, put, sizes


def make(folder: Path) -> None:
    for track, language in [("medium", "kor"), ("low", "ita"), ("low", "ady")]:
        for part in ("train", "dev", "test"):
            put(folder, f"{track}/{language}_{part}.tsv", f"{part}\tp a", f"{part}\tp o", "b\tb")


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("accuse", "fre", "a c c u s e"),
        ("a ho\u00e0n", "vie_hanoi", "a _ h o \u00e0 n"),
        ("\u1780\u17d2\u178a\u17b6", "khm", "\u1780\u17d2 \u178a \u17b6"),  # the mark joins two
        ("\u304b\u309a\u3063", "jpn_hira", "\u304b\u309a \u3063"),
        (
            "\ud55c\uae00",
            "kor",
            "\u1112 \u1161 \u11ab \u1100 \u1173 \u11af",
        ),  # han-geul: h a n g eu l
        ("\u00e9t\u00e9", "fre", "\u00e9 t \u00e9"),  # only Korean is taken apart
        ("\u0301a", "fre", "\u0301 a"),
    ],
)
def test_letters_keep_their_marks(word: str, language: str, expected: str) -> None:
    assert letters(word, language) == expected


def test_one_language_is_found_in_whatever_track_it_is(tmp_path: Path) -> None:
    make(tmp_path)
    assert languages(tmp_path) == {"ady": "low", "ita": "low", "kor": "medium"}
    corpus = load(tmp_path, language="ita")
    assert corpus["valid"] == [Example("d e v", ("p a", "p o")), Example("b", ("b",))]
    assert sizes(corpus) == {"train": 2, "valid": 2, "test": 2}


def test_a_track_marks_each_word_with_its_language(tmp_path: Path) -> None:
    make(tmp_path)
    corpus = load(tmp_path, track="low")
    assert sizes(corpus) == {"train": 4, "valid": 4, "test.ady": 2, "test.ita": 2}
    assert corpus["test.ady"][0] == Example("<ady> t e s t", ("p a", "p o"))
    assert [e.source for e in corpus["valid"]] == [
        "<ady> d e v",
        "<ady> b",
        "<ita> d e v",
        "<ita> b",
    ]


def test_what_is_not_there_is_one_sentence_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="set S2S_DATA to the folder that holds sigmorphon2021"):
        load(tmp_path, language="ita")
    make(tmp_path)
    with pytest.raises(CorpusError, match="no language xyz: choose one of ady, ita, kor$"):
        load(tmp_path, language="xyz")
    with pytest.raises(CorpusError, match="no language in .*high$"):
        load(tmp_path, track="high")


@needs("sigmorphon2021_g2p")
def test_the_published_files_have_the_published_sizes() -> None:
    folder = DATA / "sigmorphon2021_g2p"
    expected = {
        "high": (33_344, 4_168, 4_168),
        "medium": (8_000, 1_000, 1_000),
        "low": (800, 100, 100),
    }
    found = languages(folder)
    tracks = list(found.values())
    assert [tracks.count(track) for track in expected] == [1, 10, 10]
    for language, track in found.items():
        corpus = load(folder, language=language)
        assert tuple(sizes(corpus).values()) == expected[track], language
        assert "  " not in "".join(e.source + "".join(e.targets) for e in corpus["train"])


@needs("sigmorphon2021_g2p")
def test_korean_words_are_made_of_less_than_a_hundred_letters() -> None:
    corpus = load(DATA / "sigmorphon2021_g2p", language="kor")
    assert len({letter for e in corpus["train"] for letter in e.source.split()}) < 100
