#!/usr/bin/env python3
"""Which of several trainings is the best on its validation set: prints its place, from 0.

Usage: scripts/best_run.py FOLDER [FOLDER ...]     the --save-dir of each fairseq-train
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.average_checkpoints import CheckpointError, read


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the place of the best run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path)
    try:
        found = [badness(folder) for folder in parser.parse_args(arguments).folders]
        if min(found) == math.inf:
            raise CheckpointError("All trainings diverged: train with a lower --lr.")
    except CheckpointError as error:
        sys.exit(f"best_run.py: {error}")
    print(found.index(min(found)))


if __name__ == "__main__":
    main()
