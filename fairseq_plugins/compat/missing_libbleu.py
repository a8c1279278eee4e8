"""Fault: without fairseq's compiled ``libbleu`` the default scorer of fairseq-generate is missing.

``--scoring bleu`` (scoring/bleu.py) then ends with an ImportError and the advice to build fairseq.
With this repair one sentence names the scorer to use. Inert where libbleu was built.
"""

import importlib
from typing import Any

from fairseq.scoring.bleu import Scorer

from ..errors import S2SError
from .patching import wrap


def needed() -> bool:
    """Whether libbleu is missing."""
    try:
        importlib.import_module("fairseq.libbleu")
    except ImportError:
        return True
    return False


def refuse(upstream: Any, self: Scorer, cfg: Any) -> None:
    """Take the place of ``Scorer.__init__``."""
    raise S2SError(
        "--scoring bleu needs a part of fairseq (libbleu) that was not compiled here: "
        "use --scoring sacrebleu."
    )


def apply() -> None:
    """Let the scorer say what to use instead of it."""
    wrap(Scorer, "__init__", refuse)
