"""scripts/corpora/multi30k.py: line n of one language belongs to line n of the other."""

from pathlib import Path

import pytest

from scripts.corpora.corpus import CorpusError, Example
from scripts.corpora.multi30k import load

from .samples import DATA, needs, put, sizes

STEMS = ("train", "val", "test_2016_flickr", "test_2017_flickr")


def make(folder: Path) -> None:
    for stem in STEMS:
        put(folder, f"{stem}.en", f"{stem} one", "two")
        put(folder, f"{stem}.de.gz", f"{stem} eins", "zwei ")


def test_lines_are_paired_in_the_direction_that_was_asked_for(tmp_path: Path) -> None:
    make(tmp_path)
    forth = load(tmp_path, "en", "de")
    assert list(forth) == ["train", "valid", "test.2016", "test.2017"]
    assert forth["valid"] == [Example("val one", ("val eins",)), Example("two", ("zwei",))]
    back = load(tmp_path, "de", "en")
    assert back["test.2017"][0] == Example("test_2017_flickr eins", ("test_2017_flickr one",))


def test_unequal_line_counts_name_both_files_and_numbers(tmp_path: Path) -> None:
    make(tmp_path)
    put(tmp_path, "val.en", "one", "two", "three")
    with pytest.raises(CorpusError, match=r"val\.en has 3 lines and val\.de has 2: ") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("source, target", [("en", "en"), ("en", "fr")])
def test_another_pair_of_languages_is_refused(tmp_path: Path, source: str, target: str) -> None:
    with pytest.raises(CorpusError, match=f"from {source} to {target}: choose two of en and de"):
        load(tmp_path, source, target)


@needs("multi30k")
def test_the_published_files_have_the_published_sizes() -> None:
    corpus = load(DATA / "multi30k")
    assert sizes(corpus) == {
        "train": 29_000,
        "valid": 1_014,
        "test.2016": 1_000,
        "test.2017": 1_000,
    }
