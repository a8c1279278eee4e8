"""What a training cost and made, from its checkpoint: minutes and weights."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scripts import average_checkpoints

NO_WEIGHTS = ("version", "_float_tensor")  # buffers of fairseq's own models


class Cost(NamedTuple):
    """How many trained weights, the seconds of training, and whether it came to its end."""

    weights: int
    seconds: float
    finished: bool


def read(path: Path) -> Cost:
    """What a checkpoint tells of its training.

    The seconds are those that fairseq counted over all runs, up to this checkpoint: give the last
    one, or an average that ends with it, for the time of the whole training.

    Raises:
        ValueError: where it is no checkpoint of fairseq, or cannot be read
    """
    try:
        checkpoint = average_checkpoints.read(path)
        seconds = float(checkpoint["extra_state"]["previous_training_time"])
        if not 0 <= seconds < math.inf:
            raise TypeError
    except average_checkpoints.CheckpointError as error:
        raise ValueError(str(error).rstrip(".")) from None
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} does not say how long its training was: give --minutes") from None
    return Cost(count(checkpoint["model"]), seconds, finished(checkpoint))


def finished(checkpoint: dict[str, Any]) -> bool:
    """Whether ``--max-update`` or ``--max-epoch`` was reached; a training without them has no end.

    One that ``--stop-time-hours`` or ``--patience`` ended before is not finished.
    """
    try:
        limits = checkpoint["cfg"]["optimization"]
        updates = checkpoint["optimizer_history"][-1]["num_updates"]
        epochs = checkpoint["extra_state"]["train_iterator"]["epoch"] - 1  # the one that is next
        ends = ((limits["max_update"], updates), (limits["max_epoch"], epochs))
    except (KeyError, TypeError, IndexError):
        return True
    given = [(limit, done) for limit, done in ends if limit]
    return not given or any(done >= limit for limit, done in given)


def count(weights: dict[str, Tensor]) -> int:
    """Trained weights, tied ones once, buffers not at all.

    Tied tensors share their memory; a training on a GPU writes them as copies, which are told by
    their content: no two matrices that were drawn at random and trained are equal to the bit.
    """
    kept: list[Tensor] = []
    for name, tensor in weights.items():
        is_buffer = name.rpartition(".")[2] in NO_WEIGHTS or not tensor.is_floating_point()
        if not is_buffer and not any(_tied(tensor, other) for other in kept):
            kept.append(tensor)
    return sum(tensor.numel() for tensor in kept)


def _tied(first: Tensor, second: Tensor) -> bool:
    if first.shape != second.shape:
        return False
    if first.data_ptr() == second.data_ptr():
        return True
    return first.dim() > 1 and torch.equal(first, second)
