"""A small corpus and one tiny, hardly trained model of each kind."""

import logging

import pytest

from tests.fairseq_plugins.commands import preprocess, reversed_digits, train, write_corpus

LOGGERS = ("fairseq_cli.train", "fairseq.logging.progress_bar")
SIZES = ["--encoder-embed-dim", 16, "--decoder-embed-dim", 16, "--share-all-embeddings"]
MODELS = {
    "s2s": ["--arch", "s2s_tiny"],
    "s2s_attn": ["--arch", "s2s_attn_tiny"],
    "lstm": [
        *("--arch", "lstm", *SIZES, "--encoder-hidden-size", 16, "--decoder-hidden-size", 16),
        *("--decoder-out-embed-dim", 16, "--encoder-bidirectional", "--dropout", 0),
    ],
    "transformer": [
        *("--arch", "transformer", *SIZES, "--encoder-layers", 1, "--decoder-layers", 1),
        *("--encoder-ffn-embed-dim", 32, "--decoder-ffn-embed-dim", 32, "--dropout", 0),
        *("--encoder-attention-heads", 2, "--decoder-attention-heads", 2),
    ],
}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A folder with text, and binarised data in ``bin``."""
    folder = tmp_path_factory.mktemp("corpus")
    for seed, (subset, count) in enumerate((("train", 300), ("valid", 40), ("test", 60))):
        write_corpus(folder, subset, reversed_digits(count, longest=9, seed=seed))
    preprocess(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoints(corpus, tmp_path_factory):
    """The folder with one folder for each of :data:`MODELS`; ``s2s`` has a log, in JSON."""
    folder = tmp_path_factory.mktemp("checkpoints")
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.setLevel(logging.INFO)  # else they log or not by what was imported first
    for name, flags in MODELS.items():
        log = ["--log-file", folder / name / "train.log"] if name == "s2s" else []
        (folder / name).mkdir()
        more = ["--max-update", 12, "--log-interval", 4, "--no-last-checkpoints"]
        train(corpus / "bin", folder / name, *flags, *more, *log, "--log-format", "json")
        for logger in loggers:
            for handler in [h for h in logger.handlers if isinstance(h, logging.FileHandler)]:
                logger.removeHandler(handler)  # fairseq leaves them
                handler.close()
    for logger in loggers:
        logger.setLevel(logging.NOTSET)
    return folder
