#!/usr/bin/env python3
"""Many users at a running chat: errors, replies that are another's, waits, and the server's memory.

Needs: scripts/setup_env.sh
Usage: scripts/load_chat.py [--users 50] [--seconds 120] [--json docs/chat-users.json]
       scripts/load_chat.py --users 4 --pause 0.1 --seconds 3600 --json docs/chat-soak.json

Trains a model that says again what it is told, starts the chat with it, page and all, and lets
every user send messages of its own, one after the other. A reply must be its message: so one that
was lost or mixed up with another's is seen. Memory is the server's resident set, sampled each
second; its slope is that of a line through the minutes' means, after the first tenth of the time.
"""

import argparse
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # the folder of this file, which holds no package

from scripts import spm  # noqa: E402
from scripts.options import above_zero  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyz"
POOL = 3000  # messages that the model says again when it is asked alone
WARM = 5.0  # seconds of a user alone, before the others come
COMMANDS = Path(sys.executable).parent  # where fairseq's are
MODEL = [
    *("--task", "translation", "--arch", "s2s_attn_tiny", "--rnn-type", "gru"),
    *("--encoder-hidden-size", "128", "--decoder-hidden-size", "128", "--attention-dim", "64"),
    *("--share-all-embeddings", "--optimizer", "adam", "--lr", "0.005", "--clip-norm", "1"),
    *("--lr-scheduler", "cosine", "--max-tokens", "1500", "--max-update", "1500", "--seed", "1"),
    *("--no-epoch-checkpoints", "--no-progress-bar"),
]


class Failed(Exception):
    """What went wrong, in one sentence."""


def sentences(count: int, rng: random.Random) -> list[str]:
    """Sequences of letters, none twice in one."""
    return [" ".join(rng.sample(LETTERS, rng.randint(3, 7))) for _ in range(count)]


def train_echo(folder: Path) -> Path:
    """Train a model that says again what it is told; returns its folder."""
    rng = random.Random(1)
    for subset, count in (("train", 12000), ("valid", 300)):
        text = "".join(f"{line}\n" for line in sentences(count, rng))
        for side in ("src", "tgt"):
            (folder / f"{subset}.{side}").write_text(text)
    data, model = folder / "data", folder / "echo"
    prefixes = [x for name in ("train", "valid") for x in (f"--{name}pref", str(folder / name))]
    languages = ["--source-lang", "src", "--target-lang", "tgt"]
    joined = ["--joined-dictionary", "--destdir", str(data)]
    _run("fairseq-preprocess", *languages, *prefixes, *joined)
    plugin = ["--user-dir", str(ROOT / "fairseq_plugins")]
    _run("fairseq-train", str(data), *plugin, *languages, *MODEL, "--save-dir", str(model))
    for dictionary in data.glob("dict.*.txt"):
        (model / dictionary.name).write_bytes(dictionary.read_bytes())
    return model


def _run(command: str, *arguments: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(COMMANDS / command), *arguments], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise Failed(f"{command} failed: {(done.stderr.splitlines() or ['?'])[-1]}")


def echoed(model: Path) -> list[str]:
    """The messages of the pool: those that the model, asked alone, says again."""
    from fairseq_plugins import load

    texts = list(dict.fromkeys(sentences(POOL, random.Random(2))))
    loaded = load(model)
    found = loaded.generate(texts, beam=1, max_len=20)
    loaded.close()
    right = [text for text, [best] in zip(texts, found, strict=True) if best.text == text]
    if len(right) < len(texts) / 2:
        raise Failed(f"the model says only {len(right)} of {len(texts)} messages again")
    return right


@dataclass
class Seen:
    """What the users have seen."""

    seconds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, seconds: float, error: str | None, told: str, reply: str) -> None:
        """One message and what came of it."""
        with self.lock:
            if error is not None:
                self.errors[error] += 1
            elif told != reply:
                self.wrong.append((told, reply))
            else:
                self.seconds.append(seconds)


class Connection(http.client.HTTPConnection):
    """Sends at once: head and body go apart, and the second waits 40 ms for the first's receipt."""

    def connect(self) -> None:
        """Open it."""
        super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def talk(port: int, pool: Sequence[str], pause: float, until: float, seen: Seen, seed: int) -> None:
    """One user, who keeps a connection and sends messages until the time is over."""
    rng = random.Random(seed)
    connection = Connection("127.0.0.1", port, timeout=90)
    while time.monotonic() < until:
        message, reply, error = rng.choice(pool), "", None
        began = time.monotonic()
        try:
            body = json.dumps({"message": message})
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/chat", body, headers)
            response = connection.getresponse()
            content = json.loads(response.read())
            if response.status == 200:
                reply = content["text"]
            else:
                error = f"{response.status}: {content['error']}"
        except (OSError, ValueError, http.client.HTTPException) as failure:
            error = f"{type(failure).__name__}: {failure}"
            connection.close()
        seen.note(time.monotonic() - began, error, message, reply)
        if pause:
            time.sleep(pause * rng.uniform(0.5, 1.5))


