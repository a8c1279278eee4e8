"""scripts/check_wheel.sh: what a user of the wheel gets."""

import subprocess
from pathlib import Path

import pytest

from .sandbox import ROOT, Sandbox

SCRIPT = "scripts/check_wheel.sh"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "there is no .venv: run scripts/setup_env.sh first"),
        (["taken"], "taken exists already: name a folder that does not"),
    ],
)
def test_what_cannot_begin_is_one_sentence(sandbox: Sandbox, given: list[str], sentence: str):
    if given:
        sandbox.python(".venv/bin/python")
        (sandbox.root / given[0]).mkdir()
    done = sandbox.run(SCRIPT, *given)
    assert (done.returncode, done.stderr) == (1, f"check_wheel.sh: {sentence}\n")


@pytest.mark.slow
def test_the_wheel_works_in_clean_environments(tmp_path: Path):
    if not (ROOT / ".venv/bin/python").exists():
        pytest.skip("needs .venv (scripts/setup_env.sh)")
    done = subprocess.run(
        [ROOT / SCRIPT, tmp_path / "made"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].strip().startswith("the runner ")
