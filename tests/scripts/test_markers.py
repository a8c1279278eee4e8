"""The markers of pytest.ini mean what they say."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .sandbox import ROOT

TESTS = """
import pytest

@pytest.mark.browser
def test_in_the_browser(): pass

@pytest.mark.slow
def test_slowly(): pass

def test_as_always(): pass
"""


@pytest.mark.parametrize(
    ("arguments", "path", "closing"),
    [
        (["-m", "not slow"], "/nowhere", "1 passed, 1 skipped, 1 deselected"),
        ([], "/nowhere", "2 passed, 1 skipped"),
    ],
)
def test_slow_tests_wait_and_browser_tests_skip_without_a_browser(
    tmp_path: Path, arguments: list[str], path: str, closing: str
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_three.py").write_text(TESTS)
    shutil.copy(ROOT / "pytest.ini", tmp_path)
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    command = [sys.executable, "-m", "pytest", *arguments]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True)
    assert closing in done.stdout.splitlines()[-1]
    assert "needs Chromium" in done.stdout
