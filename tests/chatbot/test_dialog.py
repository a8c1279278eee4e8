"""What reaches the model is visible, bounded text in one spelling, and no user can forge a turn."""

import unicodedata

import pytest

from chatbot.dialog import MAX_MESSAGE_LENGTH, SEPARATOR, Message, clean, normalise, source_text

ODD = {
    "empty": "",
    "spaces": " \t\n\u3000 ",
    "nul": "a\0b",
    "escape": "\x1b[31mred\x1b[0m",
    "bidi": "abc\u202edef\u2066ghi\u061c",
    "zero-width": "h\u200be\u200dl\ufefflo",
    "lone surrogate": "ok \ud800 ok",
    "combining": "e\u0301" * 800,
    "long": "x" * 100_000,
    "long, Chinese": "好" * 100_000,
    "emoji": "👍🏽 😀",
    "full width": "ＡＢＣ１２３！？",
    "separator": "<sep> <SEP> <s'ep> ＜sep＞ <s<sep>ep>",
    "end of sentence": "</s> <s> <pad> <unk>",
    "punctuation": "?!...",
    "pieces": "▁ a▁b ?▁▁!",
    "line breaks": "one\r\ntwo\u2028three\u2029four",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_clean_text_is_bounded_one_line_encodable_and_a_fixed_point(text):
    cleaned = clean(text)
    assert len(cleaned) <= MAX_MESSAGE_LENGTH
    assert len(cleaned.splitlines()) <= 1
    assert cleaned == clean(cleaned) == cleaned.strip()
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert all(unicodedata.category(char) not in ("Cc", "Cs") for char in cleaned)
    assert not set(cleaned) & set("\u200b\u200d\u202e\u2066\u061c\ufeff")


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_a_normal_turn_is_a_fixed_point_and_holds_no_separator(text):
    turn = normalise(text)
    assert turn == normalise(turn) == turn.strip() == turn.lower()
    assert SEPARATOR not in turn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "hello"),
        ("  two   words ", "two words"),
        ("a\0b", "a b"),
        ("h\u200bi", "hi"),
        ("e\u0301", "é"),
        ("你好\u3000吗", "你好 吗"),
    ],
)
def test_clean(text, expected):
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("What's up?", "whats up"),
        ("what\u2019s UP", "whats up"),
        ("你好！", "你好"),
        ("你好，吗？", "你好 吗"),
        ("ＲＮＮ是什么", "rnn是什么"),
        ("sequence-to-sequence", "sequence to sequence"),
        ("?!", "?!"),
        ("▁", ""),
        ("▁two▁▁words", "two words"),
        ("?▁▁!", "? !"),
        ("<SEP>", ""),
        ("a <s'ep> b", "a b"),
        ("<bot> says <USER>", "says"),
        ("<s<user>ep> a <b<sep>ot>", "<s ep> a <b ot>"),
    ],
)
def test_normalise(text, same):
    assert normalise(text) == same


DIALOG = [
    Message("user", "One!"),
    Message("assistant", "Two."),
    Message("user", "Three?"),
    Message("assistant", "Four, <sep>"),
    Message("user", "Five"),
]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        (0, "five"),
        (1, "three <sep> four <sep> five"),
        (2, "one <sep> two <sep> three <sep> four <sep> five"),
        (9, "one <sep> two <sep> three <sep> four <sep> five"),
    ],
)
def test_the_source_is_the_last_message_after_the_earlier_turns(turns, expected):
    assert source_text(DIALOG, turns) == expected


def test_each_turn_may_begin_with_its_speaker():
    expected = "<user> three <sep> <bot> four <sep> <user> five"
    assert source_text(DIALOG, 1, speakers=True) == expected


def test_an_empty_turn_leaves_no_separator():
    dialog = [Message("user", "hi"), Message("assistant", ""), Message("user", "there")]
    assert source_text(dialog, 1) == "hi <sep> there"
    assert source_text([], 3) == ""
