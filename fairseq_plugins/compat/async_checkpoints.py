"""Fault: ``--write-checkpoints-asynchronously`` without iopath trains nothing and ends with 0.

``fairseq_cli.train.main`` logs the missing package and returns. With this repair the run ends in
one sentence and status 1, as soon as the configuration is complete. Inert where iopath is there.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

from fairseq.dataclass import initialize

from ..errors import S2SError
from .patching import wrap


def needed() -> bool:
    """Whether iopath is missing."""
    return importlib.util.find_spec("iopath") is None


def add_defaults(upstream: Callable[..., Any], cfg: Any) -> None:
    """Complete the configuration, and refuse what training would silently not do."""
    upstream(cfg)
    if cfg.checkpoint.write_checkpoints_asynchronously:
        raise S2SError(
            "--write-checkpoints-asynchronously needs the package iopath: "
            "run pip install iopath, or leave the flag out."
        )


def apply() -> None:
    """Wrap the step that training takes right after importing the plugin."""
    wrap(initialize, "add_defaults", add_defaults)
