"""Every preset learns to copy and to reverse digits, told by a first word which of the two.

Reduced in width and depth, each keeps the paper's own structure: where there are residual
connections from the third layer on, there are three layers or more. All sentences of the test are
kept out of the training; what a preset without attention has to carry in one vector is up to ten
digits, and with attention up to twenty.
"""

from pathlib import Path

import pytest

from ..commands import train
from .corpora import DigitCorpus, digit_corpus

pytestmark = pytest.mark.slow

NARROW = [
    *("--encoder-embed-dim", 64, "--decoder-embed-dim", 64, "--decoder-hidden-size", 64),
    *("--decoder-out-embed-dim", 64, "--dropout", 0),
]
RECURRENT = [*NARROW, "--encoder-hidden-size", 64]
ATTENTION = [*RECURRENT, "--attention-dim", 64]


def layers(number: int) -> list[object]:
    """So many on both sides."""
    return ["--encoder-layers", number, "--decoder-layers", number]


# A later flag wins. Updates and learning rate were chosen for the budget of a test.
PLAIN = {
    "s2s_sutskever2014": [
        *(*RECURRENT, *layers(2), "--encoder-hidden-size", 128, "--decoder-hidden-size", 128),
        *("--decoder-out-embed-dim", 128, "--max-update", 1800),
    ],
    "s2s_cho2014": [
        *(*RECURRENT, "--encoder-hidden-size", 192, "--decoder-hidden-size", 192),
        *("--max-update", 2400),
    ],
}
ATTENTIVE = {
    "s2s_bahdanau2015": [*ATTENTION, "--max-update", 1100],
    "s2s_luong2015": [
        *(*ATTENTION, *layers(2), "--encoder-hidden-size", 96, "--decoder-hidden-size", 96),
        *("--decoder-out-embed-dim", 96, "--max-update", 1500, "--lr", 0.003),
    ],
    "s2s_cgru": [*ATTENTION, "--max-update", 1700, "--dropout", 0.1],
    "s2s_gnmt": [*ATTENTION, *layers(4), "--max-update", 1200],
    "s2s_rnmtplus": [*ATTENTION, *layers(3), "--max-update", 1000, "--lr", 0.004],
    # Unscaled dot products of this size begin as a hard choice: the temperature softens them.
    "s2s_conv_attn": [
        *(*NARROW, "--decoder-hidden-size", 128, "--decoder-out-embed-dim", 128),
        *("--conv-hidden-size", 64, "--attention-temperature", 8, "--max-update", 2000),
    ],
    "s2s_transformer_attn": [
        *(*NARROW, "--attention-dim", 64, "--encoder-layers", 2, "--transformer-heads", 4),
        *("--transformer-ffn-size", 256, "--dropout", 0.05, "--max-update", 2200, "--lr", 0.002),
        *("--warmup-updates", 400),
    ],
    "s2s_hred": [*ATTENTION, "--context-hidden-size", 64, "--max-update", 1600],
}


# fairseq's search ends with as many finished hypotheses as the beam is wide, however poor they are.
# These are so sure of every digit that the end of the sentence is second to each of them, and
# five early ends finish a beam of five before the right one comes.
BEAMS = {"s2s_cgru": 1, "s2s_transformer_attn": 1}
# A convolution has to learn the place of every word: at 20 digits this one gets most, not all.
LENGTH_20 = {"s2s_conv_attn": 0.5}


def learn(corpus: DigitCorpus, save_dir: Path, preset: str, flags: list[object]) -> dict:
    """The share of exact outputs by task and length, after a training of about a minute."""
    train(
        corpus.data,
        save_dir,
        *("--arch", preset, "--lr", 0.003, "--lr-scheduler", "cosine", "--warmup-updates", 100),
        *("--disable-validation", "--save-interval", 1000, "--no-save-optimizer-state"),
        *flags,
    )
    return corpus.exact(save_dir / "checkpoint_last.pt", BEAMS.get(preset, 5))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> DigitCorpus:
    """Up to 10 digits."""
    return digit_corpus(tmp_path_factory.mktemp("short"), longest=10, count=60_000)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> DigitCorpus:
    """Up to 20 digits."""
    return digit_corpus(tmp_path_factory.mktemp("long"), longest=20, count=60_000)


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> DigitCorpus:
    """The same, cut into turns; the separators are not to be copied."""
    return digit_corpus(tmp_path_factory.mktemp("turns"), longest=20, count=60_000, turns=True)


@pytest.mark.parametrize("preset", PLAIN)
def test_a_preset_without_attention_copies_and_reverses_up_to_10_digits(short, tmp_path, preset):
    exact = learn(short, tmp_path, preset, PLAIN[preset])
    assert set(exact) == {("copy", "<= 10"), ("reverse", "<= 10")}
    assert min(exact.values()) > 0.95, exact


@pytest.mark.parametrize("preset", ATTENTIVE)
def test_a_preset_with_attention_copies_and_reverses_up_to_20_digits(request, tmp_path, preset):
    corpus = request.getfixturevalue("turns" if preset == "s2s_hred" else "long")
    exact = learn(corpus, tmp_path, preset, ATTENTIVE[preset])
    assert set(exact) == {(task, size) for task in ("copy", "reverse") for size in ("<= 10", "20")}
    for (_, size), share in exact.items():
        assert share > (LENGTH_20.get(preset, 0.95) if size == "20" else 0.95), exact


def test_no_sentence_of_the_test_is_in_the_training_and_a_sentence_is_right_word_for_word(tmp_path):
    corpus = digit_corpus(tmp_path, longest=20, count=2000)
    sources = (tmp_path / "train.src").read_text(encoding="utf-8").splitlines()
    trained = {line.split(" ", 1)[1] for line in sources}
    assert not trained & {" ".join(item.words) for item in corpus.test}
    lengths = [len(item.words) for item in corpus.test]
    assert [lengths.count(20), sum(length <= 10 for length in lengths)] == [200, 400]
    item = next(item for item in corpus.test if item.task == "reverse" and len(item.words) == 3)
    assert item.source.split() == ["<reverse>", *reversed(item.target.split())]
