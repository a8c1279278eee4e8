"""scripts/corpora/cmudict.py: the cited split, with all pronunciations of a word in one place."""

from pathlib import Path

import pytest

from scripts.corpora.cmudict import load
from scripts.corpora.corpus import CorpusError, Example

from .samples import DATA, needs, put, sizes, sources


def test_the_numbers_of_the_words_decide_the_subset(tmp_path: Path) -> None:
    entries = [entry for n in range(45) for entry in (f"w{n} W AH0", f"w{n}(2) W AH0 {n}")]
    put(tmp_path, "cmudict.dict.gz", *entries)
    corpus = load(tmp_path)
    spelled = {name: {s.replace(" ", "") for s in sources(corpus, name)} for name in corpus}
    assert spelled["valid"] == {"w0", "w20", "w40"}
    assert spelled["test"] == {"w1", "w2", "w21", "w22", "w41", "w42"}
    assert len(spelled["train"]) == 45 - 3 - 6
    assert all(len(e.targets) == 2 for examples in corpus.values() for e in examples)


def test_comments_stress_and_numbers_of_variants_are_left_out(tmp_path: Path) -> None:
    lines = [
        "'bout B AW1 T # slang, short",
        "read R EH1 D",
        "read(2) R IY1 D",
        "read(3) R IY0 D",  # equal to the second but for its stress
        "n2-o EH2 N",
    ]
    put(tmp_path, "cmudict.dict", *lines)
    corpus = load(tmp_path)
    assert corpus["valid"] == [Example("' b o u t", ("B AW T",))]
    assert corpus["test"] == [
        Example("r e a d", ("R EH D", "R IY D")),
        Example("n 2 - o", ("EH N",)),
    ]


@pytest.mark.parametrize("line", ["word", "", "# W AO1"])
def test_a_line_without_phones_is_named_with_its_place(tmp_path: Path, line: str) -> None:
    put(tmp_path, "cmudict.dict", "a AH0", line)
    with pytest.raises(CorpusError, match=r"cmudict\.dict, line 2: there is no word with its phon"):
        load(tmp_path)


@needs("cmudict")
@pytest.mark.slow
def test_the_published_file_has_the_published_size() -> None:
    corpus = load(DATA / "cmudict")
    total = 126_052
    valid = -(-total // 20)  # i % 20 == 0, i from 0
    assert sizes(corpus) == {"train": total - 3 * valid, "valid": valid, "test": 2 * valid}
    targets = sum(len(e.targets) for examples in corpus.values() for e in examples)
    assert total < targets <= 135_166  # some variants differ in their stress alone
    phones = {phone for e in corpus["test"] for t in e.targets for phone in t.split()}
    assert len(phones) == 39  # ARPAbet without stress
