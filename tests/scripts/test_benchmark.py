"""scripts/benchmark.py from end to end in small, and the recipes that it needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import benchmark
from scripts.benchmarking.metrics import METRICS
from scripts.benchmarking.systems import BASE

from .sandbox import ROOT, Sandbox

OURS = "s2s_attn_lstm"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the whole program writes, all shapes and systems in small."""
    path = tmp_path_factory.mktemp("benchmark") / "docs" / "benchmark.json"
    command = [sys.executable, ROOT / "scripts" / "benchmark.py", "--tiny", "--rounds", "1"]
    done = subprocess.run([*command, "--json", path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text())


def test_every_metric_has_a_value_or_a_reason(record: dict) -> None:
    assert record["metrics"].keys() == METRICS.keys()
    for name, value in record["metrics"].items():
        assert (value is None) == (name in record["why"])
        if value is not None:
            assert value > 0
    assert record["metrics"]["train_2000_lstm"] is not None
    assert record["metrics"]["roofline_train"] is not None


def test_a_metric_is_null_only_for_an_absent_system(record: dict) -> None:
    absent = record["absent"]
    for name, reason in record["why"].items():
        assert any(system in reason for system in absent) or "memory" in name


def test_an_absent_peer_is_listed_with_its_reason(record: dict) -> None:
    (one,) = record["runs"]
    taken_part = set(one["summary"])
    for name in ("joeynmt_lstm", "opennmt_lstm"):
        assert (name in record["absent"]) != (name in taken_part)
    assert all("setup_peers.sh" in why for name, why in record["absent"].items() if "nmt" in name)


def test_a_run_tells_where_it_was_made_and_how_long_it_took(record: dict) -> None:
    (one,) = record["runs"]
    assert one["complete"]
    assert one["seconds"] >= 0
    assert record["stubbed"] == one["stubbed"]
    assert one["environment"]["variables"]["OMP_NUM_THREADS"] == "1"
    assert one["environment"]["variables"]["OMP_WAIT_POLICY"] == "PASSIVE"
    assert one["environment"]["torch_threads"] == 1
    assert record["config"]["commands"][BASE].startswith("made-up --cpu --optimizer adam")
    assert {"system", "shape", "cpu", "wall", "tokens"} <= one["rounds"][0].keys()


def test_the_growth_has_both_axes(record: dict) -> None:
    growth = record["runs"][0]["growth"]
    assert growth[OURS].keys() == {"target", "source"}
    assert all(len(axis) == 4 for system in growth.values() for axis in system.values())


def test_every_run_is_a_process_and_the_first_that_fails_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls, codes = [], [0, 7, 0]

    def call(command: list) -> int:
        calls.append(command)
        return codes.pop(0)

    monkeypatch.setattr(subprocess, "call", call)
    assert benchmark.main(["--tiny", "--json", "x.json", "--runs", "3"]) == 7
    program = [sys.executable, str(ROOT / "scripts" / "benchmark.py")]
    assert calls == [[*program, "--tiny", "--json", "x.json", "--runs", "3", "--runs", "1"]] * 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--systems", "marian"], "marian is no system: choose from fairseq_lstm, "),
        (["--shapes", "len1"], "len1 is no shape: choose from multi30k_2000, "),
        (["--rounds", "0"], "--rounds is 0, but must be at least 1"),
        (["--data", "nowhere"], "run VOCAB_SIZE=8000 NAME=nowhere scripts/prepare_multi30k.sh"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "S2S_NO_FAST"):
        monkeypatch.setenv(name, "1")  # so that they are as before afterwards
    assert benchmark.main(arguments) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_several_runs_need_a_file(capsys) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(["--runs", "3"])
    assert "--runs 3 needs --json" in capsys.readouterr().err


def test_the_figure_is_drawn_from_the_record_alone(tmp_path: Path, record: dict) -> None:
    pytest.importorskip("matplotlib", reason="scripts/setup_peers.sh installs Matplotlib")
    from scripts.benchmarking.figure import draw

    draw(record, tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text()
    assert text.startswith("<?xml")
    assert text.count("<!-- fairseq lstm -->") == 1  # named once, in the legend


NOTE = 'echo "${0##*/} $*" >>"$CALLS"'


@pytest.fixture
def recipe(sandbox: Sandbox) -> Sandbox:
    """scripts/prepare_multi30k.sh with its tools as stand-ins that make the files of the real."""
    text = 'for s in train valid test; do for l in src tgt; do echo a >"$2/$s.$l"; done; done'
    spm = 'touch "$2".{model,dict.txt}'
    sandbox.tool(
        "python",
        f"{NOTE}\n"
        "while [ $# -gt 0 ]; do case $1 in\n"
        f'    --out) mkdir -p "$2"; {text} ;;\n'
        f"    --prefix) {spm} ;;\n"
        "esac; shift; done",
    )
    preprocess = 'while [ "$1" != --destdir ]; do shift; done; mkdir -p "$2"'
    sandbox.tool("fairseq-preprocess", f"{NOTE}\n{preprocess}")
    return sandbox


@pytest.mark.parametrize(
    ("chosen", "name", "size"),
    [
        ({}, "multi30k", 4000),
        ({"VOCAB_SIZE": "8000", "NAME": "multi30k-8k"}, "multi30k-8k", 8000),
        ({"VOCAB_SIZE": "300"}, "multi30k", 300),
        ({"NAME": "a-computer"}, "multi30k", 4000),  # as WSL sets it
    ],
)
def test_the_vocabulary_and_the_name_of_the_data_can_be_chosen(
    recipe: Sandbox, chosen: dict[str, str], name: str, size: int
) -> None:
    done = recipe.run("scripts/prepare_multi30k.sh", S2S_DATA="data", **chosen)
    assert done.returncode == 0, done.stderr
    calls = recipe.calls()
    (trained,) = (call for call in calls if "spm.py train" in call)
    assert f"--prefix ./data-bin/{name}.text.tmp/spm --vocab-size {size} " in trained
    (prepared,) = (call for call in calls if "prepare.py" in call)
    assert "multi30k --data data/multi30k" in prepared
    assert (recipe.root / "data-bin" / name / "spm.model").exists()
    assert done.stdout.endswith(f"data-bin/{name} is ready.\n")


def test_the_preparation_tells_its_own_usage(recipe: Sandbox) -> None:
    done = recipe.run("scripts/prepare_multi30k.sh", "--help")
    assert done.returncode == 0
    assert "scripts/prepare_multi30k.sh" in done.stdout
    assert not recipe.calls()


def test_the_peers_go_into_a_folder_of_their_own(sandbox: Sandbox) -> None:
    target = 'while [ $# -gt 0 ]; do [ "$1" != --target ] || mkdir -p "$2"; shift; done'
    sandbox.tool(".venv/bin/python", f"{NOTE}\n{target}")
    assert sandbox.run("scripts/setup_peers.sh").returncode == 0
    calls = sandbox.calls()
    assert (sandbox.root / ".venv" / "peers").is_dir()
    (peers,) = (call for call in calls if "joeynmt==" in call)
    assert "--no-deps --target .venv/peers.tmp" in peers
    assert all("--target" in call or "--constraint constraints.txt" in call for call in calls[:-1])
    assert calls[-1] == "python -m pip check"


def test_the_peers_need_the_environment_first(sandbox: Sandbox) -> None:
    done = sandbox.run("scripts/setup_peers.sh")
    assert done.returncode == 1
    assert "run scripts/setup_env.sh first" in done.stderr
