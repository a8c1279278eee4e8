"""fairseq-train's output: losses and times, of the formats ``json`` and ``simple``.

A training that was stopped and resumed adds to its log. fairseq writes each line several times
where it was given ``--log-file``, and a run that goes on from an older checkpoint does some updates
again: of equal updates the later counts, and what lies after the point of a restart is forgotten.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fairseq_plugins.errors import S2SError

VALID = re.compile(r"valid on '([^']+)' subset \| (.*)")
EPOCH = re.compile(r"epoch \d+ \| ([a-z_]+ [^|]*\|.*)")
INNER = re.compile(r"epoch \d+:\s+\d+ / \d+ (.*)")
START = re.compile(r"training on \d+ devices")


class Point(NamedTuple):
    """A line of the log.

    Attributes:
        updates: done so far
        loss: bits (binary logarithm) per target token, without what label smoothing adds
        tokens_per_second: target tokens; None in validation
        seconds: of wall-clock time since the training began, all its runs; None if unknown
    """

    updates: int
    loss: float
    tokens_per_second: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Log:
    """The lines of a log in the order of their updates.

    Attributes:
        inner: of the training, every few updates
        epochs: of the training, a whole epoch each
        valid: of the first validation set
    """

    inner: list[Point] = field(default_factory=list)
    epochs: list[Point] = field(default_factory=list)
    valid: list[Point] = field(default_factory=list)


def read(path: Path) -> Log:
    """Read a log; lines that it does not know are passed over.

    Raises:
        S2SError: where the file cannot be read
    """
    kept: dict[str, dict[int, Point]] = {"inner": {}, "epochs": {}, "valid": {}}
    clock = _Clock()
    latest = 0
    for kind, values in _records(path):
        if kind == "start":
            clock.restart()
            continue
        point = _point(values, clock)
        if point is None:
            continue
        if point.updates < latest:
            _forget(kept, point.updates)
        latest = point.updates
        kept[kind][latest] = point
    return _timed(Log(**{kind: list(points.values()) for kind, points in kept.items()}))


class _Clock:
    """Adds up the times of runs, each of which counts from zero."""

    def __init__(self) -> None:
        self.before = self.last = 0.0

    def restart(self) -> None:
        self.before, self.last = self.before + self.last, 0.0

    def tell(self, wall: float) -> float:
        if wall < self.last:
            self.restart()
        self.last = wall
        return self.before + wall


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and values of each line that tells a loss; ``start`` where a run begins."""
    first_subset = None
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if START.search(line):
                    yield "start", {}
                elif '{"' in line:
                    yield from _json(line[line.index('{"') :])
                elif found := VALID.search(line):
                    first_subset = first_subset or found[1]
                    if found[1] == first_subset:
                        yield "valid", _split(found[2], " | ", " ")
                elif found := EPOCH.search(line):
                    yield "epochs", _split(found[1], " | ", " ")
                elif found := INNER.search(line):
                    yield "inner", _split(found[1], ", ", "=")
    except OSError as error:
        raise S2SError(f"The log {path} cannot be read: {error.strerror}.") from error


def _json(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        values = json.loads(text)
    except ValueError:
        return
    for kind, prefix in (("valid", "valid_"), ("epochs", "train_"), ("inner", "")):
        if f"{prefix}loss" in values:
            yield kind, {key.removeprefix(prefix): value for key, value in values.items()}
            return


def _split(text: str, between: str, equals: str) -> dict[str, str]:
    fields = (part.strip().partition(equals) for part in text.split(between))
    return {name: value for name, _, value in fields}


def _point(values: dict[str, Any], clock: _Clock) -> Point | None:
    """The numbers of a line, if they are all there."""
    try:
        loss = float(values.get("nll_loss", values["loss"]))
        updates = int(float(values["num_updates"]))
        wall = float(values["wall"]) if "wall" in values else None
        speed = float(values["wps"]) if "wps" in values and wall is not None else None
    except (KeyError, TypeError, ValueError):
        return None
    return Point(updates, loss, speed, None if wall is None else clock.tell(wall))


def _forget(kept: dict[str, dict[int, Point]], updates: int) -> None:
    """Drop what a run did after the checkpoint from which another goes on."""
    for points in kept.values():
        for later in [number for number in points if number > updates]:
            del points[later]


def _timed(log: Log) -> Log:
    """The same with times for the validations, which the log has only for the training."""
    known = {point.updates: point.seconds for point in log.inner + log.epochs}
    known = {updates: seconds for updates, seconds in known.items() if seconds is not None}
    if not known:
        return log
    updates = sorted(known)
    seconds = [known[number] for number in updates]
    at = np.interp([point.updates for point in log.valid], updates, seconds)
    valid = [point._replace(seconds=float(when)) for point, when in zip(log.valid, at, strict=True)]
    return replace(log, valid=valid)
