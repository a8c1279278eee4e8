"""Coverage against repetition, on a task made for it: copying what looks alike everywhere."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..commands import generate, hypotheses, lines, preprocess, train, write_corpus

pytestmark = pytest.mark.slow

SEEDS = (1, 2, 3)
UPDATES = 200
COVERAGE = [
    *("--attention-history", "coverage", "--coverage-weight", 0.3),
    *("--criterion", "label_smoothed_cross_entropy_with_coverage"),
]
NONE = ["--criterion", "label_smoothed_cross_entropy"]


def repeats(hypothesis: Sequence[str], reference: Sequence[str], order: int = 4) -> tuple[int, int]:
    """How many n-grams a hypothesis repeats beyond what the reference holds, and how many it has.

    An n-gram that the reference holds twice may occur twice; any other once.
    """
    found, allowed = ngrams(hypothesis, order), ngrams(reference, order)
    too_many = sum(max(0, count - max(1, allowed[gram])) for gram, count in found.items())
    return too_many, sum(found.values())


def ngrams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """How often each n-gram occurs."""
    return Counter(tuple(words[n : n + order]) for n in range(len(words) - order + 1))


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences of 20 to 40 words of which there are only three, to be copied.

    What was just written stands in many places of the source, so that an attention that does not
    remember where it has been returns to one of them and goes round.
    """
    folder = tmp_path_factory.mktemp("alike")
    rng = random.Random(1)
    for subset, count in (("train", 10_000), ("valid", 10), ("test", 150)):
        sentences = [" ".join(rng.choices("abc", k=rng.randint(20, 40))) for _ in range(count)]
        write_corpus(folder, subset, [(sentence, sentence) for sentence in sentences])
    return preprocess(folder)


def repeated_share(data: Path, save_dir: Path, seed: int, flags: Sequence[object]) -> float:
    """The share of repeated 4-grams in what a model writes after a short training."""
    train(
        data,
        save_dir,
        *("--arch", "s2s_attn_tiny", "--rnn-type", "gru", "--seed", seed),
        *("--max-update", UPDATES, "--disable-validation", "--save-interval", 100),
        *flags,
    )
    checkpoint = save_dir / "checkpoint_last.pt"
    output = generate(data, checkpoint, "--beam", 5, "--max-len-a", 1, "--max-len-b", 15)
    references = {number: fields[0].split() for number, fields in lines(output, "T")}
    found = hypotheses(output)
    counts = [repeats(found[number].split(), words) for number, words in references.items()]
    return sum(many for many, _ in counts) / sum(total for _, total in counts)


def test_a_repeated_4_gram_counts_unless_the_reference_repeats_it_too():
    assert repeats("a b c d a b c d".split(), "a b c d e".split()) == (1, 5)
    assert repeats("a b c d a b c d".split(), "a b c d x a b c d".split()) == (0, 5)
    assert repeats("a a a a a a".split(), "a b c d".split()) == (2, 3)
    assert repeats("a b c".split(), "a b c".split()) == (0, 0)


def test_coverage_halves_the_repeated_4_grams_of_three_seeds(alike, tmp_path):
    shares = {
        name: [repeated_share(alike, tmp_path / f"{name}{seed}", seed, flags) for seed in SEEDS]
        for name, flags in (("none", NONE), ("coverage", COVERAGE))
    }
    without, covered = (sum(shares[name]) / len(SEEDS) for name in ("none", "coverage"))
    assert without > 0.03, shares  # it does suffer
    assert covered <= without / 2, shares
