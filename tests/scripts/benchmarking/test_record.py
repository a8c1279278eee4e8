"""The record of runs: three are merged, an interrupted one is dropped, a file is never torn."""

import json
import os
from pathlib import Path

import pytest

from scripts.benchmarking.metrics import METRICS
from scripts.benchmarking.record import Record
from scripts.benchmarking.sizes import BenchmarkError

CONFIG = {"rounds": 1}


def add_run(path: Path, seconds: float, *, complete: bool = True, absent: dict | None = None):
    """A run in which fairseq's lstm took 3 seconds and ours ``seconds``."""
    record = Record(path, CONFIG)
    run = record.begin({"commit": "abc"})
    run["absent"] = absent or {}
    run["memory"] = {"multi30k_2000": {"s2s_attn_lstm": 50.0, "fairseq_lstm": 100.0}}
    for system, cpu in (("fairseq_lstm", 3.0), ("s2s_attn_lstm", seconds)):
        one = {"shape": "multi30k_2000", "system": system, "round": 0}
        run["rounds"].append({**one, "cpu": cpu, "wall": cpu, "tokens": 30})
    run["complete"] = complete
    record.update()


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_three_runs_are_kept_and_their_median_counts(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "benchmark.json"
    for seconds in (2.0, 1.0, 3.0):
        add_run(path, seconds)
    content = read(path)
    assert [run["metrics"]["train_2000_lstm"] for run in content["runs"]] == [1.5, 3.0, 1.0]
    assert content["metrics"]["train_2000_lstm"] == 1.5
    assert content["metrics"]["memory_2000"] == 0.5
    assert content["metrics"].keys() == METRICS.keys()
    assert content["why"]["beam5_b1_int8"] == "s2s_attn_int8 was not measured on beam5_b1"
    assert content["environment"] == {"commit": "abc"}
    assert content["runs"][0]["summary"]["s2s_attn_lstm"]["multi30k_2000"] == {
        "tokens_per_second": 15.0,
        "ratio_med": 1.5,
        "ratio_min": 1.5,
        "ratio_max": 1.5,
        "peak_mb": 50.0,
    }


def test_an_interrupted_run_loses_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "benchmark.json"
    add_run(path, 2.0)
    add_run(path, 1.0, complete=False)
    assert [run["complete"] for run in read(path)["runs"]] == [True, False]
    add_run(path, 3.0)
    assert [run["metrics"]["train_2000_lstm"] for run in read(path)["runs"]] == [1.5, 1.0]


def test_absent_is_who_took_part_in_no_run(tmp_path: Path) -> None:
    path = tmp_path / "benchmark.json"
    add_run(path, 1.0, absent={"joeynmt_lstm": "not installed", "opennmt_lstm": "not installed"})
    add_run(path, 1.0, absent={"opennmt_lstm": "still not installed"})
    assert read(path)["absent"] == {"opennmt_lstm": "still not installed"}


def test_runs_of_another_configuration_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "benchmark.json"
    add_run(path, 1.0)
    with pytest.raises(BenchmarkError, match=r"another configuration \(rounds\)"):
        Record(path, {"rounds": 2})


@pytest.mark.parametrize("text", ["", "[]", '{"runs": 3}'])
def test_a_file_that_is_no_record_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "benchmark.json"
    path.write_text(text)
    with pytest.raises(BenchmarkError, match=r"benchmark\.json is no record"):
        Record(path, CONFIG)


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "benchmark.json"
    add_run(path, 1.0)
    before = path.read_text()

    def fail(*paths: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        add_run(path, 2.0)
    assert path.read_text() == before
