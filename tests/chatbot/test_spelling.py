"""Slips are read as what was meant; words that are known, and those near nothing, stay."""

import pytest

from chatbot.familiar import units
from chatbot.spelling import MIN_COUNT, Spelling

TEXTS = [
    "what does attention do",
    "the encoder reads the message",
    "it is raining in the mountains today",
    "i am planning a game and playing it",
    "the best rest",
    "你最喜欢什么动物",
    "上班好累",
    "工资还没发",
    "今天下雨",
    "<user> hello <sep> world",
]


@pytest.fixture(scope="module")
def spelling():
    counts = {}
    for text in TEXTS:
        for unit in units(text):
            counts[unit] = counts.get(unit, 0) + 50
    return Spelling(counts | {"rare": MIN_COUNT - 1})


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_known_stays(spelling, text):
    assert spelling.read(text) == text


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("atention", "attention"),  # lost of a double
        ("attenntion", "attention"),  # doubled
        ("attentoin", "attention"),  # changed over
        ("attentjon", "attention"),  # replaced
        ("encoders", "encoder"),  # added
        ("raning", "raining"),  # lost
        ("todya", "today"),
        ("toda", "today"),
    ],
)
def test_a_slip_is_what_was_meant(spelling, slip, meant):
    assert spelling.nearest(slip) == meant
    assert spelling.read(f"the {slip} 上班") == f"the {meant} 上班"


@pytest.mark.parametrize(
    "word",
    [
        "teh",  # short words are near too many
        "yuo",
        "nest",  # another first letter
        "beast",  # a letter added to a short word
        "bust",  # a letter of a short word replaced
        "attnetoin",  # two slips
        "rara",  # of a word that is too rare
        "xylophone",
        "4ttention",
    ],
)
def test_what_is_near_nothing_stays(spelling, word):
    assert spelling.nearest(word) is None
    assert spelling.read(f"the {word}") == f"the {word}"


def test_the_likelier_slip_wins_over_the_more_frequent_word():
    spelling = Spelling({"planning": MIN_COUNT, "playing": 2 * MIN_COUNT})
    assert spelling.nearest("planing") == "planning"


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("上斑好累", "上班好累"),
        ("你最细欢什么动物", "你最喜欢什么动物"),
        ("公资还没发", "工资还没发"),
        ("金天下雨", "今天下雨"),
        ("rnn金天下雨ok", "rnn今天下雨ok"),
    ],
)
def test_a_character_is_read_as_one_of_the_same_sound(spelling, slip, meant):
    assert spelling.read(slip) == meant


@pytest.mark.parametrize("text", ["天", "量子力学", "我们去爬山", "<sep>", "", "吃班"])
def test_chinese_without_a_better_reading_stays(spelling, text):
    assert spelling.read(text) == text


def test_symbols_are_not_words(spelling):
    assert spelling.read("helo <sep> helo") == "hello <sep> hello"
    assert spelling.read("<usre>") == "<usre>"


def test_nothing_known_changes_nothing():
    assert Spelling({}).read("raning 上斑") == "raning 上斑"
