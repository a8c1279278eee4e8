"""Noise changes a message a little, as people do, and never makes it empty."""

import difflib
import random

import pytest

from chatbot.corpus import LANGUAGES, read_themes
from scripts.noise import SAME_SOUND, SHORTER, framed, noisy, slip, swallowed


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


@pytest.fixture
def phrasings(language):
    rng = random.Random(1)
    blocks = [block for theme in read_themes(language) for block in theme.blocks]
    return [phrasing.sample(rng) for block in blocks for phrasing in block.opening.phrasings[:5]]


def test_most_of_a_message_is_left(language, phrasings):
    rng = random.Random(1)
    for phrasing in phrasings:
        other = noisy(phrasing, language, rng)
        assert other.strip()
        if len(phrasing) >= 12:
            assert difflib.SequenceMatcher(None, phrasing.lower(), other.lower()).ratio() > 0.5


def test_most_messages_are_changed_and_in_many_ways(language, phrasings):
    rng = random.Random(1)
    changed = sum(noisy(phrasing, language, rng) != phrasing for phrasing in phrasings)
    assert changed > 0.7 * len(phrasings)
    assert len({noisy(phrasings[0], language, rng) for _ in range(60)}) > 8


def test_a_slip_is_one_letter_lost_doubled_or_changed_over():
    found = {slip("guitar", "en", random.Random(seed)) for seed in range(300)}
    losses = {"gitar", "gutar", "guiar", "guitr"}
    doubles = {"guuitar", "guiitar", "guittar", "guitaar"}
    changes = {"giutar", "gutiar", "guiatr", "guitra"}
    assert found == losses | doubles | changes


def test_a_chat_spelling_takes_whole_words():
    found = {slip("are you young", "en", random.Random(seed)) for seed in range(100)}
    assert {"r you young", "are u young"} <= found
    assert not any("ung" not in text for text in found if text.startswith(("r ", "are u")))


def test_a_chinese_slip_sounds_alike():
    found = {slip("他在家", "zh", random.Random(seed)) for seed in range(100)}
    assert found == {"她在家", "它在家", "他再家", "他在加", "他在佳"}
    assert slip("龙", "zh", random.Random(1)) == "龙"


def test_small_words_stand_before_or_after():
    found = [framed("你好吗？", "zh", random.Random(seed)) for seed in range(50)]
    assert all(text.endswith("你好吗？") or text.startswith("你好吗") for text in found)
    assert all("tea" in framed("tea?", "en", random.Random(seed)) for seed in range(50))


def test_nothing_is_swallowed_where_little_is_left():
    assert swallowed("how are you", "en", random.Random(1)) == "how are you"
    assert len(swallowed("how are you my friend", "en", random.Random(1)).split()) == 4
    assert swallowed("你好", "zh", random.Random(1)) == "你好"


def test_the_tables_hold_what_they_say():
    assert all(len(group) >= 2 and len(set(group)) == len(group) for group in SAME_SOUND)
    assert all(len(short) <= len(word) for word, short in SHORTER.items())
