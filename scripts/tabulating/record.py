"""``docs/results.json``: one object for each task, model and metric, and how one is changed.

An object holds ``task``, ``model``, ``metric``, ``value`` (the mean over the seeds), ``seeds``,
``values`` (of each seed; of an ensemble under "1+2+3"), ``spread`` (the highest minus the lowest,
null for one seed), ``parameters``, ``minutes`` (of one core, of training, the mean over the seeds),
``command``, ``complete``, ``examples`` (of the test set), ``versions``; where needed ``note``,
``minutes_by_seed``, ``incomplete_seeds`` and, of a mean over tasks, ``over``.
"""

import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from scripts import spm

Row = dict[str, Any]
KEYS = ("task", "model", "metric", "value", "seeds", "values", "spread", "parameters", "minutes")
KEYS += ("command", "complete", "examples", "versions")


@dataclass(frozen=True)
class Run:
    """What a training with one seed adds to its objects, whatever the metric.

    Attributes:
        seed: "1", or "1+2+3" of an ensemble
        parameters: trained weights; None where there are none to count
        minutes: of one core; None where nobody counted them
        examples: that the numbers were measured on
        note: None leaves an older one as it is, an empty one removes it
    """

    task: str
    model: str
    seed: str
    command: str
    parameters: int | None
    minutes: float | None
    complete: bool
    examples: int
    versions: Mapping[str, str]
    note: str | None = None


def read(path: Path) -> list[Row]:
    """The objects; none where there is no file yet.

    Raises:
        ValueError: where it is no such record
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        raise ValueError(f"{path} is no JSON: restore it from git") from None
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise ValueError(f"{path} is no list of results: restore it from git")
    return rows


@contextmanager
def changing(path: Path) -> Iterator[list[Row]]:
    """The objects, to be changed in place; written at the end, sorted, unless an error came up.

    Recipes that run at the same time wait for each other: the folder is locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        rows = read(path)
        yield rows
        rows.sort(key=lambda row: (row["task"], row["model"], row["metric"]))
        text = json.dumps(rows, indent=2, ensure_ascii=False)
        spm.write_atomically(path, f"{text}\n".encode())
    finally:
        os.close(folder)


def put(rows: list[Row], run: Run, metric: str, value: float) -> None:
    """Add a seed's number, or replace it.

    Raises:
        ValueError: where other seeds' numbers belong to a model of another size, to an ensemble and
            not to a single model, or to a test set of another size; and for a mean over tasks
    """
    old = find(rows, run.task, run.model, metric) or {}
    if "over" in old:
        raise ValueError(
            f"the {metric} of {run.model} on {run.task} is a mean over tasks: remove it"
        )
    others = set(old.get("values", {})) - {run.seed}
    if any(("+" in seed) != ("+" in run.seed) for seed in others):
        raise ValueError(
            f"{run.model} on {run.task} cannot be a single model and an ensemble: name them apart"
        )
    if others and old["examples"] != run.examples:
        raise ValueError(
            f"{run.task} has {run.examples} examples, but {old['examples']} with the seeds that"
            " stand in the results: score those again, or remove them first"
        )
    if others and old["parameters"] != run.parameters:
        raise ValueError(
            f"{run.model} has {run.parameters} parameters, but {old['parameters']} with the seeds"
            f" that stand in the results of {run.task}: name it otherwise, or remove those first"
        )
    row = _row(old, run, metric, value)
    if old:
        rows.remove(old)
    rows.append(row)


def find(rows: Sequence[Row], task: str, model: str, metric: str) -> Row | None:
    """The object of a task, a model and a metric, or None."""
    wanted = (task, model, metric)
    found = (row for row in rows if (row["task"], row["model"], row["metric"]) == wanted)
    return next(found, None)


