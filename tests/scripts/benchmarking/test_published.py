"""``docs/benchmark.json`` is what three whole runs give, and docs/speed.md quotes it."""

import json
import re
from pathlib import Path

import pytest

from scripts.benchmarking.metrics import METRICS
from scripts.benchmarking.verdict import combine, evaluate

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def record() -> dict:
    return json.loads((ROOT / "docs" / "benchmark.json").read_text(encoding="utf-8"))


def test_three_whole_runs_are_kept_with_their_rounds_and_machine(record: dict) -> None:
    assert len(record["runs"]) == 3
    for run in record["runs"]:
        assert run["complete"] and run["rounds"] and run["environment"]


def test_every_metric_is_a_ratio_or_null_with_its_reason(record: dict) -> None:
    assert set(record["metrics"]) == set(METRICS)
    for name, value in record["metrics"].items():
        assert value is not None and value > 0 or record["why"][name]


def test_the_metrics_follow_from_the_raw_rounds(record: dict) -> None:
    runs = [{**run} for run in record["runs"]]
    for run in runs:
        run["metrics"], run["why"] = evaluate(run)
    assert combine(runs) == (record["metrics"], record["why"])


def test_the_page_on_speed_quotes_the_medians(record: dict) -> None:
    page = (ROOT / "docs/speed.md").read_text(encoding="utf-8")
    cells = re.findall(r"\| ([\d. /]+) <!-- ([\w ]+) --> \|", page)
    found = {
        name: value
        for values, names in cells
        for name, value in zip(names.split(), values.split(" / "), strict=True)
    }
    expected = {name: f"{value:.2f}" for name, value in record["metrics"].items() if value}
    assert found == expected