@contextmanager
def server(model: Path, log: Path) -> Iterator[tuple[int, int]]:
    """Process and port of a chat with its page."""
    flags = ["--model", str(model), "--port", "0", "--requests", "0", "--no-fallback"]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "chatbot", *flags, "--beam", "1"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        ) as process,
    ):
        assert process.stdout
        line = process.stdout.readline()
        if not (found := re.search(r":(\d+) ", line)):
            raise Failed(f"the chat did not start: {log.read_text().strip()[-300:]}")
        try:
            yield process.pid, int(found[1])
        finally:
            process.terminate()


def resident(pid: int) -> float:
    """MiB of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def visit(pid: int, port: int, pool: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Let all users talk at once, and watch the memory meanwhile."""
    warm = Seen()
    talk(port, pool, 0.0, time.monotonic() + WARM, warm, seed=0)
    seen, memory = Seen(), [resident(pid)]
    began = time.monotonic()
    until = began + options.seconds
    users = [
        threading.Thread(
            target=talk, args=(port, pool, options.pause, until, seen, user), daemon=True
        )
        for user in range(1, options.users + 1)
    ]
    for user in users:
        user.start()
    while any(user.is_alive() for user in users):
        time.sleep(1)
        memory.append(resident(pid))
        if sys.stderr.isatty():
            told = f"{len(seen.seconds)} replies, {memory[-1]:.0f} MiB"
            print(f"\r{time.monotonic() - began:5.0f} s: {told}", end="", file=sys.stderr)
    took = time.monotonic() - began
    waited = sorted(seen.seconds)
    alone = sorted(warm.seconds)
    return {
        "users": options.users,
        "pause": options.pause,
        "seconds": round(took, 1),
        "replies": len(waited),
        "replies per second": round(len(waited) / took, 1),
        "errors": dict(seen.errors),
        "replies that are not their message": len(seen.wrong),
        "seconds of a reply": {f"p{p}": percentile(waited, p) for p in (50, 95, 99)},
        "alone": {
            "replies per second": round(len(alone) / sum(alone), 1) if alone else None,
            "seconds of a reply": {f"p{p}": percentile(alone, p) for p in (50, 95)},
        },
        "resident MiB": {
            "before": round(memory[0], 1),
            "after": round(memory[-1], 1),
            "most": round(max(memory), 1),
        },
        **slope(memory),
    }


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest value that ``percent`` of 100 do not exceed."""
    if not ordered:
        return None
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 4)


def slope(memory: Sequence[float]) -> dict[str, Any]:
    """MiB an hour of a line through the minutes' means, with its 95 % interval; {} for too few."""
    import numpy as np
    from scipy import stats

    kept = memory[len(memory) // 10 :]
    minutes = [np.mean(kept[start : start + 60]) for start in range(0, len(kept) - 59, 60)]
    if len(minutes) < 5:
        return {}
    fit = stats.linregress(np.arange(len(minutes)) / 60, minutes)
    width = stats.t.ppf(0.975, len(minutes) - 2) * fit.stderr
    return {
        "MiB an hour": {
            "slope": round(float(fit.slope), 2),
            "95 % interval": [round(float(fit.slope + sign * width), 2) for sign in (-1, 1)],
        },
        "minutes": [round(float(each), 1) for each in minutes],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; 1 for an error or a reply that is another's."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--users", type=above_zero, default=50, help="at once (50)")
    parser.add_argument("--seconds", type=above_zero, default=120, help="how long (120)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between messages (0)")
    parser.add_argument("--model", type=Path, help="one that says again what it is told")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as name:
            model = options.model or train_echo(Path(name))
            pool = echoed(model)
            with server(model, Path(name) / "log") as (pid, port):
                result = visit(pid, port, pool, options)
            complaints = (Path(name) / "log").read_text().count("\n")
    except (OSError, ValueError, Failed) as error:
        print(f"load_chat.py: {error}", file=sys.stderr)
        return 1
    result["lines in the server's log"] = complaints
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        spm.write_atomically(options.json, f"{text}\n".encode())
    return int(bool(result["errors"] or result["replies that are not their message"]))


if __name__ == "__main__":
    sys.exit(main())
