"""Fault: ``--log-file`` gets every line once more in every epoch, so it grows with their square.

``fairseq.logging.progress_bar.progress_bar`` is called for each epoch and each validation, and
each call adds another handler for the same file to its logger. With this repair the handler that is
there is enough.
"""

import os
from collections.abc import Callable
from typing import Any

from fairseq.logging import progress_bar as upstream_module

from .patching import wrap


def needed() -> bool:
    """No fairseq so far looks whether the handler is there."""
    return True


def is_open(log_file: str) -> bool:
    """Whether the progress bars write to this file already."""
    path = os.path.abspath(log_file)
    handlers = upstream_module.logger.handlers
    return any(getattr(handler, "baseFilename", None) == path for handler in handlers)


def progress_bar(
    upstream: Callable[..., Any],
    iterator: Any,
    log_format: str | None = None,
    log_interval: int = 100,
    log_file: str | None = None,
    **kwargs: Any,
) -> Any:
    """Make the progress bar, with a file only where none is open."""
    if log_file is not None and is_open(log_file):
        log_file = None
    return upstream(iterator, log_format, log_interval, log_file, **kwargs)


def apply() -> None:
    """Wrap the function that makes progress bars."""
    wrap(upstream_module, "progress_bar", progress_bar)
