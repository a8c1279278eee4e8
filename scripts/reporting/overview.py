"""All models in one table: size, training, speed, scores."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from . import resampling, training_log
from .answering import Settings
from .section import Section, Table
from .subject import Answers, TestSet

COLUMNS = (
    "model",
    "architecture",
    "parameters",
    "updates",
    "training, minutes",
    "training, tokens/s",
    "generation, tokens/s",
    "BLEU",
    "chrF",
    "length ratio",
)
MISSING = "–"
_BLOCKS = (
    "Sentences share text: for every interval and p of this page, {} blocks of them are drawn, not "
    "single sentences."
)


def section(answers: Sequence[Answers], test: TestSet, settings: Settings) -> Section:
    """The table.

    Args:
        answers: of each model
        test: what they answered
        settings: how they searched
    """
    numbers = {
        each.subject.name: measure(each, test)
        for each in tqdm(answers, desc="scores", unit=" models")
    }
    best = {7: "max", 8: "max"} if len(answers) > 1 else {}
    table = Table(
        "Parameters: trained weights, tied ones counted once. Training: wall-clock time as fairseq "
        "counted it, and target tokens per second, both on whatever machine trained the model. "
        "Generation: output tokens per second, in batches, when each output was first made. In "
        f"brackets: 95 % bootstrap intervals, {resampling.SAMPLES:,} samples. Length ratio: words "
        "of outputs over words of references.",
        COLUMNS,
        [_row(each, numbers[each.subject.name]) for each in answers],
        best,
    )
    return Section("overview", "Overview", _text(test, settings), [table], numbers)


def measure(answers: Answers, test: TestSet) -> dict[str, Any]:
    """Every number of a model; tokens are those of its dictionary, ``</s>`` included."""
    subject, texts = answers.subject, answers.texts
    tokens = sum(len(hypothesis.tokens) for hypothesis in answers.hypotheses)
    found: dict[str, Any] = {
        "architecture": subject.arch,
        "parameters": subject.parameters,
        "updates": subject.updates,
        "training minutes": None if subject.seconds is None else round(subject.seconds / 60, 1),
        "training tokens per second": training_speed(subject.log),
        "generation tokens per second": round(tokens / max(answers.seconds, 1e-3)),
    }
    for name, metric in resampling.metrics(test).items():
        counts = resampling.count(metric, texts, test.references)
        found[name] = resampling.measured(metric, counts, test.blocks)
        if name == "BLEU":
            whole = metric.corpus_score(texts, [list(test.references)])
            found["length ratio"] = round(whole.sys_len / max(whole.ref_len, 1), 3)
        found[name]["signature"] = str(metric.get_signature())
    return found


def training_speed(log: Path | None) -> int | None:
    """Target tokens per second: the median over the epochs of a log."""
    if log is None:
        return None
    speeds = [point.tokens_per_second for point in training_log.read(log).epochs]
    known = [speed for speed in speeds if speed]
    return round(statistics.median(known)) if known else None


def _row(answers: Answers, found: dict[str, Any]) -> list[str | float]:
    facts = [found["architecture"], found["parameters"], found["updates"] or None]
    speeds = [found[f"{when} tokens per second"] for when in ("training", "generation")]
    row = [answers.subject.name, *facts, found["training minutes"], *speeds]
    for name in ("BLEU", "chrF"):
        row.append("{score:.2f} ({low:.1f}–{high:.1f})".format(**found[name]))
    return [MISSING if cell is None else cell for cell in [*row, found["length ratio"]]]


def _text(test: TestSet, settings: Settings) -> list[str]:
    return [
        f"{len(test.sources):,} sentences from {test.source_language} to {test.target_language}; "
        f"beam {settings.beam}, length penalty {settings.lenpen:g}. BLEU and chrF are sacreBLEU's, "
        f"on detokenised text with its tokenizer {resampling.tokenizer(test)}, cased.",
        *([_BLOCKS.format(len(set(test.blocks)))] if test.blocks else []),
    ]
