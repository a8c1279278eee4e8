"""scripts/corpora/corpus.py: a damaged file is one sentence; a split depends on the key alone."""

import gzip
from pathlib import Path

import pytest

from scripts.corpora.corpus import (
    CorpusError,
    Example,
    group,
    open_rows,
    open_text,
    plain,
    share,
    split,
    subset_of,
)

from .samples import put, sizes


@pytest.mark.parametrize("name", ["text", "text.gz"])
def test_only_a_line_feed_ends_a_line_plain_or_packed(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, "one\x85still one\r", "", "\u4e09 ")
    assert list(open_text(tmp_path, "text")) == ["one\x85still one", "", "\u4e09 "]


def test_a_plain_file_goes_before_a_packed_one(tmp_path: Path) -> None:
    put(tmp_path, "text", "plain")
    put(tmp_path, "text.gz", "packed")
    assert list(open_text(tmp_path, "text")) == ["plain"]


def test_a_missing_file_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        list(open_text(tmp_path / "multi30k", "train.en"))
    missing = tmp_path / "multi30k/train.en"
    assert str(error.value) == (
        f"neither {missing} nor train.en.gz exists: set S2S_DATA to the folder that holds multi30k/"
    )


def test_what_is_no_utf8_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(CorpusError, match=r"text, line 2: byte 5 is not valid UTF-8$"):
        list(open_text(tmp_path, "text"))


@pytest.mark.parametrize("damage", [lambda whole: whole[:-9], lambda whole: b"no gzip" + whole])
def test_broken_gzip_is_one_sentence(tmp_path: Path, damage) -> None:
    (tmp_path / "text.gz").write_bytes(damage(gzip.compress(b"a line\n" * 9)))
    with pytest.raises(CorpusError, match=r"text\.gz cannot be read after line \d") as error:
        list(open_text(tmp_path, "text"))
    assert "\n" not in str(error.value)


def test_a_row_with_too_few_fields_is_named_with_its_place(tmp_path: Path) -> None:
    put(tmp_path, "rows", "a\tb\tc", "a b")
    with pytest.raises(CorpusError, match=r"rows, line 2: 1 of 2 TAB-separated fields$"):
        list(open_rows(tmp_path, "rows", 2))


def test_a_source_has_all_its_targets_once_in_their_order() -> None:
    pairs = [("a", "2"), ("b", "1"), ("a", "1"), ("a", "2")]
    assert group(pairs) == [Example("a", ("2", "1")), Example("b", ("1",))]


def test_a_key_has_the_same_share_everywhere() -> None:
    # sha256("abc") begins with ba7816bf8f01cfea (FIPS 180-2, appendix B.1)
    assert share("abc") == 0xBA7816BF8F01CFEA / 2**64


def test_a_share_of_the_keys_goes_to_each_subset() -> None:
    names = [subset_of(f"key {number}", 0.1) for number in range(10_000)]
    # four standard deviations of a binomial distribution are 120
    assert all(880 < names.count(name) < 1120 for name in ("valid", "test"))
    assert names.count("train") == 10_000 - names.count("valid") - names.count("test")


def test_examples_go_where_the_rule_says() -> None:
    examples = [Example(source, ("x",)) for source in ("train", "test", "valid", "test")]
    corpus = split(examples, lambda example: example.source)
    assert sizes(corpus) == {"train": 1, "valid": 1, "test": 2}
    assert all(e.source == name for name, found in corpus.items() for e in found)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("I'm  HERE!", "im here"),
        ("\u4f60\u597d\u3002", "\u4f60\u597d"),
        ("\uff21\uff22", "ab"),  # full width
        ("Stra\u00dfe.", "strasse"),
        ("?!", "?!"),  # nothing else is left
    ],
)
def test_case_and_punctuation_do_not_tell_two_sentences_apart(text: str, same: str) -> None:
    assert plain(text) == same
