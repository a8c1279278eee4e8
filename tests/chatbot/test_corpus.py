"""The bundled dialogues parse, contradict nobody and cover what the chat promises."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from chatbot.corpus import FALLBACK, LANGUAGES, Block, parse, read_themes
from chatbot.dialog import SEPARATOR, normalise
from chatbot.strings import EXAMPLES, language_of
from scripts.prepare_chat import COMMON_COPIES, EXAMPLE_COPIES, Pairs

FIELD = {
    "en": ("what is an encoder", "what does attention do", "why are long sentences hard"),
    "zh": ("什么是编码器", "注意力是什么", "长句子为什么难"),
}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture(scope="module")
def themes(language):
    return read_themes(language)


@pytest.fixture(scope="module")
def openings(themes):
    return [block.opening for theme in themes for block in theme.blocks]


def write(tmp_path, lines):
    file = tmp_path / "weather.txt"
    file.write_text(lines, encoding="utf-8")
    return file


def test_every_theme_opens_answers_and_goes_on(themes):
    assert len(themes) >= 30
    for theme in themes:
        assert theme.blocks, theme.name
        assert theme.follow_ups or theme.name == "outside", theme.name
    assert sum(len(block.answers) for theme in themes for block in theme.blocks) >= 300


def test_there_are_some_hundred_intents_and_ten_thousands_of_texts(openings):
    assert len(openings) >= 350
    assert sum(len(phrasing) for opening in openings for phrasing in opening.phrasings) >= 50_000


def test_no_side_is_empty(themes):
    rng = random.Random(1)
    for theme in themes:
        for exchange in theme.exchanges():
            assert all(normalise(phrasing.sample(rng)) for phrasing in exchange.phrasings)
            assert normalise(exchange.reply)


def test_few_texts_have_two_replies():
    """One message with two replies teaches neither; the languages share one model."""
    pairs = drawn({language: read_themes(language) for language in LANGUAGES})
    assert pairs.clashes < 0.03 * len(pairs.train)


def test_a_quarter_of_the_openings_change_the_subject_and_some_the_language():
    """Counted without answers and follow-ups, so that nothing else has a context."""

    def alone(theme):
        blocks = tuple(Block(block.opening, answers=()) for block in theme.blocks)
        return replace(theme, blocks=blocks, follow_ups=())

    train = drawn({name: [alone(each) for each in read_themes(name)] for name in LANGUAGES}).train
    after = [source.split(f" {SEPARATOR} ") for source in train if SEPARATOR in source]
    assert 0.18 < len(after) / len(train) < 0.3
    foreign = sum(language_of(said) != language_of(message) for said, _, message in after)
    assert 0.15 < foreign / len(after) < 0.3


def test_what_most_people_say_is_always_in_the_training_alone_and_more_than_once():
    themes = {language: read_themes(language) for language in LANGUAGES}
    pairs = drawn(themes)
    openings = [
        block.opening for found in themes.values() for theme in found for block in theme.blocks
    ]
    first = {normalise(next(iter(opening.phrasings[0]))) for opening in openings}
    missing = first - pairs.train.keys()
    assert missing == set()
    copies = Counter(source for source, _ in pairs.copies())
    for text in ("hi", "hello", "how are you", "bye", "你好", "再见", *first):
        assert copies[text] >= COMMON_COPIES - 1, text
    for texts in EXAMPLES.values():
        for text in texts:
            assert copies[normalise(text)] == EXAMPLE_COPIES - 1, text
    assert len(copies) < 0.05 * len(pairs.train)


def drawn(themes):
    """What a training of these themes draws."""
    pairs = Pairs(random.Random(1), turns=1, speakers=False)
    for language in themes:
        pairs.draw(language, themes)
    return pairs


def test_replies_are_short_and_in_the_language_of_the_files(language, themes):
    replies = {exchange.reply for theme in themes for exchange in theme.exchanges()} - {FALLBACK}
    right = sum(language_of(reply) == language for reply in replies)
    assert right >= 0.98 * len(replies)  # a foreign word or a digit may be an answer
    long = [reply for reply in replies if len(reply) > {"en": 90, "zh": 40}[language]]
    assert long == []


def test_the_fields_own_questions_are_there(language, openings):
    for question in FIELD[language]:
        assert any(p.matches(question) for opening in openings for p in opening.phrasings), question


def test_the_pages_examples_can_be_answered(language, openings):
    for text in EXAMPLES[language]:
        assert any(p.matches(text) for opening in openings for p in opening.phrasings), text


def test_an_unknown_language_is_one_sentence():
    with pytest.raises(ValueError, match="unknown language 'fr': choose from en, zh"):
        read_themes("fr")


def test_a_block_has_an_opening_and_alternative_answers(tmp_path):
    theme = parse(
        write(
            tmp_path,
            "# topic\n= city: Rome | Bonn\n\nU: rain | rain in {city}\nB: Wet!\nU: yes\nB: Oh.\n"
            "U: no( no/)\nB: Good.\n\n@follow\nU: why\nB: Clouds.\n",
        )
    )
    assert theme.name == "weather"
    (block,) = theme.blocks
    assert [list(phrasing) for phrasing in block.opening.phrasings] == [
        ["rain"],
        ["rain in Rome", "rain in Bonn"],
    ]
    assert [answer.reply for answer in block.answers] == ["Oh.", "Good."]
    assert [follow_up.reply for follow_up in theme.follow_ups] == ["Clouds."]
    replies = [exchange.reply for exchange in theme.exchanges()]
    assert replies == ["Wet!", "Oh.", "Good.", "Clouds."]


def test_a_phrasing_stands_for_every_combination(tmp_path):
    theme = parse(write(tmp_path, "U: (it is/its) (so /)cold( today/ here/) ?\nB: Brr.\n"))
    (phrasing,) = theme.blocks[0].opening.phrasings
    texts = list(phrasing)
    assert len(texts) == len(set(texts)) == len(phrasing) == 12
    assert "its cold?" in texts and "it is so cold here?" in texts
    assert {phrasing.sample(random.Random(seed)) for seed in range(200)} == set(texts)
    assert phrasing.matches("It is SO cold, today!") and not phrasing.matches("it is cold so")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("U: hi", "line 2: the last message has no reply"),
        ("U: hi |\nB: ho", "line 1: a phrasing is empty"),
        ("U: hi\nB:", "line 2: a reply is one text"),
        ("U: hi\nB: a | b", "line 2: a reply is one text"),
        ("U: hi\nB: a {city}", "line 2: a reply is one text"),
        ("U: hi\nU: ho", "line 2: expected B:"),
        ("B: hi", "line 1: expected U:"),
        ("hello", "line 1: expected U:"),
        ("U: hi (you\nB: ho", "line 1: a bracket of 'hi \\(you' has no partner"),
        ("= you: a | b\nU: hi (to {you}/)\nB: ho", "line 2: a bracket of .* is inside another"),
        ("U: hi {you}\nB: ho", "line 1: {you} has no values"),
        ("= city: Rome |\n", "line 1: a phrasing is empty"),
        ("U: hi\nB: ho\n@follow", "line 3: expected U:"),
    ],
)
def test_a_broken_line_is_named(tmp_path, lines, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(write(tmp_path, lines))
