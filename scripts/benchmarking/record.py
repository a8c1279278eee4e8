"""``docs/benchmark.json``: all runs and what follows from them, always whole on the disk."""

import json
import os
from pathlib import Path
from typing import Any

from .sizes import BenchmarkError
from .summary import growth, summarise
from .verdict import combine, evaluate

Run = dict[str, Any]


class Record:
    """The runs in a file; an interrupted one is dropped when the next begins.

    Args:
        path: of the JSON file, or None to keep it in memory
        config: what was measured; all runs of a record agree in it

    Raises:
        BenchmarkError: where the file is no record, or one of another configuration
    """

    def __init__(self, path: Path | None, config: Run) -> None:
        self.path = path
        self.content = read(path) if path and path.exists() else {"runs": []}
        earlier = self.content.get("config")
        if self.content["runs"] and earlier != config:
            changed = differences(config, earlier)
            raise BenchmarkError(
                f"{path} holds runs of another configuration ({', '.join(changed)}): "
                "name another file, or remove it."
            )
        self.content["config"] = config
        runs = self.content["runs"]
        self.content["runs"] = [run for run in runs if run.get("complete")]

    def begin(self, environment: dict[str, Any]) -> Run:
        """An empty run, in the record from now on."""
        run: Run = {
            "complete": False,
            "environment": environment,
            "rounds": [],
            "memory": {},
            "absent": {},
            "stubbed": [],
        }
        self.content["runs"].append(run)
        self.content["environment"] = environment
        return run

    def update(self) -> None:
        """Compute what follows from the rounds, and write all of it or nothing."""
        for run in self.content["runs"]:
            run["metrics"], run["why"] = evaluate(run)
            run["summary"] = summarise(run)
            run["growth"] = growth(run["summary"])
        runs = self.content["runs"]
        self.content["metrics"], self.content["why"] = combine(runs)
        self.content["absent"] = absent(runs)
        self.content["stubbed"] = sorted({name for run in runs for name in run["stubbed"]})
        if self.path:
            write(self.path, json.dumps(self.content, indent=1) + "\n")


def absent(runs: list[Run]) -> dict[str, str]:
    """The systems that took part in no run, with the last run's reason."""
    never = set.intersection(*(set(run["absent"]) for run in runs)) if runs else set()
    return {name: runs[-1]["absent"][name] for name in sorted(never)}


def differences(one: Run, other: Run) -> list[str]:
    """The keys whose values are not the same."""
    return sorted(k for k in one.keys() | other.keys() if one.get(k) != other.get(k))


def read(path: Path) -> Run:
    """A record.

    Raises:
        BenchmarkError: where the file is none
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["runs"] = list(content["runs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"{path} is no record of benchmark runs: {error}") from error
    return content


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.tmp")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def publish(content: Run, path: Path | None) -> None:
    """Print a record, and write it anew where there is a file for it."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    print(text)
    if path:
        write(path, f"{text}\n")
