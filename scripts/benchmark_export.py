#!/usr/bin/env python3
"""An exported model beside the one that it was made from: the same answers, how large, how fast.

Usage: scripts/benchmark_export.py --model RUN --data DATA-BIN --texts FILE --references FILE \
           [--language de] [--rounds 5] [--json docs/export.json]

The model is exported with --onnx and --int8 into a folder of its own. Searched with beam 5 by
fairseq-generate (task translation, the plain one), by load() in torch, by the graphs of
torch.export in torch, and by onnxruntime in fp32 and int8; one thread each. Rounds are interleaved,
so that what else the machine does falls on all alike: read the ratios.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sacrebleu

from fairseq_plugins.errors import S2SError
from fairseq_plugins.hypothesis import Hypothesis
from scripts import spm

os.environ |= {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # before torch

ROOT = Path(__file__).resolve().parents[1]
TIE = 1e-4  # of two scores, mean log-probabilities
ALONE = 50  # texts that are answered one by one
SHARDS = 20  # of which fairseq-generate answers one, where it answers one by one


class Answers(NamedTuple):
    """The best output for each text as tokens, its score, and the seconds for all."""

    tokens: list[str]
    scores: list[float]
    seconds: float


Answer = Callable[[Sequence[str]], list[list[Hypothesis]]]


def answered(answer: Answer, texts: Sequence[str]) -> Answers:
    """By a model in this process."""
    began = time.perf_counter()
    best = [each[0] for each in answer(texts)]
    seconds = time.perf_counter() - began
    tokens = [" ".join(one.tokens[:-1]) for one in best]  # without </s>
    return Answers(tokens, [one.score for one in best], seconds)


def by_fairseq(model: Path, data: Path, *flags: object) -> Answers:
    """By fairseq-generate, whose own clock counts the search alone."""
    command = ["fairseq-generate", data, "--path", model, "--user-dir", ROOT / "fairseq_plugins"]
    command += ["--task", "translation", "--beam", 5, "--max-len-a", 0, "--max-len-b", 200, *flags]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=True
    )
    found = re.findall(r"^H-(\d+)\t(\S+)\t(.*)$", done.stdout, re.M)
    lines = sorted((int(number), tokens, float(score)) for number, score, tokens in found)
    [seconds] = re.findall(r"Translated .* in ([\d.]+)s", done.stdout + done.stderr)
    base_e = [score * 0.6931471805599453 for _, _, score in lines]  # it prints base 2
    return Answers([tokens for _, tokens, _ in lines], base_e, float(seconds))


def same(one: Answers, other: Answers) -> dict[str, int]:
    """How many outputs are the same, and how many others have the same score, but for rounding."""
    pairs = list(zip(one.tokens, other.tokens, one.scores, other.scores, strict=True))
    equal = sum(a == b for a, b, _, _ in pairs)
    ties = sum(a != b and abs(x - y) <= TIE for a, b, x, y in pairs)
    return {
        "texts": len(pairs),
        "same": equal,
        "ties": ties,
        "different": len(pairs) - equal - ties,
    }


def first_answer(*arguments: object) -> float:
    """Seconds from the command to the first answer."""
    command = [sys.executable, "-m", "fairseq_plugins.cli", "generate", *map(str, arguments)]
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin and process.stdout  # pipes
        process.stdin.write(b"hello\n")
        process.stdin.flush()
        process.stdout.readline()
        seconds = time.perf_counter() - began
        process.stdin.close()
    return seconds


def measure(options: argparse.Namespace, package: Path) -> dict[str, Any]:
    """The record."""
    import torch

    torch.set_num_threads(1)
    from fairseq_plugins import load, runner
    from fairseq_plugins.export import export
    from scripts.benchmarking.exported import load_torch_graphs

    export(options.model, package, data=options.data, onnx=True, int8=True, torch=True)
    checkpoint = options.model / "checkpoint_best.pt"
    texts, references = (
        list(spm.read_lines([path])) for path in (options.texts, options.references)
    )
    ways: dict[str, Answer] = {
        "load()": load(package).generate,
        "onnxruntime fp32": runner.load(package, threads=1).generate,
        "onnxruntime int8": runner.load(package, precision="int8", threads=1).generate,
    }
    found = {"fairseq-generate": by_fairseq(checkpoint, options.data)}
    found |= {name: answered(answer, texts) for name, answer in ways.items()}
    graphs = load_torch_graphs(package)
    found["torch.export"] = answered(graphs.generate, texts)
    eager = found["fairseq-generate"]
    tokenize = "zh" if options.language == "zh" else "13a"
    bleu = {}
    for name, each in found.items():
        outputs = [graphs.decode(tokens.split()) for tokens in each.tokens]
        score = sacrebleu.corpus_bleu(outputs, [references], tokenize=tokenize).score
        bleu[name] = round(score, 2)
    rounds = []
    for _ in range(options.rounds):
        many = {"fairseq-generate": by_fairseq(checkpoint, options.data).seconds / len(texts)}
        shard = by_fairseq(
            checkpoint, options.data, "--batch-size", 1, "--num-shards", SHARDS, "--shard-id", 0
        )
        one = {"fairseq-generate": shard.seconds / len(shard.tokens)}
        for name, answer in ways.items():
            many[name] = answered(answer, texts).seconds / len(texts)
            began = time.perf_counter()
            for text in texts[:ALONE]:
                answer([text])
            one[name] = (time.perf_counter() - began) / ALONE
        start = {
            "load()": first_answer(package),
            "onnxruntime fp32": first_answer(package, "--onnx"),
            "onnxruntime int8": first_answer(package, "--onnx", "--precision", "int8"),
        }
        rounds.append({"seconds_a_text": many, "seconds_a_text_alone": one, "start": start})
    files = {path.name: path.stat().st_size for path in sorted(package.iterdir())}
    return {
        "model": str(options.model),
        "texts": len(texts),
        "parity": {name: same(each, eager) for name, each in found.items()},
        "bleu": bleu,
        "bytes": {"checkpoint_best.pt": checkpoint.stat().st_size, **files},
        "times_as_fast": {
            kind: {
                name: round(
                    median(each[kind]["fairseq-generate"] / each[kind][name] for each in rounds), 2
                )
                for name in ways
            }
            for kind in ("seconds_a_text", "seconds_a_text_alone")
        },
        "first_answer_seconds": {
            name: round(median(each["start"][name] for each in rounds), 2) for name in ways
        },
        "milliseconds_alone": {
            name: round(1000 * median(each["seconds_a_text_alone"][name] for each in rounds), 1)
            for name in ("fairseq-generate", *ways)
        },
        "rounds": rounds,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="a folder with a checkpoint")
    parser.add_argument("--data", type=Path, required=True, help="binarised; its subset test")
    parser.add_argument("--texts", type=Path, required=True, help="the same subset as text")
    parser.add_argument("--references", type=Path, required=True)
    parser.add_argument("--language", default="en", help="of the outputs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="the record, written anew")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    from scripts.benchmarking import environment
    from scripts.benchmarking.record import publish

    record: dict[str, Any] = {"environment": environment.describe()}
    try:
        with tempfile.TemporaryDirectory() as folder:
            record |= measure(options, Path(folder) / "package")
    except (OSError, S2SError) as error:
        print(f"benchmark_export.py: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or ["it said nothing"]
        print(f"benchmark_export.py: fairseq-generate failed: {said[-1]}", file=sys.stderr)
        return 1
    publish(record, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
