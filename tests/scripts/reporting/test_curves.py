"""Learning curves of the models that have a log."""

import pytest

from scripts.reporting import curves
from scripts.reporting.training_log import Point

from .texts import subject

LINES = """\
epoch 001:   10 / 20 loss=5.5, nll_loss=5, wps=1, num_updates=10, wall=60
epoch 001 | valid on 'valid' subset | loss 4.6 | nll_loss 4 | num_updates 10
epoch 002:   10 / 20 loss=4.5, nll_loss=4, wps=1, num_updates=20, wall=180
epoch 002 | valid on 'valid' subset | loss 4.1 | nll_loss 3 | num_updates 20
epoch 003:   10 / 20 loss=4.5, nll_loss=3.5, wps=1, num_updates=30, wall=240
epoch 003 | valid on 'valid' subset | loss 4.2 | nll_loss 3.2 | num_updates 30
"""


@pytest.fixture
def logged(tmp_path):
    (tmp_path / "train.log").write_text(LINES)
    return subject("logged", tmp_path / "train.log")


def test_models_without_a_log_have_no_curves(tmp_path):
    (tmp_path / "train.log").write_text("nothing\n")
    assert curves.section([subject("a"), subject("b", tmp_path / "train.log")]) is None


def test_the_best_validation_is_told(logged):
    found = curves.section([logged, subject("silent")])
    assert found.parts[-1].rows == [["logged", 3.0, 8.0, 20, 3.0]]
    assert "silent" in found.text[-1]
    assert found.data["logged"]["validation"][1] == Point(20, 3, None, 180)._asdict()


def test_a_chart_against_updates_and_one_against_minutes(logged):
    charts = [part for part in curves.section([logged]).parts if hasattr(part, "figure")]
    assert [chart.name for chart in charts] == ["curves-updates", "curves-minutes"]
    expected = [[[10, 4], [20, 3], [30, 3.2]], [[1, 4], [3, 3], [4, 3.2]]]
    for chart, points in zip(charts, expected, strict=True):
        [axes] = chart.figure.axes
        [validation] = [line for line in axes.lines if line.get_marker() == "o"]
        assert validation.get_xydata().tolist() == points
        assert axes.get_title() and axes.get_xlabel() and axes.get_ylabel()


def test_without_times_there_is_no_chart_of_minutes(tmp_path):
    (tmp_path / "train.log").write_text(LINES.replace(", wall=", ", wallet="))
    found = curves.section([subject("a", tmp_path / "train.log")])
    assert [getattr(part, "name", "table") for part in found.parts] == ["curves-updates", "table"]
