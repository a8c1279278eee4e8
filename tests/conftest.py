"""For every test: what this machine cannot run, and why; less work for the garbage collector."""

import gc
import importlib.util
import os
import shutil
import signal

import pytest

# fairseq scripts two functions, which torch 2.15 deprecates: of no use to a test that reads stderr.
os.environ.setdefault("PYTHONWARNINGS", "ignore:`torch.jit.script` is:FutureWarning")
# What a shell starts in the background ignores it, and so would all that the tests interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Spare each of the tests' collections of garbage the objects of all imported modules."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a browser test where its browser or the library that drives it is missing."""
    if item.get_closest_marker("browser") is None:
        return
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium (Debian, Ubuntu: apt install chromium)")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright (the extra test)")
