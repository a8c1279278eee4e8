"""Both languages say the same things, and the right one is chosen."""

import string

import pytest

from chatbot.strings import (
    EXAMPLES,
    FALLBACKS,
    LABELS,
    SENTENCES,
    is_canned,
    language_of,
    preferred_language,
)


@pytest.mark.parametrize("table", [LABELS, SENTENCES])
def test_both_languages_have_every_text_with_the_same_fields(table):
    def fields(texts):
        return {
            key: {field for _, field, _, _ in string.Formatter().parse(text) if field}
            for key, text in texts.items()
        }

    assert fields(table["en"]) == fields(table["zh"])
    assert all(text.strip() for texts in table.values() for text in texts.values())


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hello", "en"),
        ("你好", "zh"),
        ("what is 注意力?", "zh"),
        ("", "en"),
        ("，。", "en"),
        ("𠮷", "zh"),
    ],
)
def test_language_of_a_message(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("de-DE,de;q=0.9,zh;q=0.5", "zh"),
        ("de", "en"),
        ("", "en"),
        (";;,,", "en"),
    ],
)
def test_language_of_a_browser(header, language):
    assert preferred_language(header) == language


@pytest.mark.parametrize("table", [FALLBACKS, EXAMPLES])
def test_both_languages_have_as_many_sentences_each_in_its_own(table):
    assert len(table["en"]) == len(table["zh"]) == len(set(table["en"])) == len(set(table["zh"]))
    for language, texts in table.items():
        assert all(language_of(text) == language for text in texts)


def test_canned_sentences_are_known():
    assert is_canned(SENTENCES["zh"]["failed"]) and not is_canned("hello")
    assert is_canned(FALLBACKS["en"][0])
