"""Measures of replies: hand-counted, or by another formula."""

import os
import random
import re

import pytest

from scripts.diagnosing.replies import loops, measure, stock_replies
from scripts.prepare_dialogue import read_dialogues, written
from scripts.scoring.ruler import Ruler

from ..sandbox import ROOT

DATA = (ROOT / os.environ.get("S2S_DATA", "../shared/data") / "xdailydialog").resolve()
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"needs {DATA}")


@pytest.fixture(scope="module")
def english() -> Ruler:
    return Ruler("en")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("no no no", True),
        ("no no", False),
        ("oh well well well then", True),
        ("do it do it", False),
        ("do it do it do it", True),
        ("one two three one two three one two three", True),
        ("i know what you mean and i know what you want", True),
        ("i know what she means and i know what", False),
        ("a b c a b c", False),
        ("", False),
    ],
)
def test_a_loop_is_three_in_a_row_or_four_words_twice(text: str, expected: bool) -> None:
    assert loops(text.split()) is expected


def test_loops_are_those_that_a_pattern_finds() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        text = "".join(rng.choices("abc", k=rng.randrange(12)))
        in_a_row = re.search(r"(.{1,4})\1\1", text) is not None
        twice = any(text.find(text[i : i + 4], i + 1) > i for i in range(len(text) - 3))
        assert loops(list(text)) is (in_a_row or twice), text


def test_punctuation_is_no_loop_and_does_not_hide_one(english: Ruler) -> None:
    replies = ["Well . . . I see !!!", "No, no, NO!", "no. no?"]
    found = measure(english, replies, ["?"] * 3)
    assert found.examples == ("No, no, NO!",)
    assert found.loops == pytest.approx(1 / 3)


def test_a_chinese_loop_is_of_characters() -> None:
    found = measure(Ruler("zh"), ["哈哈哈", "好的，好的。"], ["？"] * 2)
    assert found.examples == ("哈哈哈",)


def test_shares_and_means_are_counted_by_hand(english: Ruler) -> None:
    replies = ["I see.", "i see .", "", "How are you?", "Where is the cat?"]
    messages = ["hi", "hi", "hi", "hi <sep> hello <sep> how are you", "where is the cat <sep> ok"]
    found = measure(english, replies, messages, stock=frozenset({"i see"}))
    assert found.count == 5
    assert found.empty == 1 / 5
    assert found.echo == 1 / 5  # the last turn counts, not the one before
    assert found.stock == 2 / 5
    assert found.mean_length == pytest.approx((3 + 3 + 0 + 4 + 5) / 5)
    # i see . / how are you ? / where is the cat ?: 3 + 4 + 4 others of 3 + 3 + 4 + 5
    assert found.distinct[0] == pytest.approx(11 / 15)
    assert found.distinct[1] == pytest.approx(9 / 11)
    assert found.distinct[2] == pytest.approx(6 / 7)
    assert found.frequent["i see ."] == 2
    assert found.generic == 2 / 5  # what was said once is not generic
    assert found.chinese == 0.0
    assert found.bleu is None


def test_the_generic_share_is_of_the_systems_own_ten_most_frequent(english: Ruler) -> None:
    replies = ["ok"] * 5 + [f"answer {letter}" for letter in "abcdefghijklmno"]
    found = measure(english, replies, ["hi"] * 20)
    assert found.generic == 5 / 20  # what was said once is not generic
    assert len(found.frequent) == 10


def test_replies_that_are_the_references_have_bleu_100(english: Ruler) -> None:
    references = ["Where is the cat ?", "I do not know where it is ."]
    found = measure(english, references, ["a", "b"], references)
    assert set(found.bleu.values()) == {100.0}


def test_stock_replies_are_said_more_than_once_whatever_their_marks(english: Ruler) -> None:
    references = [
        "Thank you.",
        "thank you !",
        "I see",
        "I see.",
        "I see?",
        "Once only.",
        "...",
        "!",
    ]
    assert stock_replies(english, references) == {"thank you", "i see"}
    assert stock_replies(english, references, count=1) == {"i see"}


def test_as_many_messages_as_replies(english: Ruler) -> None:
    with pytest.raises(ValueError, match="2 replies to 1 messages"):
        measure(english, ["a", "b"], ["a"])
    with pytest.raises(ValueError, match="0 replies"):
        measure(english, [], [])


@needs_data
@pytest.mark.parametrize("language", ["en", "zh"])
def test_people_hardly_loop_echo_or_repeat_each_other(language: str) -> None:
    dialogues = read_dialogues(DATA / f"test/{language}_test_human.txt")[:300]
    pairs = [pair for said in dialogues for pair in zip(said, said[1:], strict=False)]
    replies = [written(reply, language) for _, reply in pairs]
    found = measure(Ruler(language), replies, [message for message, _ in pairs])
    assert found.count > 1000
    assert found.loops < 0.05
    assert found.echo < 0.02
    assert found.generic < 0.06
    assert found.empty == 0
