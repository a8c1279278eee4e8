#!/usr/bin/env python3
"""Speed and memory of this package against fairseq's lstm, JoeyNMT and OpenNMT-py, on one CPU core.

Needs: scripts/setup_env.sh, VOCAB_SIZE=8000 NAME=multi30k-8k scripts/prepare_multi30k.sh, and, for
       the peers and the figure, scripts/setup_peers.sh
Usage: scripts/benchmark.py --json docs/benchmark.json [--figure docs/benchmark.png] [--runs N]

All systems work in one process, in turn, on the same batches; a number is the ratio of two systems'
CPU times in the same round, its median, minimum and maximum over the rounds. A run is added to the
JSON file, which is written after every shape; of an interrupted run the next one keeps nothing.
"""

import argparse
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--runs", type=int, default=1, help="runs, each a process (0: only the figure)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each in a run")
    parser.add_argument("--systems", metavar="A,B", help="only these systems")
    parser.add_argument("--shapes", metavar="X,Y", help="only these shapes")
    parser.add_argument("--json", metavar="FILE", type=Path, help="the record, added to")
    parser.add_argument("--figure", metavar="FILE", type=Path, help="draw it (.png or .svg)")
    data = ROOT / "data-bin" / "multi30k-8k"
    parser.add_argument("--data", metavar="FOLDER", type=Path, default=data, help="binarised data")
    parser.add_argument("--tiny", action="store_true", help="a trial: small sizes, made-up data")
    return parser


def prepare_process() -> None:
    """One thread that does not spin while it waits: to be set before torch is imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.pop("S2S_NO_FAST", None)  # it would slow down what is measured


def repeat(arguments: Sequence[str], runs: int) -> int:
    """Each run in a process of its own; the first that fails ends it."""
    command = [sys.executable, __file__, *arguments, "--runs", "1"]
    return next((code for _ in range(runs) if (code := subprocess.call(command))), 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; 1 with one sentence for what cannot be run."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.json is None and options.runs != 1:
        parser.error(f"--runs {options.runs} needs --json, which keeps the runs")
    if options.runs > 1:
        return repeat(arguments, options.runs)
    prepare_process()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)

    from scripts.benchmarking import program
    from scripts.benchmarking.sizes import BenchmarkError

    try:
        program.check(options)
        return program.main(options)
    except BenchmarkError as error:
        print(f"benchmark.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # the folder of this file, which holds no package
    sys.exit(main())
