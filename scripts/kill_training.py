#!/usr/bin/env python3
"""Kill a training again and again, and see that it comes to the same end.

Usage: scripts/kill_training.py [--kills 30] [--seed 1] [--output docs/kills.json]

Trains a small model undisturbed; then once more, killed (SIGKILL) at random moments among updates,
in a validation and while a checkpoint is written, and started again by the same command each time.
In the end weights, optimizer state and losses must be those of the undisturbed training, bit for
bit. A kill takes some 10 seconds on one core, most of it fairseq's start.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import spm
from scripts.corpora import output, shapes
from scripts.options import above_zero

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = Path(sys.executable).parent  # where fairseq's are
SAVED_EVERY = 5  # updates; each save comes with a validation
SILENCE = 120  # seconds without a word from a training
MODEL = [
    *("--task", "translation", "--arch", "s2s_attn_tiny", "--encoder-hidden-size", "256"),
    *("--decoder-hidden-size", "256", "--share-all-embeddings", "--dropout", "0.2"),
    *("--optimizer", "adam", "--lr", "0.003", "--clip-norm", "1", "--lr-scheduler", "cosine"),
    *("--max-tokens", "400", "--seed", "1", "--save-interval-updates", str(SAVED_EVERY)),
    *("--keep-interval-updates", "2", "--no-epoch-checkpoints"),
    *("--log-format", "simple", "--log-interval", "1"),
]
UPDATE = re.compile(r"train_inner .*num_updates=(\d+)")
LOADED = re.compile(r"Loaded checkpoint \S+ \(epoch \d+ @ (\d+) updates\)")
VALIDATES = 'begin validation on "valid"'


class Failed(Exception):
    """What went wrong, in one sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 where a training did not resume or came to another end."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=above_zero, default=30, help="how many (30)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (1)")
    parser.add_argument("--output", type=Path, help="a JSON file of what happened")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = experiment(Path(folder), options.kills, random.Random(options.seed))
        if options.output:
            text = json.dumps(result, indent=1)
            spm.write_atomically(options.output, f"{text}\n".encode())
    except (OSError, Failed) as error:
        print(f"kill_training.py: {error}.", file=sys.stderr)
        return 1
    print(told(result))
    return int(bool(result["differences"]))


def told(result: dict[str, Any]) -> str:
    """The result in two lines."""
    kills = result["kills"]
    moments = ", ".join(f"{sum(k['moment'] == m for k in kills)} {m}" for m in MOMENTS)
    torn = sum(bool(kill["unfinished"]) for kill in kills)
    end = "; ".join(result["differences"]) or "that of the undisturbed training, bit for bit"
    return (
        f"{len(kills)} kills ({moments}), {torn} of them left an unfinished file; every start"
        f" resumed.\nThe end, after {result['updates']} updates: {end}."
    )


def experiment(work: Path, count: int, rng: random.Random) -> dict[str, Any]:
    """Both trainings, and where their ends differ.

    Raises:
        Failed: for a training that ends by itself with an error, or does not resume
    """
    command = [*prepare(work), "--max-update", str(max(40, 8 * count))]
    run_to_end(command, work / "undisturbed")
    expected = read(work / "undisturbed")
    kills: list[dict[str, Any]] = []
    found: list[str] = []
    while len(kills) < count:  # one that is over before the last kill is followed by another
        folder = work / f"disturbed{len(kills)}"
        while len(kills) < count:
            kill = one_life(command, folder, list(MOMENTS)[len(kills) % len(MOMENTS)], rng)
            if kill is None:
                break
            kills.append(kill)
            print(f"kill {len(kills)}: {kill}", file=sys.stderr)
        run_to_end(command, folder)
        found += differences(expected, read(folder))
    return {"updates": expected["updates"], "differences": found, "kills": kills}


def prepare(work: Path) -> list[str]:
    """Make a corpus; returns the command that trains on it."""
    corpus = shapes.load("many-to-many", 1)
    text, data = work / "text", work / "data"
    output.write({name: corpus[name][:1500] for name in corpus}, text, {"corpus": "shapes"})
    subsets = [arg for name in ("train", "valid") for arg in (f"--{name}pref", str(text / name))]
    command = [str(COMMANDS / "fairseq-preprocess"), "--joined-dictionary", *subsets]
    command += ["--source-lang", "src", "--target-lang", "tgt", "--destdir", str(data)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"fairseq-preprocess failed: {(done.stderr.splitlines() or ['?'])[-1]}")
    train = [str(COMMANDS / "fairseq-train"), str(data)]
    return [*train, "--user-dir", str(ROOT / "fairseq_plugins"), *MODEL]


