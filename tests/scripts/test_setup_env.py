"""scripts/setup_env.sh decides rightly, says what it does, and survives interruption."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .sandbox import Sandbox

SETUP = "scripts/setup_env.sh"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
TORCH = "pip install torch==2.13.0 numpy cython ninja"
FROM = "pip install --no-deps --retries 2 --index-url {} torch==2.13.0"
COMPILED = "pip wheel --no-build-isolation --no-deps -w .venv/wheels fairseq-fixed==0.12.3.1"


@pytest.fixture(autouse=True)
def machine(sandbox: Sandbox) -> None:
    """A Linux machine with Python 3.11 and disk, without a GPU and without a compiler."""
    sandbox.python()
    sandbox.tool("uname", "echo Linux")
    sandbox.tool("nvidia-smi", "exit 9")
    sandbox.tool("df", "printf 'name size used free\\n/dev/x 1 1 99999999 1 /\\n'")


def add_compiler(sandbox: Sandbox) -> None:
    for name in ("cc", "c++"):
        sandbox.tool(name, "cat >/dev/null")


def commands(sandbox: Sandbox) -> list[str]:
    """What pip did, without the questions it was asked."""
    return [c for c in sandbox.calls() if "index versions" not in c and "--dry-run" not in c]


def sentence(result: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    (line,) = result.stderr.splitlines()
    return line


def test_help_names_every_option(sandbox: Sandbox) -> None:
    result = sandbox.run(SETUP, "--help")
    assert result.returncode == 0
    for option in ("--torch-index", "--no-compiler", "--fresh", "--dry-run"):
        assert option in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--colour"], "unknown option --colour"), (["--torch-index"], "--torch-index needs a value")],
)
def test_a_wrong_option_is_one_sentence_and_changes_nothing(
    sandbox: Sandbox, arguments: list[str], says: str
) -> None:
    result = sandbox.run(SETUP, *arguments)
    assert result.returncode == 2
    assert says in sentence(result)
    assert not (sandbox.root / ".venv").exists()


def test_without_a_python_one_sentence_says_what_to_install(sandbox: Sandbox) -> None:
    (sandbox.bin / "python3.11").unlink()
    result = sandbox.run(SETUP)
    assert result.returncode == 1
    assert "no Python 3.10 or later" in sentence(result)
    assert "install Python 3.11" in sentence(result)


def test_an_old_python_is_passed_over(sandbox: Sandbox) -> None:
    sandbox.tool("python3.11", "exit 1")
    sandbox.python("python3")
    assert "python3 -m venv .venv" in sandbox.run(SETUP, "--dry-run").stdout


def test_a_python_without_venv_is_one_sentence(sandbox: Sandbox) -> None:
    result = sandbox.run(SETUP, FAKE_NO_VENV="yes")
    assert result.returncode == 1
    assert "apt install python3-venv" in sentence(result)


def test_a_wrong_python_by_name_is_one_sentence(sandbox: Sandbox) -> None:
    result = sandbox.run(SETUP, PYTHON="python2.7")
    assert result.returncode == 1
    assert "PYTHON=python2.7" in sentence(result)


def test_a_full_disk_is_one_sentence(sandbox: Sandbox) -> None:
    sandbox.tool("df", "printf 'name size used free\\n/dev/x 1 1 1100000 1 /\\n'")
    result = sandbox.run(SETUP)
    assert result.returncode == 1
    assert "only 1 GB" in sentence(result)
    assert not (sandbox.root / ".venv").exists()


@pytest.mark.parametrize(
    ("arguments", "gpu", "found", "expected"),
    [
        ([], False, "2.15.0, 2.13.0", [FROM.format(CPU_INDEX), TORCH]),
        ([], False, "2.15.0, 2.13.0+cpu, 2.13.0", [TORCH]),
        ([], False, "2.13.0+cpu2, 12.13.0+cpu", [FROM.format(CPU_INDEX), TORCH]),
        ([], True, "2.15.0, 2.13.0", [TORCH]),
        (["--torch-index", "pypi"], False, "2.13.0", [TORCH]),
        (
            ["--torch-index", "https://x.org/i"],
            False,
            "2.13.0+cpu",
            [FROM.format("https://x.org/i"), TORCH],
        ),
        (
            ["--torch-index", "https://x.org/i"],
            True,
            "2.13.0",
            [FROM.format("https://x.org/i"), TORCH],
        ),
    ],
    ids=["cpu-index", "found", "near-names", "gpu", "pypi", "url", "url-with-gpu"],
)
def test_torch_comes_from_one_place_and_once(
    sandbox: Sandbox, arguments: list[str], gpu: bool, found: str, expected: list[str]
) -> None:
    if gpu:
        sandbox.tool("nvidia-smi", "echo GPU 0")
    assert sandbox.run(SETUP, *arguments, FAKE_TORCH=found).returncode == 0
    assert [c for c in commands(sandbox) if "torch==" in c] == expected


def test_on_a_mac_the_registry_has_the_right_torch(sandbox: Sandbox) -> None:
    sandbox.tool("uname", "echo Darwin")
    printed = sandbox.run(SETUP, "--dry-run").stdout
    assert TORCH in printed
    assert CPU_INDEX not in printed


@pytest.mark.parametrize(
    ("arguments", "compiler", "wheel", "road"),
    [
        ([], True, "", "compiled"),
        ([], False, "", "pure"),
        ([], True, "yes", "wheel"),
        (["--no-compiler"], True, "yes", "pure"),
    ],
)
def test_fairseq_takes_the_road_that_is_open(
    sandbox: Sandbox, arguments: list[str], compiler: bool, wheel: str, road: str
) -> None:
    if compiler:
        add_compiler(sandbox)
    result = sandbox.run(SETUP, *arguments, FAKE_WHEEL=wheel)
    assert result.returncode == 0
    built = [c for c in commands(sandbox) if c.startswith("pip wheel")]
    assert (
        built == {"compiled": [COMPILED], "pure": [f"{COMPILED} --no-cache-dir"], "wheel": []}[road]
    )
    assert f"fairseq {road})" in result.stdout
    assert ("no C++ compiler" in result.stdout) == (road == "pure" and not arguments)


def test_a_compiler_that_fails_is_no_error(sandbox: Sandbox) -> None:
    add_compiler(sandbox)
    result = sandbox.run(SETUP, FAKE_FAILS="compiled: pip wheel")
    assert result.returncode == 0, result.stderr
    assert "compiling fairseq failed" in result.stdout
    assert "fairseq pure)" in result.stdout


def test_the_pins_reach_every_pip_and_every_isolated_build(sandbox: Sandbox) -> None:
    assert sandbox.run(SETUP, PIP_CONSTRAINT="other.txt").returncode == 0
    lines = Path(f"{sandbox.calls_file}.env").read_text().splitlines()
    installs = [line for line in lines if " pip install " in line or " pip wheel " in line]
    assert len(installs) > 4
    for line in installs:
        assert line.startswith("run=constraints.txt ")
        isolated = "--no-build-isolation" not in line
        assert (" build=constraints.txt " in line) == isolated


def test_the_package_is_installed_with_its_extras_and_checked(sandbox: Sandbox) -> None:
    assert sandbox.run(SETUP).returncode == 0
    assert commands(sandbox)[-2:] == [
        "pip install --find-links .venv/wheels -e .[fairseq,chatbot,docs,export,recipes,test]",
        "pip check",
    ]


def test_dry_run_changes_nothing(sandbox: Sandbox) -> None:
    before = sorted(sandbox.root.rglob("*"))
    result = sandbox.run(SETUP, "--dry-run")
    assert result.returncode == 0
    assert f".venv/bin/python -m {TORCH}" in result.stdout
    assert sorted(sandbox.root.rglob("*")) == before
    assert commands(sandbox) == []


def test_a_second_run_does_nothing(sandbox: Sandbox) -> None:
    sandbox.run(SETUP)
    sandbox.calls()
    result = sandbox.run(SETUP)
    assert (result.returncode, result.stdout) == (0, "set-up: .venv is ready\n")
    assert sandbox.calls() == []


def test_every_stage_is_one_line_with_its_seconds(sandbox: Sandbox) -> None:
    lines = sandbox.run(SETUP).stdout.splitlines()
    stages = [line for line in lines if line.startswith("  ")]
    assert len(stages) == 6
    assert all(line.endswith(" s") and line.split()[-2].isdigit() for line in stages)


def test_a_changed_pin_installs_again_in_place(sandbox: Sandbox) -> None:
    sandbox.run(SETUP)
    (sandbox.root / ".venv/kept").touch()
    pins = sandbox.root / "constraints.txt"
    pins.write_text(pins.read_text().replace("ruff==", "ruff==9."))
    sandbox.calls()
    assert sandbox.run(SETUP).returncode == 0
    assert "pip check" in sandbox.calls()
    assert (sandbox.root / ".venv/kept").exists()
    assert "is ready" in sandbox.run(SETUP).stdout


@pytest.mark.parametrize("option", [["--fresh"], ["--torch-index", "https://x.org/i"]])
def test_another_wish_makes_the_environment_anew(sandbox: Sandbox, option: list[str]) -> None:
    sandbox.run(SETUP)
    (sandbox.root / ".venv/old").touch()
    assert sandbox.run(SETUP, *option).returncode == 0
    assert not (sandbox.root / ".venv/old").exists()


def test_another_python_makes_the_environment_anew(sandbox: Sandbox) -> None:
    sandbox.run(SETUP)
    sandbox.calls()
    sandbox.tool("python3.12", (sandbox.bin / "python3.11").read_text().replace("3.11.7", "3.12.1"))
    assert sandbox.run(SETUP, PYTHON="python3.12").returncode == 0
    assert "venv .venv" in sandbox.calls()


def test_a_moved_clone_is_set_up_anew(sandbox: Sandbox) -> None:
    sandbox.run(SETUP)
    sandbox.calls()
    sandbox.root = sandbox.root.rename(sandbox.root.with_name("moved"))
    assert sandbox.run(SETUP).returncode == 0
    assert "venv .venv" in sandbox.calls()


def test_a_failure_is_named_and_the_next_run_begins_anew(sandbox: Sandbox) -> None:
    result = sandbox.run(SETUP, FAKE_FAILS="numpy cython")
    assert result.returncode == 1
    assert "torch==2.13.0 from" in result.stderr or "--torch-index" in result.stderr
    (sandbox.root / ".venv/half").touch()
    assert sandbox.run(SETUP).returncode == 0
    assert not (sandbox.root / ".venv/half").exists()


def test_the_first_error_of_the_log_is_in_the_sentence(sandbox: Sandbox) -> None:
    result = sandbox.run(SETUP, FAKE_FAILS="-e .[chatbot,docs,export,recipes,test]")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert "Gradio and the other packages failed: ERROR: no such thing" in last
    assert ".venv/setup.log" in last


def test_a_cpu_index_out_of_reach_names_the_option(sandbox: Sandbox) -> None:
    result = sandbox.run(SETUP, FAKE_FAILS="--index-url")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert CPU_INDEX in last
    assert "ERROR: no such thing" in last
    assert "--torch-index pypi" in last
    assert TORCH not in sandbox.calls()  # no other torch comes instead


def test_an_environment_of_the_user_is_never_removed(sandbox: Sandbox) -> None:
    sandbox.python(".venv/bin/python")
    (sandbox.root / ".venv/mine").touch()
    assert sandbox.run(SETUP, FAKE_FAILS="pip check").returncode == 1
    assert sandbox.run(SETUP, "--fresh").returncode == 0
    assert (sandbox.root / ".venv/mine").exists()
    assert "venv .venv" not in sandbox.calls()
    assert "is ready" in sandbox.run(SETUP).stdout


@pytest.mark.parametrize(
    ("has", "extras"),
    [
        ("fairseq", "chatbot,docs,export,recipes,test"),
        ("fairseq-fixed==0.12.3.1", "fairseq,chatbot,docs,export,recipes,test"),
    ],
    ids=["official", "fork"],
)
def test_a_fairseq_that_is_there_is_kept(sandbox: Sandbox, has: str, extras: str) -> None:
    sandbox.python(".venv/bin/python")
    result = sandbox.run(SETUP, FAKE_HAS=has)
    assert "fairseq kept)" in result.stdout
    calls = commands(sandbox)
    assert not any(call.startswith("pip wheel") for call in calls)
    assert calls[-2] == f"pip install --find-links .venv/wheels -e .[{extras}]"


def test_a_broken_environment_of_the_user_is_one_sentence(sandbox: Sandbox) -> None:
    (sandbox.root / ".venv").mkdir()
    result = sandbox.run(SETUP)
    assert result.returncode == 1
    assert "rm -rf .venv" in sentence(result)


def wait_for(path: Path, text: str) -> None:
    """Until a file has some text, for ten seconds at most."""
    for _ in range(200):
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{text!r} never came")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_set_up_is_made_good_by_the_next(sandbox: Sandbox, stop: int) -> None:
    process = sandbox.start(SETUP, FAKE_SLOW="chatbot,docs,export,recipes,test", FAKE_SECONDS="3")
    wait_for(sandbox.calls_file, "pip install -e .[chatbot,docs,export,recipes,test]")
    began = time.monotonic()
    os.killpg(process.pid, stop)
    _, err = process.communicate(timeout=10)
    assert process.returncode != 0
    if stop != signal.SIGKILL:  # nothing can be said or ended by a killed process
        assert process.returncode == 130
        assert time.monotonic() - began < 2
        assert "interrupted" in err
    assert "state=unfinished" in (sandbox.root / ".venv/setup.stamp").read_text()
    sandbox.calls()
    assert sandbox.run(SETUP).returncode == 0
    assert "venv .venv" in sandbox.calls()


def test_two_at_once_wait_for_each_other(sandbox: Sandbox) -> None:
    first = sandbox.start(SETUP, FAKE_SLOW="chatbot,docs,export,recipes,test", FAKE_SECONDS="1")
    wait_for(sandbox.calls_file, "venv .venv")
    second = sandbox.run(SETUP)
    first.communicate(timeout=20)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "waiting" in second.stdout
    assert "is ready" in second.stdout
    assert sandbox.calls().count("venv .venv") == 1
