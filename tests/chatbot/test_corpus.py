"""The bundled dialogues parse, contradict nobody and cover what the chat promises."""

from collections import Counter

import pytest

from chatbot.corpus import LANGUAGES, parse, read_dialogues
from chatbot.dialog import normalise
from chatbot.strings import EXAMPLES, language_of

FIELD = {
    "en": ("what is an encoder", "what does attention do", "long sentences fail"),
    "zh": ("什么是编码器", "注意力", "长句"),
}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def dialogues(language):
    return read_dialogues(language)


def test_there_are_a_thousand_exchanges_in_each_language(dialogues):
    assert sum(map(len, dialogues)) >= 1000


def test_no_side_is_empty(dialogues):
    for dialogue in dialogues:
        for exchange in dialogue:
            assert exchange.phrasings and all(map(normalise, exchange.phrasings))
            assert normalise(exchange.reply)


def test_there_are_dialogues_of_several_turns(dialogues):
    assert sum(len(dialogue) > 1 for dialogue in dialogues) >= 100


def test_there_are_several_phrasings(dialogues):
    counts = [len(exchange.phrasings) for dialogue in dialogues for exchange in dialogue]
    assert sum(counts) / len(counts) >= 2


def test_no_two_dialogues_open_alike():
    """One message with two replies teaches neither; the languages share one model."""
    openings = Counter(
        normalise(phrasing)
        for language in LANGUAGES
        for dialogue in read_dialogues(language)
        for phrasing in dialogue[0].phrasings
    )
    assert [opening for opening, count in openings.items() if count > 1] == []


def test_no_phrasing_of_a_message_is_given_twice(dialogues):
    for dialogue in dialogues:
        for exchange in dialogue:
            phrasings = [normalise(phrasing) for phrasing in exchange.phrasings]
            assert len(phrasings) == len(set(phrasings)), exchange


def test_the_replies_are_in_the_language_of_the_files(language, dialogues):
    replies = [exchange.reply for dialogue in dialogues for exchange in dialogue]
    right = sum(language_of(reply) == language for reply in replies)
    assert right >= 0.98 * len(replies)  # a foreign word or a digit may be an answer


def test_the_fields_own_questions_are_there(language, dialogues):
    messages = {
        normalise(phrasing)
        for dialogue in dialogues
        for exchange in dialogue
        for phrasing in exchange.phrasings
    }
    for question in FIELD[language]:
        assert any(question in message for message in messages), question


def test_the_pages_examples_can_be_answered(language, dialogues):
    openings = {normalise(text) for dialogue in dialogues for text in dialogue[0].phrasings}
    assert [text for text in EXAMPLES[language] if normalise(text) not in openings] == []


def test_an_unknown_language_is_one_sentence():
    with pytest.raises(ValueError, match="unknown language 'fr': choose from en, zh"):
        read_dialogues("fr")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("U: hi", "line 2: the last message has no reply"),
        ("U: hi |\nB: ho", "line 1: a phrasing is empty"),
        ("U: hi\nB:", "line 2: a reply is one text"),
        ("U: hi\nB: a | b", "line 2: a reply is one text"),
        ("U: hi\nU: ho", "line 2: expected B:"),
        ("B: hi", "line 1: expected U:"),
        ("hello", "line 1: expected U:"),
    ],
)
def test_a_broken_line_is_named(tmp_path, lines, sentence):
    file = tmp_path / "broken.txt"
    file.write_text(lines, encoding="utf-8")
    with pytest.raises(ValueError, match=sentence):
        list(parse(file))
