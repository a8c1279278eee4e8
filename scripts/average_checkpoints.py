#!/usr/bin/env python3
"""Average the weights of several checkpoints of one training run.

Usage: scripts/average_checkpoints.py CHECKPOINT [CHECKPOINT ...] --output AVERAGE.pt

The weights are summed in float64; everything else (configuration, counts, integer tensors) is the
last checkpoint's. fairseq's own script of this name is not part of its package.
"""

import argparse
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.serialization import safe_globals

Checkpoint = dict[str, Any]
Weights = dict[str, torch.Tensor]


class CheckpointError(ValueError):
    """Why checkpoints cannot be averaged, in one sentence."""


def read(path: Path) -> Checkpoint:
    """A fairseq checkpoint, read without running any code of it.

    fairseq's own models keep their options as an ``argparse.Namespace``, which runs no code.
    """
    try:
        with safe_globals([argparse.Namespace]):
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    except (OSError, RuntimeError, EOFError, LookupError, ValueError, pickle.UnpicklingError):
        raise CheckpointError(
            f"{path} is no checkpoint that can be read safely:"
            " it is damaged, or it holds more than data."
        ) from None
    weights = checkpoint.get("model") if isinstance(checkpoint, dict) else None
    if not isinstance(weights, dict) or not all(map(torch.is_tensor, weights.values())):
        raise CheckpointError(f"{path} is no fairseq checkpoint: it has no model weights.")
    return checkpoint


def check_alike(path: Path, weights: Weights, last_path: Path, last: Weights) -> None:
    """Raise CheckpointError unless both have the same tensors, in name and shape."""
    for name in sorted(weights.keys() ^ last.keys()):
        has, lacks = (path, last_path) if name in weights else (last_path, path)
        raise CheckpointError(f"{has} has a tensor {name} and {lacks} has none.")
    for name, tensor in weights.items():
        if tensor.shape != last[name].shape:
            raise CheckpointError(
                f"{name} is {tuple(tensor.shape)} in {path}"
                f" and {tuple(last[name].shape)} in {last_path}."
            )


def average(paths: Sequence[Path]) -> Checkpoint:
    """The last checkpoint with the mean of all weights; one checkpoint is in memory beside it."""
    result = read(paths[-1])
    last: Weights = result["model"]
    sums = {name: w.double() for name, w in last.items() if w.is_floating_point()}
    for path in paths[:-1]:
        weights: Weights = read(path)["model"]
        check_alike(path, weights, paths[-1], last)
        for name, total in sums.items():
            sums[name] = total + weights[name].double()
    for name, total in sums.items():
        if not total.isfinite().all():
            raise CheckpointError(f"{name} is not finite everywhere: a training went astray.")
        last[name].copy_(total / len(paths))  # in place: tied weights stay tied
    return result


def write(checkpoint: Checkpoint, path: Path) -> None:
    """Whole or not at all."""
    unfinished = path.with_name(f"{path.name}.tmp")
    try:
        torch.save(checkpoint, unfinished)
        os.replace(unfinished, path)
    except (
        OSError,
        RuntimeError,
    ) as error:  # RuntimeError: torch's, for a folder that is not there
        unfinished.unlink(missing_ok=True)
        raise CheckpointError(f"{path} cannot be written: {error}") from None


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Average the weights of several checkpoints.")
    parser.add_argument("checkpoints", metavar="CHECKPOINT", nargs="+", type=Path)
    parser.add_argument("--output", metavar="FILE", required=True, type=Path, help="the average")
    options = parser.parse_args(arguments)
    try:
        write(average(options.checkpoints), options.output)
    except CheckpointError as error:
        sys.exit(f"average_checkpoints.py: {error}")


if __name__ == "__main__":
    main()
