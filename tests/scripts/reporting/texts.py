"""What several tests make up: models' answers without models."""

from pathlib import Path

from fairseq_plugins.hub import Hypothesis
from scripts.reporting.subject import Answers, Subject, TestSet

WORDS = "the a dog cat man bird runs sleeps sits over under on green small old hill bench".split()


def sentences(lengths, *, step=1):
    """One made-up sentence of each length."""
    return [
        " ".join(WORDS[(number * 7 + step * place) % len(WORDS)] for place in range(length))
        for number, length in enumerate(lengths)
    ]


def make_test(lengths):
    references = sentences(lengths)
    return TestSet("en", "de", references, references)


def subject(name, log=None):
    return Subject(name, Path("none.pt"), None, "s2s", 10, 5, None, log)


def answers(name, texts, *, seconds=2.0):
    """Answers of these texts."""
    found = [Hypothesis(text, [*text.split(), "</s>"], -1.0, [], ["</s>"], None) for text in texts]
    return Answers(subject(name), found, seconds)


def spoilt(references, *, every):
    """The references with every so many words replaced."""
    return [
        " ".join("wrong" if place % every == 0 else word for place, word in enumerate(text.split()))
        for text in references
    ]
