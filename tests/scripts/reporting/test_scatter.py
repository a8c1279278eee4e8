"""Names beside a chart."""

import random

import pytest

from scripts.reporting.scatter import Point, draw, spread


def test_places_keep_order_and_distance_and_stay_inside() -> None:
    rng = random.Random(1)
    for count in (0, 1, 2, 5, 15, 40):
        wanted = sorted(rng.random() ** 3 for _ in range(count))
        found = spread(wanted, 0.05)
        gap = min(0.05, 1 / max(1, count - 1))
        assert len(found) == count
        assert all(-1e-9 <= place <= 1 + 1e-9 for place in found)
        steps = [after - before for before, after in zip(found, found[1:], strict=False)]
        assert all(step >= gap - 1e-9 for step in steps)


def test_places_that_do_not_touch_stay() -> None:
    assert spread([0.1, 0.5, 0.9], 0.05) == [0.1, 0.5, 0.9]
    assert spread([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert spread([1.0, 1.0], 0.1) == pytest.approx([0.9, 1.0])


def test_each_name_stands_beside_the_axes_once_and_the_axes_have_units() -> None:
    points = {f"setting {n}": Point(4.0 * n, 0.1 * n, 2.0 + n) for n in range(5)}
    ringed = {"setting 1": "default", "setting 2": "proposed"}
    axes, bar = draw("A title", points, Point(5.0, 0.8, None), ringed).axes
    names = [text.get_text() for text in axes.texts]
    assert len(names) == 6
    assert {"setting 0", "setting 1 (default)", "setting 2 (proposed)", "human replies"} < set(
        names
    )
    assert axes.get_title() == "A title"
    assert axes.get_xlabel().endswith("%")
    assert axes.get_ylabel()
    assert "BLEU-2" in bar.get_xlabel()
    low, high = axes.get_ylim()
    assert low <= 0 and high > 0.8
