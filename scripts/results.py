#!/usr/bin/env python3
"""The results: docs/results.json, and the tables of the README and of docs/results.md made from it.

Usage:
    scripts/results.py add --task multi30k-en-de-test2016 --model s2s_attn --seed 1 \
        --scores scores.json --checkpoint CHECKPOINT --command "scripts/recipes/multi30k.sh"
    scripts/results.py macro --task sigmorphon2021-medium --model s2s_attn --metric wer \
        --over sigmorphon2021-arm_e sigmorphon2021-bul ...
    scripts/results.py remove --task TASK --model MODEL [--metric METRIC]
    scripts/results.py table [--readme README.md] [--page docs/results.md]
    scripts/results.py check [--readme README.md] [--page docs/results.md]

Each takes --results, by default docs/results.json. scores.json is from ``scripts/score.py``.
Weights and minutes are read from the checkpoint; give the last one, which knows the time of the
whole training; of an ensemble all, whose weights and minutes are summed.
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fairseq_plugins
from scripts import spm
from scripts.options import above_zero
from scripts.tabulating import page, record, scores_file, summary, tables

RESULTS = Path(__file__).resolve().parents[1] / "docs/results.json"


def versions() -> dict[str, str]:
    """What the numbers are made with."""
    used = {"fairseq_plugins": fairseq_plugins.__version__}
    for name in ("fairseq-fixed", "fairseq", "torch"):
        try:
            used.setdefault(name.removesuffix("-fixed"), _version(name))
        except PackageNotFoundError:
            continue
    return used


def _version(name: str) -> str:
    return f"{version(name)} (fairseq-fixed)" if name == "fairseq-fixed" else version(name)


def run_of(options: argparse.Namespace, examples: int) -> record.Run:
    """What a training adds, with the cost that its checkpoints tell where nobody else does."""
    parameters, minutes = options.parameters, options.minutes
    complete = not options.incomplete
    if options.checkpoint:
        from scripts.tabulating import training  # torch takes seconds, and most commands need none

        weights, seconds, ends = zip(*map(training.read, options.checkpoint), strict=True)
        complete = complete and all(ends)
        parameters = sum(weights) if parameters is None else parameters
        minutes = sum(seconds) / 60 * options.processes if minutes is None else minutes
    return record.Run(
        task=options.task,
        model=options.model,
        seed=options.seed,
        command=options.command,
        parameters=parameters,
        minutes=None if minutes is None else round(minutes, 1),
        complete=complete,
        examples=examples,
        versions=versions(),
        note=options.note,
    )


def add(options: argparse.Namespace) -> None:
    """A seed's numbers."""
    scores, examples = scores_file.read(options.scores)
    run = run_of(options, examples)
    with record.changing(options.results) as rows:
        for metric, value in scores.items():
            record.put(rows, run, metric, round(value, 4))


def macro(options: argparse.Namespace) -> None:
    """The mean over tasks."""
    facts = (options.task, options.model, "0", options.command, options.parameters, options.minutes)
    run = record.Run(*facts, True, 0, versions(), options.note)
    _rows(options.results)
    with record.changing(options.results) as rows:
        record.put_macro(rows, run, options.metric, options.over, options.one_model)


def remove(options: argparse.Namespace) -> None:
    """Objects that are no longer true."""
    _rows(options.results)
    named = {key: getattr(options, key) for key in ("task", "model", "metric")}
    wanted = {key: value for key, value in named.items() if value is not None}
    with record.changing(options.results) as rows:
        kept = [row for row in rows if any(row[key] != value for key, value in wanted.items())]
        if len(kept) == len(rows):
            raise ValueError(f"{options.results} has nothing of {' '.join(wanted.values())}")
        rows[:] = kept


def table(options: argparse.Namespace) -> None:
    """Print all tables, or put one line a model into the README and all into the page."""
    rows = _rows(options.results)
    for path, content in _written(options, rows):
        spm.write_atomically(path, content.encode())
    if not (options.readme or options.page):
        print(tables.render(rows), end="")


def check(options: argparse.Namespace) -> None:
    """Whether the README and the page show the record, and means are those of their tasks."""
    rows = _rows(options.results)
    if old := record.stale(rows):
        named = f"{old[0]['metric']} of {old[0]['model']} on {old[0]['task']}"
        raise ValueError(f"{named} is not the mean over its tasks: run results.py macro again")
    for path, content in _written(options, rows):
        if content != path.read_text(encoding="utf-8"):
            option = "--readme" if path == options.readme else "--page"
            raise ValueError(
                f"{path} does not show {options.results}: run results.py table {option} {path}"
            )


def _written(options: argparse.Namespace, rows: list[record.Row]) -> list[tuple[Path, str]]:
    """The files to be written, and all that is to stand in them."""
    forms = ((options.readme, summary.render), (options.page, tables.render))
    return [(path, page.replaced(path, render(rows))) for path, render in forms if path]


def _rows(path: Path) -> list[record.Row]:
    """The record; ValueError where there is none."""
    rows = record.read(path)
    if not rows:
        raise ValueError(f"{path} has no results: add some first")
    return rows


def parser() -> argparse.ArgumentParser:
    """The commands."""
    whole = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = whole.add_subparsers(required=True)
    made = {each: commands.add_parser(each.__name__, help=each.__doc__) for each in COMMANDS}
    for function, command in made.items():
        command.set_defaults(function=function)
        command.add_argument(
            "--results", type=Path, default=RESULTS, metavar="FILE", help="the record (%(default)s)"
        )
    for function in (add, macro, remove):
        made[function].add_argument("--task", required=True, help="for example cmudict")
        made[function].add_argument("--model", required=True, help="an ensemble named so")
    for function in (add, macro):
        told = made[function].add_argument
        told("--minutes", type=_duration, help="of one core, for the training of one seed")
        told("--parameters", type=int, help="trained weights")
        told("--note", help="what a reader of the table must know")
    told = made[add].add_argument
    told("--scores", type=Path, required=True, metavar="FILE", help="from scripts/score.py")
    told("--seed", type=_seed, required=True, help="of the training; of an ensemble, e.g. 1+2+3")
    told("--checkpoint", type=Path, nargs="+", default=[], metavar="FILE", help="the last one")
    told("--command", required=True, help="what makes the numbers again")
    told("--processes", type=above_zero, default=1, help="cores that the training kept busy (1)")
    told("--incomplete", action="store_true", help="not finished (a checkpoint tells it, too)")
    made[macro].add_argument("--over", nargs="+", required=True, metavar="TASK", help="its tasks")
    made[macro].add_argument("--metric", required=True, help="for example wer")
    made[macro].add_argument("--one-model", action="store_true", help="one does all the tasks")
    made[macro].add_argument("--command", default="", help="by default that of the first task")
    made[remove].add_argument("--metric", help="only this one")
    for function in (table, check):
        told = made[function].add_argument
        told("--readme", type=Path, metavar="FILE", help="gets a line for each model")
        told("--page", type=Path, metavar="FILE", help="gets all tables")
    return whole


def _seed(text: str) -> str:
    if not re.fullmatch(r"\d+(\+\d+)*", text):
        raise argparse.ArgumentTypeError(f"{text} is no seed such as 1, or 1+2+3 of an ensemble")
    return "+".join(str(int(number)) for number in text.split("+"))


def _duration(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


COMMANDS = (add, macro, remove, table, check)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    options = parser().parse_args(arguments)
    try:
        options.function(options)
    except (OSError, ValueError) as error:
        print(f"results.py: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
