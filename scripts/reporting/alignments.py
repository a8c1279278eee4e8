"""Which source words the outputs came from: pictures of the attention during the beam search."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from fairseq_plugins.hub import WordAlignment

from . import heatmap
from .section import Chart, Section
from .subject import Answers, TestSet

LONGEST = 45  # pieces of a sentence that is picked
SHORTEST = 4
SPREAD = (0.05, 0.95)  # quantiles of the lengths between which sentences are picked
BEAM = 5
DIGITS = 4

Found = tuple[Answers, WordAlignment, int]  # of a model, and the number of the sentence


def section(
    answers: Sequence[Answers],
    test: TestSet,
    count: int = 6,
    sentences: Sequence[str] | None = None,
) -> Section | None:
    """Heat maps of every model that attends, all of the same sentences; None where none does.

    Args:
        answers: of the models
        test: what they answered
        count: of sentences picked from the test set, from a short to a long one
        sentences: other texts to translate and draw, instead of those
    """
    attending = [each for each in answers if each.subject.model.attends]
    if not attending:
        return None
    chosen = [] if sentences else pick(attending, count)
    found: list[Found] = []
    for each in attending:
        pairs = _search(each, sentences) if sentences else _answered(each, test, chosen)
        aligned = each.subject.model.align(pairs)
        found += [(each, alignment, number) for number, alignment in enumerate(aligned, start=1)]
    found = [each for each in found if each[1].source_words and each[1].target_words]
    found.sort(key=lambda each: each[2])  # the models' pictures of one sentence stand together
    parts = [Chart(_name(each), _caption(each), picture) for each, picture in _draw(found)]
    silent = [each.subject.name for each in answers if each not in attending]
    data = {"sentences": [record(*each[:2]) for each in found], "without attention": silent}
    return Section("alignments", "Alignments", _text(silent, bool(sentences)), parts, data)


def pick(answers: Sequence[Answers], count: int) -> list[int]:
    """Places of sentences from a short to a long one, evenly by rank of length, none twice.

    Args:
        answers: of models that were asked the same; the longer of the source and of each model's
            output counts, in pieces
        count: of sentences; fewer where the test set has not as many different ones
    """
    sizes = _sizes(answers)
    fit = [place for place, size in enumerate(sizes) if SHORTEST <= size <= LONGEST]
    fit = fit or [place for place, size in enumerate(sizes) if size > 1]
    ranked = sorted(fit, key=lambda place: (sizes[place], place))
    seen: dict[str, int] = {}
    for place in ranked:
        seen.setdefault(" ".join(answers[0].hypotheses[place].source_tokens), place)
    different = list(seen.values())
    ranks = np.linspace(*SPREAD, min(count, len(different))) * (len(different) - 1)
    return [different[rank] for rank in sorted(set(np.rint(ranks).astype(int).tolist()))]


def _sizes(answers: Sequence[Answers]) -> list[int]:
    """Of each sentence."""
    together = zip(*(each.hypotheses for each in answers), strict=True)
    return [max(max(len(h.source_tokens), len(h.tokens)) for h in found) for found in together]


def record(answers: Answers, found: WordAlignment) -> dict[str, Any]:
    """A sentence for ``report.json``."""
    return {"model": answers.subject.name, **numbers(found)}


def numbers(found: WordAlignment) -> dict[str, Any]:
    """An alignment as plain data: weights (output words, source words), and those of ``</s>``."""
    return {
        "source": found.source.text,
        "output": found.target.text,
        "source words": found.source_words,
        "output words": found.target_words,
        "weights": np.round(found.matrix, DIGITS).tolist(),
        "weights of </s>": np.round(found.null, DIGITS).tolist(),
    }


def _answered(answers: Answers, test: TestSet, places: Sequence[int]) -> list[tuple[str, Any]]:
    return [(test.sources[place], answers.hypotheses[place]) for place in places]


def _search(answers: Answers, sentences: Sequence[str]) -> list[tuple[str, Any]]:
    found = answers.subject.model.generate(sentences, beam=BEAM)
    return [(text, best) for text, [best, *_] in zip(sentences, found, strict=True)]


def _draw(found: Sequence[Found]) -> list[tuple[Found, Any]]:
    """The pictures that this system has letters for."""
    words = [word for _, each, _ in found for word in (*each.source_words, *each.target_words)]
    able = heatmap.drawable(words)
    return [
        (each, heatmap.draw(each[1], f"{each[0].subject.name}: sentence {each[2]}"))
        for each in found
        if able or heatmap.plain(each[1])
    ]


def _name(found: Found) -> str:
    slug = re.sub("[^a-z0-9]+", "-", found[0].subject.name.lower()).strip("-")
    return f"alignment-{found[2]}-{slug}"


def _caption(found: Found) -> str:
    return f"{found[0].subject.name}: “{found[1].source.text}” → “{found[1].target.text}”"


def _text(silent: Sequence[str], own: bool) -> list[str]:
    lines = [
        "How much each output word (a row) attended to each source word (a column) while it was "
        "chosen by the beam search. Pieces are put together to words: the weight of a source word "
        "is the sum over its pieces, the row of an output word the mean over its pieces; what the "
        "end of the sentence got stands in the last column, and every row sums to 1.",
        "The sentences were given."
        if own
        else "The sentences are picked by their length alone, from a short to a long one.",
    ]
    if silent:
        lines.append(f"Without attention, and so without alignments: {', '.join(silent)}.")
    return lines
