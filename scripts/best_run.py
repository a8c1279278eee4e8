#!/usr/bin/env python3
"""Which of several trainings, or searches, is the best on validation: prints its place, from 0.

Usage: scripts/best_run.py FOLDER [FOLDER ...]               the --save-dir of each fairseq-train
       scripts/best_run.py --metric bleu FILE [FILE ...]     what scripts/score.py wrote of each
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.average_checkpoints import CheckpointError, read
from scripts.tabulating import groups, scores_file


def badness(folder: Path) -> float:
    """The best value so far of the training's own ``--best-checkpoint-metric``: less is better.

    That of ``--maximize-best-checkpoint-metric`` is negated; infinity for a training that diverged.

    Raises:
        CheckpointError: where there is no sound checkpoint, or none that was validated
    """
    path = folder / "checkpoint_last.pt"
    state = read(path)
    try:
        best = float(state["extra_state"]["best"])
        maximised = bool(state["cfg"]["checkpoint"]["maximize_best_checkpoint_metric"])
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(
            f"{path} holds no validation loss: train it with validation."
        ) from None
    if not math.isfinite(best):
        return math.inf
    return -best if maximised else best


def badness_of_scores(path: Path, metric: str) -> float:
    """A score, negated where the highest is the best.

    Raises:
        ValueError: where the file has no such score, or neither high nor low is good
    """
    best = groups.metric(metric).best
    if best is None:
        raise ValueError(f"neither a high nor a low {metric} is good: name another metric")
    scores, _ = scores_file.read(path)
    if metric not in scores:
        raise ValueError(f"{path} has no {metric}: score with --metrics {metric}")
    return -scores[metric] if best == "max" else scores[metric]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the place of the best run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="folders, or files")
    parser.add_argument("--metric", help="of files: which of their scores")
    options = parser.parse_args(arguments)
    try:
        if options.metric:
            found = [badness_of_scores(path, options.metric) for path in options.paths]
        else:
            found = [badness(path) for path in options.paths]
        if min(found) == math.inf:
            raise ValueError("all trainings diverged: train with a lower --lr")
    except (OSError, ValueError) as error:
        sys.exit(f"best_run.py: {str(error).rstrip('.')}.")
    print(found.index(min(found)))


if __name__ == "__main__":
    main()
