"""The rule that proposes a setting, on numbers made up for it."""

import pytest

from scripts.diagnosing.choice import BLEU_KEPT, choose, difference, distance, nearest
from scripts.diagnosing.replies import Measures


def measures(bleu=4.0, generic=0.0, distinct_2=1.0, loops=0.0, length=10.0, chinese=0.0):
    scores = None if bleu is None else {f"bleu-{n}": (0, 9.0, bleu, 9.0, 9.0)[n] for n in range(5)}
    return Measures(
        count=9,
        bleu=scores,
        distinct=(0.5, distinct_2, 0.5),
        mean_length=length,
        generic=generic,
        stock=0.0,
        loops=loops,
        empty=0.0,
        echo=0.0,
        chinese=chinese,
        frequent={},
        examples=(),
    )


HUMAN = measures(bleu=None, generic=0.1, distinct_2=0.8, loops=0.02, length=20.0, chinese=1.0)


def test_the_distance_is_the_mean_of_five_differences() -> None:
    found = measures(generic=0.4, distinct_2=0.3, loops=0.12, length=5.0, chinese=0.9)
    assert difference("mean length", found, HUMAN) == pytest.approx(0.75)
    assert distance(found, HUMAN) == pytest.approx((0.3 + 0.5 + 0.1 + 0.75 + 0.1) / 5)
    assert distance(HUMAN, HUMAN) == 0


def test_more_than_people_is_as_far_as_less() -> None:
    low, high = (measures(distinct_2=0.8 + step, length=20) for step in (-0.1, 0.1))
    assert distance(low, HUMAN) == pytest.approx(distance(high, HUMAN))


def test_the_nearest_of_those_with_enough_bleu_is_chosen() -> None:
    far = measures(bleu=4.0, generic=0.9)
    near = measures(bleu=4.0 * BLEU_KEPT, generic=0.2)
    nearest_of_all = measures(bleu=4.0 * BLEU_KEPT - 0.01, generic=0.1)
    found = {"far": far, "near": near, "nearest": nearest_of_all}
    assert choose(found, HUMAN) == "near"
    assert choose({"far": far, "nearest": nearest_of_all}, HUMAN) == "far"
    assert nearest("generic share", found, HUMAN) == "nearest"


def test_the_first_of_equals_is_chosen() -> None:
    assert choose({"b": measures(), "a": measures()}, HUMAN) == "b"


def test_replies_without_references_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="needs references"):
        choose({"human": HUMAN}, HUMAN)
