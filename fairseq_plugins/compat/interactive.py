"""Fault: one line longer than the model takes ends fairseq-interactive with a traceback.

``fairseq_cli.interactive.make_batches`` asks the task for batches of all lines, and
``FairseqTask.filter_indices_by_size`` raises for the first that is too long. With this repair such
a line is left out with one warning that tells its length and the limit; the others keep their ids.
The words of each batch are left at the task, as typed: :mod:`.replace_unk` copies them, where
fairseq itself would copy ``<unk>``.
"""

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from fairseq.tokenizer import tokenize_line

from .patching import wrap

WORDS = "s2s_source_words"  # the attribute of the task

logger = logging.getLogger(__name__)


def commands() -> list[ModuleType]:
    """fairseq-interactive's module, and the main program where it is that very file."""
    root, quiet = logging.getLogger(), logging.NullHandler()
    root.addHandler(quiet)  # else importing the command may give the program a root handler
    command = importlib.import_module("fairseq_cli.interactive")
    root.removeHandler(quiet)
    main = sys.modules["__main__"]
    is_it = hasattr(main, "make_batches") and hasattr(main, "buffered_read")
    return [command, main] if is_it else [command]


def needed() -> bool:
    """No fairseq so far does without it."""
    return True


def limit_of(cfg: Any, max_positions: Any) -> float:
    """The number of source tokens that model, task and ``--max-tokens`` allow."""
    longest = max_positions[0] if isinstance(max_positions, (tuple, list)) else max_positions
    limits = [limit for limit in (longest, cfg.dataset.max_tokens) if limit is not None]
    return min(limits, default=float("inf"))


def make_batches(
    upstream: Callable[..., Any],
    lines: list[str],
    cfg: Any,
    task: Any,
    max_positions: Any,
    encode_fn: Callable[[str], str],
) -> Iterator[Any]:
    """Make batches of the lines that fit."""
    limit = limit_of(cfg, max_positions)
    kept, words = [], {}
    for i, line in enumerate(lines):
        source = line.split("\t")[0] if cfg.generation.constraints else line
        _, lengths = task.get_interactive_tokens_and_lengths([source], encode_fn)
        if lengths[0] <= limit:
            kept.append(i)
            words[i] = tokenize_line(encode_fn(source))
        else:
            logger.warning(
                "left out the line that begins %r: it has %d tokens and the model takes %d",
                line[:30],
                lengths[0],
                limit,
            )
    if not kept:
        return
    for batch in upstream([lines[i] for i in kept], cfg, task, max_positions, encode_fn):
        ids = batch.ids.new_tensor([kept[i] for i in batch.ids.tolist()])
        setattr(task, WORDS, [words[i] for i in ids.tolist()])
        yield batch._replace(ids=ids)


def apply() -> None:
    """Wrap the command's function."""
    for module in commands():
        wrap(module, "make_batches", make_batches)
