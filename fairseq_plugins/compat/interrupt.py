"""Fault: Ctrl-C and SIGTERM throw away all updates since the last checkpoint.

``fairseq_cli.train`` ends where the signal meets it, with a traceback of ``KeyboardInterrupt`` or
without a word. With this repair a training in one process finishes the update that it is in, saves
checkpoint_last.pt, says so and ends with status 130 or 143; the same command goes on from there. A
validation is broken off, and not made up for. A second signal ends the process at once.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, ModuleType
from typing import Any

from fairseq import checkpoint_utils

from .patching import wrap

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """Breaks a validation off."""


class Watch:
    """Takes the signals while updates are made, and remembers the first."""

    def __init__(self) -> None:
        self.got: int | None = None
        self.validating = False

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Take the signals."""
        before = {number: signal.signal(number, self._take) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.got is not None:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self.got = number
        if self.validating:
            raise Interrupted

    @contextmanager
    def validation(self) -> Iterator[None]:
        """What a signal, an earlier one too, breaks off."""
        self.validating = True
        try:
            if self.got is not None:
                raise Interrupted
            yield
        finally:
            self.validating = False


WATCH = Watch()


def program() -> ModuleType | None:
    """The program of ``fairseq-train``, however it was started."""
    main = sys.modules.get("__main__")
    return main if hasattr(main, "validate_and_save") else sys.modules.get("fairseq_cli.train")


def needed() -> bool:
    """Whether this process can train; no fairseq saves on a signal."""
    return program() is not None


def train(upstream: Callable[..., Any], cfg: Any, *args: Any, **kwargs: Any) -> Any:
    """Take the signals for an epoch; of several processes each would stop elsewhere."""
    alone = cfg.distributed_training.distributed_world_size == 1
    if not alone or threading.current_thread() is not threading.main_thread():
        return upstream(cfg, *args, **kwargs)
    with WATCH.keeping():
        return upstream(cfg, *args, **kwargs)


def validate(upstream: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Validate until a signal comes."""
    with WATCH.validation():
        return upstream(*args, **kwargs)


def validate_and_save(
    upstream: Callable[..., Any], cfg: Any, trainer: Any, task: Any, epoch_itr: Any, *args: Any
) -> Any:
    """Do what is due after an update, and end the training here if a signal came."""
    result = None
    with suppress(Interrupted):
        result = upstream(cfg, trainer, task, epoch_itr, *args)
    if WATCH.got is not None:
        number, WATCH.got = WATCH.got, None
        leave(number, cfg.checkpoint, trainer, epoch_itr)
    return result


def leave(number: int, cfg: Any, trainer: Any, epoch_itr: Any) -> None:
    """Save, say so, and end the process."""
    updates, name = trainer.get_num_updates(), signal.Signals(number).name
    checkpoint_utils.save_checkpoint(cfg, trainer, epoch_itr, None)
    told = "nothing was saved, as --no-save or --no-last-checkpoints has it"
    if not (cfg.no_save or cfg.no_last_checkpoints):
        last = os.path.join(cfg.save_dir, "checkpoint_last.pt")
        told = f"{last} is saved, and the same command goes on from there"
    sys.stderr.write(f"Stopped by {name} after {updates} updates: {told}.\n")
    raise SystemExit(128 + number)


def apply() -> None:
    """Wrap the epoch and what is done after each update."""
    owner = program()
    assert owner is not None
    for repaired in (train, validate, validate_and_save):
        wrap(owner, repaired.__name__, repaired)
