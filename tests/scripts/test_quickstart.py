"""scripts/quickstart.sh: each step once, each refusal before the work, each stop made good."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from .sandbox import Sandbox

QUICKSTART = "scripts/quickstart.sh"
LOG = (
    "2026 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 4.{1} | nll_loss 3"
    " | ppl 8.5 | wps 1 | num_updates {0}00 | best_loss 2"
)

PREPARE = """
echo "prepare ${CHAT_LANG:-both}" >>"$CALLS"
data=data-bin/chat${CHAT_LANG:+-$CHAT_LANG}
sleep "${FAKE_PREPARE:-0}"
mkdir -p "$data" && cat chatbot/corpus/*/*.txt | cksum >"$data/dict.src.txt"
"""
TRAIN = f"""
model=checkpoints/chat${{CHAT_LANG:+-$CHAT_LANG}}
if [ -f "$model/checkpoint_last.pt" ]; then word=resume; else word=train; fi
echo "$word ${{CHAT_LANG:-both}}" >>"$CALLS"
touch "$model/checkpoint_last.pt"
echo "{LOG.format(1, 5)}"
sleep "${{FAKE_SECONDS:-0}}"
[ -z "${{FAKE_FAILS:-}}" ] || {{ echo "RuntimeError: no luck"; exit 1; }}
echo "{LOG.format(2, 3)}"
"""


@pytest.fixture(autouse=True)
def steps(sandbox: Sandbox) -> None:
    """Stand-ins for the steps, each of which notes that it ran."""
    sandbox.tool("scripts/setup_env.sh", 'echo setup >>"$CALLS"; exec sleep "${FAKE_SETUP:-0}"')
    sandbox.tool("scripts/prepare_chat.sh", PREPARE)
    sandbox.tool("scripts/prepare_chat.py", "")
    sandbox.tool("scripts/train_chat.sh", TRAIN)
    serve = 'echo "serve $*" >>"$CALLS"; exec sleep "${FAKE_SERVE:-0}"'
    sandbox.tool(".venv/bin/python", serve)
    for path in ("dialog.py", "corpus/__init__.py", "corpus/en/food.txt", "corpus/zh/food.txt"):
        sandbox.tool(f"chatbot/{path}", path)


@contextmanager
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> str:
    with listener() as port:
        return str(port)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lang", "fr"], "unknown language fr: choose en, zh or both"),
        (["--lang"], "--lang needs a value"),
        (["--port", "http"], "--port http is no port"),
        (["--port", "0"], "--port 0 is no port"),
        (["--port", "65536"], "--port 65536 is no port"),
        (["--sing"], "unknown option --sing"),
    ],
)
def test_a_wrong_argument_is_one_sentence_before_anything_is_done(
    sandbox: Sandbox, arguments: list[str], says: str
) -> None:
    result = sandbox.run(QUICKSTART, *arguments)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert says in result.stderr
    assert sandbox.calls() == []


def test_help_names_every_option(sandbox: Sandbox) -> None:
    result = sandbox.run(QUICKSTART, "--help")
    assert result.returncode == 0
    for option in ("--lang", "--port", "--no-serve"):
        assert option in result.stdout
    assert sandbox.calls() == []


def test_a_taken_port_names_the_next_free_one_before_anything_is_done(sandbox: Sandbox) -> None:
    with listener() as port:
        result = sandbox.run(QUICKSTART, "--port", str(port))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"port {port} is taken" in line
    named = int(line.rpartition("--port ")[2])
    assert port < named < port + 100
    socket.create_server(("127.0.0.1", named)).close()  # it is free
    assert sandbox.calls() == []


def test_a_port_taken_meanwhile_is_noticed_before_serving(sandbox: Sandbox) -> None:
    port = free_port()
    process = sandbox.start(QUICKSTART, "--port", port, FAKE_SECONDS="1")
    wait_for_step(sandbox, "train")
    with socket.create_server(("127.0.0.1", int(port))):
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"port {port} is taken" in err
    assert not any(call.startswith("serve") for call in sandbox.calls())


def test_without_serving_a_taken_port_does_not_matter(sandbox: Sandbox) -> None:
    with listener() as port:
        result = sandbox.run(QUICKSTART, "--port", str(port), "--no-serve")
    assert result.returncode == 0
    assert sandbox.calls() == ["setup", "prepare both", "train both"]


def test_the_first_run_does_all_steps_and_the_second_only_serves(sandbox: Sandbox) -> None:
    port = free_port()
    serve = f"serve -m chatbot --model checkpoints/chat --port {port}"
    first = sandbox.run(QUICKSTART, "--port", port)
    assert first.returncode == 0
    assert sandbox.calls() == ["setup", "prepare both", "train both", serve]
    assert f"http://127.0.0.1:{port}" in first.stdout
    assert sandbox.run(QUICKSTART, "--port", port).returncode == 0
    assert sandbox.calls() == ["setup", serve]


def test_progress_is_one_line_for_each_validation(sandbox: Sandbox) -> None:
    lines = sandbox.run(QUICKSTART, "--no-serve").stdout.splitlines()
    assert "  update 100: validation loss 4.5, perplexity 8.5" in lines
    assert "  update 200: validation loss 4.3, perplexity 8.5" in lines


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_language_has_its_own_data_and_model(sandbox: Sandbox, language: str) -> None:
    sandbox.run(QUICKSTART, "--no-serve")
    sandbox.calls()
    assert sandbox.run(QUICKSTART, "--no-serve", "--lang", language).returncode == 0
    assert sandbox.calls() == ["setup", f"prepare {language}", f"train {language}"]
    assert (sandbox.root / f"checkpoints/chat-{language}/checkpoint_last.pt").exists()
    sandbox.run(QUICKSTART, "--no-serve")
    assert sandbox.calls() == ["setup"]


def test_changed_dialogues_train_anew_and_keep_the_old_model(sandbox: Sandbox) -> None:
    sandbox.run(QUICKSTART, "--no-serve")
    sandbox.tool("chatbot/corpus/en/food.txt", "more")
    sandbox.calls()
    result = sandbox.run(QUICKSTART, "--no-serve")
    assert sandbox.calls() == ["setup", "prepare both", "train both"]
    (old,) = (sandbox.root / "checkpoints").glob("chat.*")
    assert (old / "checkpoint_last.pt").exists()
    assert f"the old one is now checkpoints/{old.name}" in result.stdout


def test_a_changed_recipe_trains_anew_on_the_same_data(sandbox: Sandbox) -> None:
    sandbox.run(QUICKSTART, "--no-serve")
    sandbox.tool("scripts/train_chat.sh", TRAIN + "# another learning rate")
    sandbox.calls()
    sandbox.run(QUICKSTART, "--no-serve")
    assert sandbox.calls() == ["setup", "train both"]


def test_a_model_trained_by_hand_on_these_data_goes_on(sandbox: Sandbox) -> None:
    sandbox.run(QUICKSTART, "--no-serve")
    model = sandbox.root / "checkpoints/chat"
    for stamp in model.glob("quickstart.*"):
        stamp.unlink()
    (model / "dict.src.txt").write_bytes((sandbox.root / "data-bin/chat/dict.src.txt").read_bytes())
    sandbox.calls()
    sandbox.run(QUICKSTART, "--no-serve")
    assert sandbox.calls() == ["setup", "resume both"]


def test_a_failed_training_shows_why_and_goes_on_next_time(sandbox: Sandbox) -> None:
    result = sandbox.run(QUICKSTART, "--no-serve", FAKE_FAILS="yes")
    assert result.returncode == 1
    assert "RuntimeError: no luck" in result.stderr
    assert "training failed; the whole log is checkpoints/chat/train.log" in result.stderr
    sandbox.calls()
    assert sandbox.run(QUICKSTART, "--no-serve").returncode == 0
    assert sandbox.calls() == ["setup", "resume both"]


def test_failed_data_are_made_again(sandbox: Sandbox) -> None:
    sandbox.tool("scripts/prepare_chat.sh", "echo bad line 7; exit 1")
    result = sandbox.run(QUICKSTART, "--no-serve")
    assert result.returncode == 1
    assert "bad line 7" in result.stderr
    sandbox.tool("scripts/prepare_chat.sh", PREPARE)
    sandbox.calls()
    assert sandbox.run(QUICKSTART, "--no-serve").returncode == 0
    assert sandbox.calls() == ["setup", "prepare both", "train both"]


def wait_for_step(sandbox: Sandbox, step: str) -> None:
    for _ in range(200):
        if sandbox.calls_file.exists() and step in sandbox.calls_file.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{step} never began")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_training_at_once_and_the_next_run_resumes(
    sandbox: Sandbox, stop: int
) -> None:
    process = sandbox.start(QUICKSTART, "--no-serve", FAKE_SECONDS="30.125")
    wait_for_step(sandbox, "train")
    time.sleep(0.3)
    os.kill(process.pid, stop)
    _, err = process.communicate(timeout=5)  # its output closes only when the training has ended
    assert process.returncode == 130
    assert "interrupted" in err
    assert "30.125" not in subprocess.run(["ps", "-ef"], capture_output=True, text=True).stdout
    sandbox.calls()
    assert sandbox.run(QUICKSTART, "--no-serve").returncode == 0
    assert sandbox.calls() == ["setup", "resume both"]


STAGES = {  # what is interrupted, what its process says of it, and what the next run has to do
    "setup": ["setup", "prepare both", "train both", "serve"],
    "prepare": ["setup", "prepare both", "train both", "serve"],
    "train": ["setup", "resume both", "serve"],
    "serve": ["setup", "serve"],
}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("stage", STAGES)
def test_a_run_after_one_that_was_stopped_at_any_stage_completes(
    sandbox: Sandbox, stage: str, stop: int
) -> None:
    name = {"train": "FAKE_SECONDS"}.get(stage, f"FAKE_{stage.upper()}")
    port = free_port()
    process = sandbox.start(QUICKSTART, "--port", port, **{name: "30.25"})
    wait_for_step(sandbox, stage)
    time.sleep(0.2)
    for each in [process.pid, *children(process.pid)]:  # a terminal's Ctrl-C reaches all of them
        with suppress(ProcessLookupError):
            os.kill(each, stop)
    process.communicate(timeout=10)
    assert process.returncode != 0
    sandbox.calls()
    done = sandbox.run(QUICKSTART, "--port", port)
    assert done.returncode == 0, done.stderr
    assert [call.split(" -m")[0] for call in sandbox.calls()] == STAGES[stage]


def children(pid: int) -> list[int]:
    """All processes below one."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout
    below = [int(each) for each in found.split()]
    return below + [each for child in below for each in children(child)]
