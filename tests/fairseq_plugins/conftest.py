"""Corpora and trained models that several tests share; each is made once, by the first to ask."""

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from .commands import preprocess, reversed_digits, train, write_corpus


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], object]], Path]:
    """``once(name, make)``: the folder that ``make`` fills in one of the tests' processes."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        with FileLock(root / f"{name}.lock"):
            if not (root / f"{name}.made").exists():
                make(root / name)
                (root / f"{name}.made").touch()
        return root / name

    return folder


@pytest.fixture(scope="session")
def digits(once):
    """A binarised corpus of reversed digits; the raw text stands beside it."""
    return once("digits", make_digits)


def make_digits(folder):
    for seed, (subset, count) in enumerate((("train", 3000), ("valid", 100), ("test", 100))):
        write_corpus(folder, subset, reversed_digits(count, longest=5, seed=seed))
    preprocess(folder)


@pytest.fixture(scope="session")
def trained(digits, once):
    """The folder of an ``s2s_attn_tiny`` that has learned to reverse digits."""
    flags = ["--arch", "s2s_attn_tiny", "--max-epoch", 8]
    return once("s2s_attn_tiny", lambda save_dir: train(digits / "bin", save_dir, *flags))


@pytest.fixture(scope="session")
def trained_plain(digits, once):
    """The same of an ``s2s_tiny``."""
    flags = ["--arch", "s2s_tiny", "--rnn-type", "gru"]
    flags += ["--encoder-hidden-size", 128, "--decoder-hidden-size", 128]
    flags += ["--max-tokens", 500, "--max-epoch", 20, "--lr", 0.003]
    return once("s2s_tiny", lambda save_dir: train(digits / "bin", save_dir, *flags))
