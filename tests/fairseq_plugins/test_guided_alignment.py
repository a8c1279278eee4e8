"""Guided alignment: fairseq's label_smoothed_cross_entropy_with_alignment with our attention."""

import random
from statistics import mean

import pytest

from .commands import generate, lines, preprocess, train, write_corpus

WORDS = 30
Links = set[tuple[int, int, int]]  # (sentence, source position, target position)


def alignment_error_rate(found: Links, sure: Links, possible: Links) -> float:
    """AER = 1 - (|A & S| + |A & P|) / (|A| + |S|), where S is in P (Och & Ney 2003, eq. 36)."""
    return 1 - (len(found & sure) + len(found & possible)) / (len(found) + len(sure))


def test_the_alignment_error_rate_is_that_of_the_paper():
    """Found: one sure link, one possible, one wrong; one sure link is missed: 1 - (1 + 2) / 5."""
    sure = {(0, 0, 0), (0, 1, 1)}
    possible = sure | {(0, 1, 2)}
    assert alignment_error_rate({(0, 0, 0), (0, 1, 2), (0, 0, 1)}, sure, possible) == 1 - 3 / 5
    assert alignment_error_rate(sure, sure, possible) == 0
    assert alignment_error_rate({(0, 0, 5)}, sure, possible) == 1


def translated(count: int, seed: int) -> list[tuple[str, str, list[tuple[int, int]]]]:
    """Sentences of source words, those of target words one for one, and their true links.

    The order is the reverse one.
    """
    rng = random.Random(seed)
    corpus = []
    for _ in range(count):
        words = [rng.randrange(WORDS) for _ in range(rng.randint(3, 9))]
        order = list(reversed(range(len(words))))
        source = " ".join(f"s{word}" for word in words)
        target = " ".join(f"t{words[place]}" for place in order)
        corpus.append((source, target, [(place, i) for i, place in enumerate(order)]))
    return corpus


@pytest.fixture(scope="module")
def aligned(tmp_path_factory):
    """The folder of a binarised corpus with its alignments, and the true links of its test set."""
    folder = tmp_path_factory.mktemp("aligned")
    for seed, (subset, count) in enumerate((("train", 2000), ("valid", 60), ("test", 100))):
        corpus = translated(count, seed)
        write_corpus(folder, subset, [(source, target) for source, target, _ in corpus])
        text = "".join(" ".join(f"{s}-{t}" for s, t in links) + "\n" for *_, links in corpus)
        (folder / f"{subset}.align").write_text(text, encoding="utf-8")
    preprocess(folder, "--align-suffix", "align")
    true = {(n, s, t) for n, (*_, links) in enumerate(corpus) for s, t in links}
    return folder / "bin", true


def trained_aer(aligned, save_dir, seed: int, *flags: object) -> float:
    """The error rate of the references' alignments after a short training."""
    data, true = aligned
    train(
        data,
        save_dir,
        *("--arch", "s2s_attn_tiny", "--seed", seed, "--max-epoch", 4, "--lr", 0.003),
        *("--criterion", "label_smoothed_cross_entropy_with_alignment", *flags),
    )
    options = ["--score-reference", "--print-alignment", "--num-workers", 0]
    output = generate(data, save_dir / "checkpoint_last.pt", *options)
    found = {
        (number, *map(int, link.split("-")))
        for number, fields in lines(output, "A")
        for link in fields[0].split()
    }
    return alignment_error_rate(found, true, true)


@pytest.mark.slow
def test_guided_alignment_lowers_the_alignment_error_rate(aligned, tmp_path):
    """After as many updates as without; each sentence's links are known. The mean of three seeds:
    so early in a training one of them says little.
    """
    seeds = (1, 2, 3)
    guided = ["--load-alignments", "--alignment-lambda", 1.0]
    without = [trained_aer(aligned, tmp_path / f"without-{seed}", seed) for seed in seeds]
    with_it = [trained_aer(aligned, tmp_path / f"guided-{seed}", seed, *guided) for seed in seeds]
    assert mean(with_it) < 0.8 * mean(without), (with_it, without)
