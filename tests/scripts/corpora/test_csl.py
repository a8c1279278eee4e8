"""scripts/corpora/csl.py: the last hundred of dev are valid, those before them train."""

from pathlib import Path

import pytest

from scripts.corpora.corpus import CorpusError, Example
from scripts.corpora.csl import load

from .samples import DATA, needs, put, sizes


def test_dev_is_cut_into_train_and_valid(tmp_path: Path) -> None:
    put(tmp_path, "dev.tsv.gz", *(f"to title\tabstract {n}\ttitle {n}" for n in range(110)))
    put(tmp_path, "test.tsv", "to title\t\u6458\u8981 \t\u9898")
    corpus = load(tmp_path)
    assert sizes(corpus) == {"train": 10, "valid": 100, "test": 1}
    assert corpus["train"][-1] == Example("abstract 9", ("title 9",))
    assert corpus["valid"][0] == Example("abstract 10", ("title 10",))
    assert corpus["test"] == [Example("\u6458\u8981", ("\u9898",))]


def test_a_line_without_a_title_is_named_with_its_place(tmp_path: Path) -> None:
    put(tmp_path, "dev.tsv", "to title\tabstract")
    with pytest.raises(CorpusError, match=r"dev\.tsv, line 1: 2 of 3 TAB-separated fields$"):
        load(tmp_path)


@needs("csl_title_devtest")
def test_the_published_files_have_the_published_sizes() -> None:
    corpus = load(DATA / "csl_title_devtest")
    assert sizes(corpus) == {"train": 900, "valid": 100, "test": 1_000}
    dev = corpus["train"] + corpus["valid"]
    assert 205 < sum(len(e.source) for e in dev) / 1000 < 211  # "about 208 characters"
    assert 18 < sum(len(e.targets[0]) for e in dev) / 1000 < 20  # "about 19 characters"
