"""What lies outside a model's world is told from the words that it has read."""

import pytest

from chatbot.dialog import Message
from chatbot.familiar import (
    MOSTLY_UNKNOWN,
    KnownWords,
    fallback,
    foreign_share,
    is_outside,
    spoken,
    units,
    write_words,
)
from chatbot.spelling import MIN_COUNT
from chatbot.strings import FALLBACKS, SENTENCES

SOURCES = [
    "how are you today",
    "what does attention do <sep> it looks <sep> how",
    "what is an encoder",
    "你好 今天 怎么样",
    "什么是注意力",
    "<user> tell me about rnn吧",
]


@pytest.fixture
def known(tmp_path):
    write_words(tmp_path / "words.txt", MIN_COUNT * SOURCES)
    return KnownWords.read(tmp_path / "words.txt")


def test_chinese_is_cut_into_characters_and_pairs_other_words_are_whole():
    assert units("rnn是什么 2026 <sep> ok") == ["rnn", "是", "什", "么", "是什", "什么", "ok"]


def test_the_file_holds_every_unit_with_its_count(known):
    assert (known.counts["how"], known.counts["what"], known.counts["什么"]) == (6, 6, 3)
    assert "<sep>" not in known.counts and "<user>" not in known.counts
    assert list(known.counts.values()) == sorted(known.counts.values(), reverse=True)


@pytest.mark.parametrize("text", SOURCES)
def test_what_was_read_is_known(known, text):
    assert known.unknown_share(text) == 0


def test_a_slip_is_known_as_what_was_meant(known):
    assert known.unknown_share("what does atention do") == 0


def test_punctuation_case_and_width_do_not_matter(known):
    assert known.unknown_share("HOW, are You?!") == 0
    assert known.unknown_share("ｈｏｗ　ａｒｅ　ｙｏｕ？") == 0


def test_frequent_words_say_little():
    known = KnownWords({"what": 1000, "is": 1000, "the": 1000, "attention": 3})
    assert known.unknown_share("what is the xylophone") >= MOSTLY_UNKNOWN
    assert known.unknown_share("what is the attention xylophone") < MOSTLY_UNKNOWN


@pytest.mark.parametrize("text", ["", "?!", "2026", "<sep>"])
def test_a_message_without_words_is_not_unknown(known, text):
    assert known.unknown_share(text) == 0


@pytest.mark.parametrize("content", [b"word", b"word many", b"a b 3", b"\xff\xfe"])
def test_a_file_that_is_no_list_is_one_sentence(tmp_path, content):
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        KnownWords.read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_pieces_that_the_vocabulary_lacks_are_counted():
    assert foreign_share(["▁a", "<unk>", "<0xE4>", "b", "</s>"]) == 0.5
    assert foreign_share(["</s>"]) == 0


def test_a_part_that_is_unknown_needs_a_model_that_is_unsure():
    assert is_outside(0.9) and not is_outside(0.0, -9.0)
    assert is_outside(0.5, -5.0) and not is_outside(0.5, -0.1) and not is_outside(0.5)


@pytest.mark.parametrize(("message", "language"), [("zzz", "en"), ("量子", "zh")])
def test_fallbacks_vary_and_are_the_same_for_the_same_turn(message, language):
    assert fallback(message, 3) == fallback(message, 3)
    found = {fallback(message, turns) for turns in range(40)}
    assert found == set(FALLBACKS[language])
    first = fallback(message, 1)
    assert all(fallback(message, turns, first) != first for turns in range(40))


def test_what_was_said_without_the_model_is_not_part_of_the_dialog():
    dialog = [
        Message("user", "one"),
        Message("assistant", "fine"),
        Message("user", "boom"),
        Message("assistant", SENTENCES["en"]["failed"]),
        Message("user", "qwxz"),
        Message("assistant", FALLBACKS["zh"][2]),
        Message("user", "two"),
    ]
    assert [message.text for message in spoken(dialog)] == ["one", "fine", "two"]