def put_macro(
    rows: list[Row], macro: Run, metric: str, over: Sequence[str], one_model: bool = False
) -> None:
    """Add the mean over tasks, seed by seed; ``macro`` says what else is not to be derived.

    Parameters are the mean of the tasks' models, minutes their sum, where each task has its own
    model; with ``one_model`` they are those of the one that does all tasks.

    Raises:
        ValueError: naming the tasks that have no number, or not of the same seeds; for a task that
            is its own member or named twice, and where a measured number would be lost
    """
    if macro.task in over or len(set(over)) < len(over):
        raise ValueError(f"name each task of {macro.task} once, and not {macro.task} itself")
    old = find(rows, macro.task, macro.model, metric)
    if old and "over" not in old:
        raise ValueError(
            f"the {metric} of {macro.model} on {macro.task} was measured: remove it first"
        )
    members = {task: find(rows, task, macro.model, metric) for task in over}
    if lacking := [task for task, row in members.items() if row is None]:
        raise ValueError(f"there is no {metric} of {macro.model} on {', '.join(lacking)}")
    found = [row for row in members.values() if row]
    seeds = max((list(row["values"]) for row in found), key=len)
    if lacking := [row["task"] for row in found if list(row["values"]) != seeds]:
        raise ValueError(
            f"{macro.model} has {metric} with the seeds {', '.join(seeds)} on some tasks,"
            f" but not on {', '.join(lacking)}"
        )
    row = _macro(macro, metric, found, seeds, old or {})
    if one_model and macro.minutes is None:
        row["minutes"] = found[0]["minutes"]
    if old:
        rows.remove(old)
    rows.append(row)


def stale(rows: Sequence[Row]) -> list[Row]:
    """The means over tasks that are no longer those of their tasks."""
    return [row for row in rows if "over" in row and not _is_mean(row, rows)]


def _row(old: Row, run: Run, metric: str, value: float) -> Row:
    values = _by_seed(old.get("values", {}) | {run.seed: value})
    minutes = _by_seed(old.get("minutes_by_seed", {}) | {run.seed: run.minutes})
    incomplete = set(old.get("incomplete_seeds", [])) - {run.seed}
    incomplete |= set() if run.complete else {run.seed}
    note = old.get("note") if run.note is None else run.note
    row = _facts(run, metric, values) | {"minutes": _mean(minutes), "complete": not incomplete}
    row["minutes_by_seed"] = minutes
    if incomplete:
        row["incomplete_seeds"] = sorted(incomplete, key=_seeds)
    return row | ({"note": note} if note else {})


def _macro(macro: Run, metric: str, found: Sequence[Row], seeds: Sequence[str], old: Row) -> Row:
    values = {seed: round(mean(row["values"][seed] for row in found), 4) for seed in seeds}
    row = _facts(macro, metric, values)
    if macro.parameters is None:
        sizes = [row["parameters"] for row in found]
        row["parameters"] = None if None in sizes else round(mean(sizes))
    if macro.minutes is None:
        minutes = [row["minutes"] for row in found]
        row["minutes"] = None if None in minutes else round(sum(minutes), 1)
    row["complete"] = all(row["complete"] for row in found)
    row["examples"] = sum(row["examples"] for row in found)
    row["command"] = macro.command or found[0]["command"]
    row["over"] = sorted(row["task"] for row in found)
    note = old.get("note") if macro.note is None else macro.note
    return row | ({"note": note} if note else {})


def _facts(run: Run, metric: str, values: Mapping[str, float]) -> Row:
    """An object with all keys, in their order."""
    seen = values.values()
    spread = round(max(seen) - min(seen), 4) if len(values) > 1 else None
    seeds = sorted({number for seed in values for number in _seeds(seed)})
    facts = (run.task, run.model, metric, round(mean(seen), 4), seeds)
    facts += (dict(values), spread, run.parameters, run.minutes, run.command, run.complete)
    return dict(zip(KEYS, (*facts, run.examples, dict(run.versions)), strict=True))


def _by_seed(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {seed: numbers[seed] for seed in sorted(numbers, key=_seeds)}


def _seeds(seed: str) -> list[int]:
    return [int(number) for number in seed.split("+")]


def _mean(numbers: Mapping[str, float | None]) -> float | None:
    known = [number for number in numbers.values() if number is not None]
    return round(mean(known), 1) if known else None


def _is_mean(row: Row, rows: Sequence[Row]) -> bool:
    found = [find(rows, task, row["model"], row["metric"]) for task in row["over"]]
    members = [member for member in found if member and member["seeds"] == row["seeds"]]
    if len(members) < len(found):
        return False
    return math.isclose(mean(member["value"] for member in members), row["value"], abs_tol=0.001)


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict) or not set(KEYS) <= set(row):
        return False
    values, texts = row["values"], [row[key] for key in ("task", "model", "metric", "command")]
    numbers = [row["value"], row["examples"]]
    numbers += [row[key] for key in ("spread", "parameters", "minutes") if row[key] is not None]
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(row[key], dict) for key in ("values", "versions"))
        and all(map(_is_number, [*numbers, *values.values()]))
        and bool(values)
        and _is_list_of_texts(row.get("over", []))
    )


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
