#!/usr/bin/env python3
"""Load of the chat: many users at a time against one at a time, and how long one user waits.

Needs: scripts/prepare_chat.sh, scripts/train_chat.sh
Usage: scripts/benchmark_chat.py [--model checkpoints/chat] [--json docs/chat-load.json]

Measured at the Responder, warm, in one process. Each round asks the same messages one after the
other and then by many users at once; the figure is the ratio of the two, its median over the
rounds. A single user's times are those of replies of 15 tokens, growing as the page shows them.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # the folder of this file, which holds no package
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before torch: matrices this small are slower on two
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from chatbot.corpus import LANGUAGES, read_themes  # noqa: E402
from chatbot.dialog import Message, Responder, Settings  # noqa: E402

USERS = 32
TOKENS = 15  # of the replies whose times are measured
GREEDY = Settings(mode="greedy", fallback=False)
WAYS = {  # what is asked for
    "greedy, no candidates": replace(GREEDY, beam=1),
    "greedy, 5 candidates": GREEDY,
}


def messages(count: int) -> list[str]:
    """The first phrasings of the corpus in both languages, in turn."""
    openings = [
        next(iter(phrasing))
        for themes in zip(*map(read_themes, LANGUAGES), strict=False)
        for blocks in zip(*(theme.blocks for theme in themes), strict=False)
        for block in blocks
        for phrasing in block.opening.phrasings[:1]
    ]
    return [openings[place % len(openings)] for place in range(count)]


def ask(responder: Responder, message: str, settings: Settings) -> str:
    """The text of the whole reply."""
    *_, reply = responder.reply([Message("user", message)], settings)
    return reply.text


def one_at_a_time(responder: Responder, asked: Sequence[str], settings: Settings) -> list[str]:
    """The replies of a single user."""
    return [ask(responder, message, settings) for message in asked]


def all_at_once(
    responder: Responder, asked: Sequence[str], settings: Settings, users: int
) -> list[str]:
    """The replies of many users, each with its share of the messages, one after the other."""
    found = [""] * len(asked)

    def talk(user: int) -> None:
        for place in range(user, len(asked), users):
            found[place] = ask(responder, asked[place], settings)

    threads = [threading.Thread(target=talk, args=(user,)) for user in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def timed(function: Callable[[], list[str]]) -> tuple[list[str], float, float]:
    """What it returns, the seconds it takes, and those of processor time."""
    started, cpu = time.perf_counter(), time.process_time()
    found = function()
    return found, time.perf_counter() - started, time.process_time() - cpu


def load(
    responder: Responder, settings: Settings, *, users: int, per_user: int, rounds: int
) -> dict[str, Any]:
    """Replies per second of both ways, round by round, and how many texts are the same.

    ``ratio`` is that of the rates, ``cpu_ratio`` that of the processor time for a reply, which
    other work on the machine disturbs less.
    """
    asked = messages(users * per_user)
    measured, same = [], 0
    for _ in range(rounds):
        alone, slow, slow_cpu = timed(lambda: one_at_a_time(responder, asked, settings))
        together, fast, fast_cpu = timed(lambda: all_at_once(responder, asked, settings, users))
        same += sum(one == other for one, other in zip(alone, together, strict=True))
        measured.append(
            {
                "alone": round(len(asked) / slow, 2),
                "together": round(len(asked) / fast, 2),
                "ratio": round(slow / fast, 3),
                "cpu_ratio": round(slow_cpu / fast_cpu, 3),
            }
        )
    return {
        "users": users,
        "replies": len(asked),
        "rounds": measured,
        "ratio": spread([each["ratio"] for each in measured]),
        "cpu_ratio": spread([each["cpu_ratio"] for each in measured]),
        "identical": f"{same} of {len(asked) * rounds}",
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Of the rounds."""
    return {"median": round(median(values), 3), "min": min(values), "max": max(values)}


def waits(responder: Responder, settings: Settings, asked: Sequence[str]) -> dict[str, Any]:
    """Milliseconds until a single user sees the first token, and all of the reply's text."""
    first, whole = [], []
    for message in asked:
        *_, reply = responder.reply([Message("user", message)], settings)
        first.append(1000 * reply.first_seconds)
        whole.append(1000 * reply.seconds)
    return {
        "replies": len(asked),
        "first_token_ms": {"p50": percentile(first, 50), "p95": percentile(first, 95)},
        "reply_ms": {"p50": percentile(whole, 50), "p95": percentile(whole, 95)},
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that ``percent`` of 100 of them do not exceed."""
    place = max(0, -(-len(values) * percent // 100) - 1)
    return round(sorted(values)[int(place)], 2)


def measure(
    responder: Responder, *, users: int = USERS, per_user: int = 3, rounds: int = 5
) -> dict[str, Any]:
    """All figures, after a round that is not counted."""
    length = replace(GREEDY, beam=1, min_length=TOKENS, max_length=TOKENS)
    report: dict[str, Any] = {"load": {}, "single_user": {}}
    for name, settings in WAYS.items():
        load(responder, settings, users=users, per_user=1, rounds=1)
        found = load(responder, settings, users=users, per_user=per_user, rounds=rounds)
        report["load"][name] = found
    for name, settings in {"greedy": length, "sampling": replace(length, mode="sampling")}.items():
        report["single_user"][name] = waits(responder, settings, messages(20 * rounds))
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=ROOT / "checkpoints" / "chat")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the record, written anew")
    parser.add_argument("--users", type=int, default=USERS)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    if min(options.users, options.rounds) < 1:
        parser.error("--users and --rounds must be at least 1")
    from chatbot.responder import load_responder
    from scripts.benchmarking import environment
    from scripts.benchmarking.measure import load_average
    from scripts.benchmarking.record import publish

    try:
        responder = load_responder(options.model)
    except ValueError as error:
        print(f"benchmark_chat.py: {error}", file=sys.stderr)
        return 1
    record = {"environment": environment.describe(), "load_average": load_average()}
    record |= measure(responder, users=options.users, rounds=options.rounds)
    publish(record, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
