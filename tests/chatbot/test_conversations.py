"""The held-out messages are well formed; their halves are alike; the judge is fair."""

import re

import pytest

from chatbot.corpus import LANGUAGES, read_themes
from chatbot.dialog import Card, Reply
from chatbot.strings import FALLBACKS, language_of
from scripts.judge_chat import (
    HALVES,
    after_another,
    judge,
    main,
    nearest,
    number,
    read_items,
    summary,
    units,
)


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


def test_there_are_a_hundred_messages_and_thirty_follow_ups(language):
    items = read_items(language)
    assert sorted(map(number, items)) == list(range(1, 101))
    assert len({item.message for item in items}) == 100
    assert sum(len(item.before) == 1 for item in items) == 30


def test_the_halves_are_as_large_and_hold_as_many_follow_ups(language):
    halves = [read_items(language, half) for half in HALVES]
    assert [len(half) for half in halves] == [50, 50]
    counts = [sum(bool(item.before) for item in half) for half in halves]
    assert abs(counts[0] - counts[1]) <= 2


def test_every_item_says_what_is_accepted(language):
    for item in read_items(language):
        assert item.kind.strip() and item.accept
        for pattern in item.accept:
            re.compile(pattern)
            assert not re.search(pattern, ""), (item.id, pattern)


@pytest.mark.slow
def test_no_message_stands_in_the_corpus(language):
    openings = [block.opening for theme in read_themes(language) for block in theme.blocks]
    phrasings = [phrasing for opening in openings for phrasing in opening.phrasings]
    alone = [item for item in read_items(language) if not item.before]
    assert [item.id for item in alone if any(p.matches(item.message) for p in phrasings)] == []


class Scripted:
    """Answers each message with what the test wants."""

    card = Card("scripted")

    def __init__(self, text):
        self.text = text

    def reply(self, dialog, settings):
        yield Reply(self.text)


def tuned(language):
    return read_items(language, "tuned")


@pytest.fixture
def no_corpus(monkeypatch):
    """To draw it takes seconds, and only the overlap needs it."""
    monkeypatch.setattr("scripts.judge_chat.drawn", lambda language: ["hello"])


def test_a_fallback_is_never_on_topic(language, no_corpus):
    for fallback in FALLBACKS[language]:
        verdicts = list(judge(Scripted(fallback), language, tuned(language), None))
        assert summary(verdicts)["on_topic"] == 0 and summary(verdicts)["fallback"] == 1


def test_one_answer_for_everything_is_on_topic_for_few(language, no_corpus):
    text = {"en": "It is cold and rainy outside.", "zh": "外面又冷又下雨。"}[language]
    assert language_of(text) == language
    verdicts = list(judge(Scripted(text), language, tuned(language), None))
    assert summary(verdicts)["on_topic"] < 0.15


def test_another_subject_comes_before_each_message_that_has_nothing_before_it(language):
    items = tuned(language)
    found = after_another(items, Scripted("yes"), None)
    themes = {item.message: item.theme for item in items}
    assert [item.id for item in found] == [item.id for item in items if not item.before]
    for item in found:
        [(message, reply)] = item.before
        assert themes[message] != item.theme and reply == "yes"


def test_the_transcript_shows_every_message_and_what_was_said_before(tmp_path, monkeypatch):
    monkeypatch.setattr("chatbot.responder.load_responder", lambda path: Scripted("It | rains."))
    file = tmp_path / "transcript.md"
    assert main(["--half", "tuned", "--lang", "en", "--markdown", str(file)]) == 0
    text = file.read_text(encoding="utf-8")
    assert "## English, tuned half" in text and "0% fallbacks" in text
    rows = [line for line in text.splitlines() if " en-" in line]
    items = read_items("en", "tuned")
    assert len(rows) == len(items) == 50
    assert all(row.endswith(" | It \\| rains. |") for row in rows)
    for item, row in zip(items, rows, strict=True):
        assert item.id in row and item.message in row
        assert all(said in row for exchange in item.before for said in exchange)


def test_the_nearest_phrasing_shares_most():
    phrasings = [units(text, "en") for text in ("do you like tea", "i like my tea", "good night")]
    assert nearest("Do you like green tea?", phrasings, "en") == (0, 4 / 5)
    assert nearest("你好吗", [units("你好", "zh"), units("再见", "zh")], "zh") == (0, 2 / 3)
