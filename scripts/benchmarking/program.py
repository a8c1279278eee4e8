"""The benchmark from end to end: build the systems, measure shape after shape, keep the record."""

import argparse
import gc
import logging
import time
from dataclasses import asdict
from typing import Any

import torch

from .contest import Contest
from .data import load, make_up
from .environment import describe
from .measure import load_average
from .memory import why_not
from .peers import NOTES, stubbed
from .record import Record
from .shapes import EXTRA_ROUNDS, shapes
from .sizes import FULL, TINY, BenchmarkError, Sizes
from .systems import GENERATION, TRAINING, command

logger = logging.getLogger(__name__)


def configuration(options: argparse.Namespace, sizes: Sizes) -> dict[str, Any]:
    """What was measured, for the record; runs of one record agree in it."""
    systems = {name: " ".join(command(s, sizes)) for name, s in (GENERATION | TRAINING).items()}
    return {
        "sizes": asdict(sizes),
        "rounds": options.rounds,
        "extra_rounds": EXTRA_ROUNDS,
        "data": "made up" if options.tiny else options.data.name,
        "commands": systems,
        "peers": NOTES,
        "primary": "process CPU time of one thread; ratios round by round on the same batch",
    }


def main(options: argparse.Namespace) -> int:
    """One run, or none, and the figure."""
    torch.set_num_threads(1)
    logging.getLogger("fairseq").setLevel(logging.WARNING)
    sizes = TINY if options.tiny else FULL
    record = Record(options.json, configuration(options, sizes))
    if options.runs:
        data = make_up(sizes) if options.tiny else load(options.data)
        contest = Contest(data, sizes, options.rounds, options.systems)
        make_run(contest, record, options.shapes)
    record.update()
    report(record)
    if options.figure:
        from .figure import draw  # Matplotlib is wanted here only

        draw(record.content, options.figure)
    return 0


def make_run(contest: Contest, record: Record, chosen: list[str]) -> None:
    """One whole run; the record is written after every shape."""
    run, began = record.begin(describe()), time.monotonic()
    gc.collect()
    gc.freeze()  # the collections between the steps need not look at all modules again
    run |= {
        "absent": contest.absent,
        "stubbed": stubbed(),
        "no_memory": why_not(),
        "load": {"before": load_average()},
    }

    def save(stage: str) -> None:
        run["load"][stage] = load_average()
        run["seconds"] = round(time.monotonic() - began)
        record.update()
        logger.info("%s, after %d s", stage, run["seconds"])

    table = {name: shape for name, shape in shapes().items() if name in chosen}
    if not run["no_memory"]:  # first, while the heap is as it was after building
        run["memory"] = {name: contest.peaks(s) for name, s in table.items() if s.memory}
        save("memory")
    for name, shape in table.items():
        run["rounds"] += [{"shape": name, **one} for one in contest.measure(shape)]
        run["complete"] = name == chosen[-1]
        save(name)


def report(record: Record) -> None:
    """One line per metric."""
    for name, value in record.content["metrics"].items():
        reason = record.content["why"].get(name, "")
        logger.info("%-30s %s", name, reason if value is None else f"{value:.2f}")


def system_names() -> list[str]:
    """All systems, in the order in which they are built."""
    return list(TRAINING | GENERATION)


def resolve(names: str | None, known: list[str], kind: str) -> list[str]:
    """The names of a comma-separated list, in the order of ``known``; all of them for None.

    Raises:
        BenchmarkError: for a name that is not known
    """
    wanted = known if names is None else names.split(",")
    for name in wanted:
        if name not in known:
            raise BenchmarkError(f"{name} is no {kind}: choose from {', '.join(known)}.")
    return [name for name in known if name in wanted]


def check(options: argparse.Namespace) -> None:
    """Replace names by lists.

    Raises:
        BenchmarkError: for options that cannot be
    """
    if options.rounds < 1:
        raise BenchmarkError(f"--rounds is {options.rounds}, but must be at least 1.")
    options.systems = set(resolve(options.systems, system_names(), "system"))
    options.shapes = resolve(options.shapes, list(shapes()), "shape")
