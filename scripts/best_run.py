#!/usr/bin/env python3
"""Which of several trainings has the lowest validation loss: prints its place, counted from 0.

Usage: scripts/best_run.py FOLDER [FOLDER ...]     the --save-dir of each fairseq-train
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.average_checkpoints import CheckpointError, read


def best_loss(folder: Path) -> float:
    """The lowest value of the training's own ``--best-checkpoint-metric`` so far.

    Raises:
        CheckpointError: where there is no sound checkpoint, or none that was validated
    """
    path = folder / "checkpoint_last.pt"
    best = read(path).get("extra_state", {}).get("best")
    if best is None:
        raise CheckpointError(f"{path} holds no validation loss: train it with validation.")
    return float(best)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the place of the best run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", metavar="FOLDER", nargs="+", type=Path)
    try:
        losses = [best_loss(folder) for folder in parser.parse_args(arguments).folders]
    except CheckpointError as error:
        sys.exit(f"best_run.py: {error}")
    print(losses.index(min(losses)))


if __name__ == "__main__":
    main()
