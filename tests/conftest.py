"""For every test: which of them this machine cannot run, and why."""

import importlib.util
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a browser test where its browser or the library that drives it is missing."""
    if item.get_closest_marker("browser") is None:
        return
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium (Debian, Ubuntu: apt install chromium)")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright (the extra test)")