class Life:
    """A process that trains, from its start to its end or death."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.updates = 0
        self.resumed_from = 0
        self.lines: Queue[str] = Queue()
        assert process.stdout
        Thread(target=self._read, args=[process.stdout], daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.lines.put(line)
        self.lines.put("")

    def line(self, wait: float | None = None) -> str | None:
        """The next line; "" at the end, None where none has come in time."""
        try:
            line = self.lines.get(timeout=SILENCE if wait is None else wait)
        except Empty:
            return None
        if match := UPDATE.search(line):
            self.updates = int(match[1])
        if match := LOADED.search(line):
            self.resumed_from = int(match[1])
        return line

    def wait_for(self, part: str | re.Pattern[str], times: int) -> bool:
        """Read until lines with PART have come; False where the training ended before."""
        while times:
            line = self.line()
            if line is None:
                raise Failed(f"the training was silent for {SILENCE} seconds")
            if line == "":
                return False
            times -= bool(re.search(part, line))
        return True

    def wait_for_write(self) -> bool:
        """Read until a checkpoint is being written; False where the training ended before."""
        while self.line(wait=0.0005) != "":
            if unfinished(self.folder):
                return True
        return False


@contextmanager
def living(command: Sequence[str], folder: Path) -> Iterator[Life]:
    """A training into a folder."""
    command = [*command, "--save-dir", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            yield Life(process, folder)
        finally:
            process.kill()
        if process.wait() > 0:
            errors.seek(0)
            raise Failed(f"the training failed: {(errors.read().splitlines() or ['?'])[-1]}")


def run_to_end(command: Sequence[str], folder: Path) -> None:
    """Train until it is done."""
    with living(command, folder) as life:
        while line := life.line():
            pass
        if line is None:
            raise Failed(f"the training was silent for {SILENCE} seconds")
        life.process.wait()


def one_life(
    command: Sequence[str], folder: Path, moment: str, rng: random.Random
) -> dict[str, Any] | None:
    """Train until a moment of a kind and kill; what happened, or None where the end came first."""
    before = read(folder)["updates"] if (folder / "checkpoint_last.pt").exists() else 0
    with living(command, folder) as life:
        come = life.wait_for(UPDATE, 1) and MOMENTS[moment](life, rng)
        if not come:
            life.process.wait()
            return None
        life.process.kill()
        while life.line():
            pass
    if life.resumed_from != before:
        raise Failed(f"a training resumed from update {life.resumed_from}, not from {before}")
    left = unfinished(folder)
    return {
        "moment": moment,
        "resumed from": life.resumed_from,
        "killed after": life.updates,
        "unfinished": left,
    }


def in_update(life: Life, rng: random.Random) -> bool:
    """Some updates later."""
    return life.wait_for(UPDATE, rng.randint(1, 4 * SAVED_EVERY)) and pause(rng, 0.05)


def in_validation(life: Life, rng: random.Random) -> bool:
    """In one of the next validations."""
    return life.wait_for(VALIDATES, rng.randint(1, 4)) and pause(rng, 0.1)


def in_write(life: Life, rng: random.Random) -> bool:
    """In one of the next writes of a checkpoint."""
    times = rng.randint(0, 3)
    return (not times or life.wait_for(VALIDATES, times)) and life.wait_for_write()


MOMENTS = {
    "among updates": in_update,
    "in a validation": in_validation,
    "in a write": in_write,
}


def pause(rng: random.Random, longest: float) -> bool:
    """A moment later; True."""
    time.sleep(rng.uniform(0, longest))
    return True


def unfinished(folder: Path) -> list[str]:
    """The files that are being written."""
    return sorted(path.name for path in folder.glob("*.tmp"))


def read(folder: Path) -> dict[str, Any]:
    """What a training has come to: all that must be equal, and the number of updates."""
    import torch

    state = torch.load(folder / "checkpoint_last.pt", weights_only=True)
    more = {name: state["extra_state"][name] for name in ("val_loss", "best", "train_iterator")}
    return {
        "updates": state["optimizer_history"][-1]["num_updates"],
        "weights": state["model"],
        "optimizer state": state["last_optimizer_state"],
        "schedule": state["optimizer_history"][-1]["lr_scheduler_state"],
        **more,
    }


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The parts of two ends that are not equal."""
    return [f"{name} differs" for name in expected if not equal(expected[name], found[name])]


def equal(one: Any, other: Any) -> bool:
    """Whether two nested states are equal, bit for bit."""
    import torch

    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


if __name__ == "__main__":
    sys.exit(main())
