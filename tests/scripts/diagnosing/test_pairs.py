"""The pairs that models are examined with."""

import pytest

from fairseq_plugins import S2SError
from scripts.diagnosing.pairs import of_language, part, sample
from scripts.reporting.subject import TestSet

PAIRS = TestSet(
    "src",
    "tgt",
    ["hello", "你好", "dvd", "what is 猫", "42"],
    ["Hi.", "你好。", "好。", "Cat.", "OK!"],
)


def test_a_pair_is_chinese_where_a_side_has_a_character() -> None:
    assert list(of_language(PAIRS, "zh").sources) == ["你好", "dvd", "what is 猫"]
    assert list(of_language(PAIRS, "en").references) == ["Hi.", "OK!"]


def test_no_pair_and_an_unknown_language_are_one_sentence() -> None:
    with pytest.raises(S2SError, match="None of the 1 pairs .* in the language zh: choose"):
        of_language(part(PAIRS, [0]), "zh")
    with pytest.raises(S2SError, match="'fr', but must be one of en, zh"):
        of_language(PAIRS, "fr")


def test_a_sample_keeps_pairs_together_in_their_order_and_depends_on_the_seed() -> None:
    numbers = [str(number) for number in range(1000)]
    pairs = TestSet("src", "tgt", numbers, [f"to {number}" for number in numbers])
    found = sample(pairs, 50, seed=1)
    assert len(set(found.sources)) == 50
    assert [f"to {source}" for source in found.sources] == list(found.references)
    assert [int(source) for source in found.sources] == sorted(map(int, found.sources))
    assert sample(pairs, 50, seed=1) == found
    assert sample(pairs, 50, seed=2) != found
    assert list(sample(pairs, 5000, seed=1).sources) == numbers
    with pytest.raises(S2SError, match="is 0, but must be at least 1"):
        sample(pairs, 0, seed=1)
