#!/usr/bin/env python3
"""Numbers from what fairseq-generate printed, as JSON.

Usage: scripts/score.py --generated FILE --references SUBSET.references.jsonl --metrics bleu chrf \
           [--language de] [--scored FILE] [--pieces MODEL] [--output scores.json] [--answers FILE]

FILE holds text: where pieces were used, run fairseq-generate with --remove-bpe sentencepiece, or
name their SentencePiece model. With several references an output is compared with all of them, but
bleu1 to bleu4 and the perplexities with the first one only. What each metric is stands in
``scripts/scoring``; wer is the share of words whose output equals none of the listed
pronunciations.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import spm
from scripts.scoring.generated import join_bytes, read_generated, read_scores
from scripts.scoring.metrics import METRICS
from scripts.scoring.outputs import Outputs
from scripts.scoring.references import read_references

PIECE = "\u2581"  # begins a word of SentencePiece's
LANGUAGES = ("en", "de", "fr", "zh")


def read(options: argparse.Namespace) -> Outputs:
    """What the files of the command line hold.

    Raises:
        ValueError: where they do not fit together
        OSError: where one cannot be read
    """
    references = read_references(options.references)
    lines = read_generated(options.generated, "H", len(references))
    scores = read_scores(options.scored, len(references)) if options.scored else None
    if options.pieces:
        texts = decode(lines, options.pieces)
    elif any(PIECE in line for line in lines):
        raise ValueError(
            f"{options.generated} holds pieces ({PIECE}), no text: name their model with --pieces,"
            " or generate with --remove-bpe sentencepiece"
        )
    else:
        texts = [join_bytes(line) for line in lines]
    return Outputs(texts, references, options.language, options.reduce, scores)


def decode(lines: Sequence[str], pieces: Path) -> list[str]:
    """Pieces as text.

    Raises:
        ValueError: for a file that is no SentencePiece model
    """
    try:
        model = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{pieces} cannot be read as a SentencePiece model") from error
    return [model.decode(line.split()) for line in lines]


def measure(names: Sequence[str], outputs: Outputs) -> dict[str, Any]:
    """The content of scores.json.

    Raises:
        ValueError: where a metric has no number, or cannot be had
    """
    scores = {name: METRICS[name](outputs) for name in names}
    for name, score in scores.items():
        if not math.isfinite(score.value):
            raise ValueError(f"{name} is {score.value}: the model gives no finite probabilities")
    return {
        "metrics": {name: round(score.value, 4) for name, score in scores.items()},
        "signatures": {name: score.signature for name, score in scores.items()},
        "examples": len(outputs.texts),
    }


def sentence(error: Exception) -> str:
    """What to tell of it; of a file that is missing, which."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be read: {error.strerror}"
    return str(error)


def check(options: argparse.Namespace) -> None:
    """Raise ValueError for what the command line says wrongly, before anything is read."""
    if unknown := [name for name in options.metrics if name not in METRICS]:
        raise ValueError(f"there is no metric {unknown[0]}: choose from {' '.join(METRICS)}")
    if options.language not in LANGUAGES:
        known = " ".join(LANGUAGES)
        raise ValueError(f"the language {options.language} is not known: choose from {known}")
    written = [path for path in (options.output, options.answers) if path]
    given = (options.generated, options.references, options.scored, options.pieces)
    read = [path for path in given if path]
    places = [path.resolve() for path in [*written, *read]]
    if lost := next((path for path in written if places.count(path.resolve()) > 1), None):
        raise ValueError(f"{lost} is named twice: what it holds would be lost")
    for path in written:
        if path.is_dir() or not path.parent.is_dir():
            raise ValueError(f"{path} cannot be written: it is a folder, or its folder is missing")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--generated", type=Path, required=True, metavar="FILE", help="from fairseq-generate")
    add("--references", type=Path, required=True, metavar="FILE", help="JSON lists of outputs")
    add("--metrics", nargs="+", required=True, metavar="METRIC", help=", ".join(METRICS))
    add("--language", default="en", help=f"of the outputs: {' '.join(LANGUAGES)} (%(default)s)")
    add("--reduce", choices=["max", "mean"], default="max", help="ROUGE over several references")
    add("--scored", type=Path, metavar="FILE", help="from fairseq-generate --score-reference")
    add("--pieces", type=Path, metavar="MODEL", help="SentencePiece model of the outputs' pieces")
    add("--output", type=Path, metavar="FILE", help="the JSON file")
    add("--answers", type=Path, metavar="FILE", help="takes the outputs, one a line, in order")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the numbers, and write them and the outputs where that is asked for."""
    options = parse(arguments)
    try:
        check(options)
        outputs = read(options)
        text = json.dumps(measure(options.metrics, outputs), indent=2, ensure_ascii=False)
        if options.answers:
            lines = "".join(f"{' '.join(text.splitlines())}\n" for text in outputs.texts)
            spm.write_atomically(options.answers, lines.encode())
        if options.output:
            spm.write_atomically(options.output, f"{text}\n".encode())
    except (OSError, ValueError) as error:
        print(f"score.py: {sentence(error)}.", file=sys.stderr)
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
