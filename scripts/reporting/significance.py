"""Whether one model is better than another by more than chance: paired bootstrap resampling.

Koehn 2004, "Statistical significance tests for machine translation evaluation", as sacreBLEU does
it (``sacrebleu.significance``): both outputs are scored on the same 1,000 drawn test sets.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sacrebleu.significance import PairedTest
from tqdm import tqdm

from . import resampling
from .section import Section, Table
from .subject import Answers, TestSet

LEVEL = 0.05
SEED = "SACREBLEU_SEED"  # the variable in which sacreBLEU looks for it


def section(answers: Sequence[Answers], test: TestSet) -> Section:
    """A table with every pair of models; for at least two."""
    pairs = compare(answers, test)
    rows = []
    for pair in pairs:
        cells = [pair["first"], pair["second"]]
        for name in resampling.metrics(test):
            found = pair[name]
            cells += [f"{found['difference']:+.2f}", f"{found['p']:.3f}{_star(found['p'])}"]
        rows.append(cells)
    columns = ["first", "second"]
    for name in resampling.metrics(test):
        columns += [f"{name} difference", f"{name} p"]
    table = Table(
        "Difference: the second model's score less the first one's, in points. p: the share of "
        "drawn test sets in which chance alone adds as much (one-sided); * below 0.05.",
        columns,
        rows,
    )
    data = {"samples": resampling.SAMPLES, "seed": resampling.SEED, "pairs": pairs}
    return Section("significance", "Significance", _text(len(pairs)), [table], data)


def compare(answers: Sequence[Answers], test: TestSet) -> list[dict[str, Any]]:
    """Scores, differences and p-values of each pair of models."""
    pairs = []
    for place in tqdm(range(len(answers) - 1), desc="significance", unit=" models"):
        systems = [(each.subject.name, each.texts) for each in answers[place:]]
        with _seed():
            results = _paired(systems, test)
        for number, (name, _) in enumerate(systems[1:], start=1):
            pair: dict[str, Any] = {"first": systems[0][0], "second": name}
            pairs.append(pair | {kind: _pair(found, number) for kind, found in results.items()})
    return pairs


def _paired(systems: list[tuple[str, list[str]]], test: TestSet) -> Mapping[str, Sequence[Any]]:
    """sacreBLEU's results by metric, for each system; the first is what they are compared with."""
    metrics = resampling.metrics(test)
    paired = PairedTest(
        systems, metrics, [list(test.references)], "bs", n_samples=resampling.SAMPLES
    )
    _, found = paired()
    return dict(zip(metrics, list(found.values())[1:], strict=True))


def _pair(found: Sequence[Any], number: int) -> dict[str, float]:
    first, second = found[0], found[number]
    difference = second.score - first.score
    return {
        "first": round(first.score, 2),
        "second": round(second.score, 2),
        "difference": round(difference, 2),
        # sacreBLEU asks for larger differences only, and so finds 1/1001 between equal outputs
        "p": round(second.p_value, 4) if difference else 1.0,
    }


@contextmanager
def _seed() -> Iterator[None]:
    """sacreBLEU's draws are the same each time, whatever the user's environment says."""
    before = os.environ.get(SEED)
    os.environ[SEED] = str(resampling.SEED)
    try:
        yield
    finally:
        os.environ.pop(SEED)
        if before is not None:
            os.environ[SEED] = before


def _star(p: float) -> str:
    return " *" if p < LEVEL else ""


def _text(pairs: int) -> list[str]:
    told = [
        f"Paired bootstrap resampling (Koehn 2004) by sacreBLEU, {resampling.SAMPLES:,} samples: "
        "both models of a pair are scored on the same drawn test sets. It tells chance in the "
        "choice of the test sentences, not in the training: for that, train with several seeds."
    ]
    if pairs > 1:
        told.append(
            f"With {pairs} pairs, some p falls below {LEVEL} by chance more easily: hold each "
            f"against {LEVEL / pairs:.3f} (Bonferroni) to be on the safe side."
        )
    return told
