"""Corpora and trained models that several tests share."""

import pytest

from .commands import preprocess, reversed_digits, train, write_corpus


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """A binarised corpus of reversed digits; the raw text stands beside it."""
    folder = tmp_path_factory.mktemp("digits")
    for seed, (subset, count) in enumerate((("train", 3000), ("valid", 100), ("test", 100))):
        write_corpus(folder, subset, reversed_digits(count, longest=5, seed=seed))
    preprocess(folder)
    return folder


@pytest.fixture(scope="session")
def trained(digits, tmp_path_factory):
    """The folder of an ``s2s_attn_tiny`` that has learned to reverse digits."""
    save_dir = tmp_path_factory.mktemp("s2s_attn_tiny")
    train(digits / "bin", save_dir, "--arch", "s2s_attn_tiny", "--max-epoch", 8)
    return save_dir


@pytest.fixture(scope="session")
def trained_plain(digits, tmp_path_factory):
    """The same of an ``s2s_tiny``."""
    save_dir = tmp_path_factory.mktemp("s2s_tiny")
    flags = ["--rnn-type", "gru", "--encoder-hidden-size", 128, "--decoder-hidden-size", 128]
    flags += ["--max-tokens", 500, "--max-epoch", 20, "--lr", 0.003]
    train(digits / "bin", save_dir, "--arch", "s2s_tiny", *flags)
    return save_dir
