"""Fault: fairseq installed without a compiler (READTHEDOCS=1) cannot make a single batch.

``data_utils.batch_by_size`` imports three functions from the compiled ``data_utils_fast`` and else
says "Please build Cython components". With this repair :mod:`.batching`, which gives the same
batches, takes its place. Inert where the compiled module imports. Language models still need the
compiler (``token_block_utils_fast``); translation does not.
"""

import importlib
import sys

import fairseq.data

from . import batching

NAME = "fairseq.data.data_utils_fast"


def needed() -> bool:
    """Whether the compiled module is missing or cannot be loaded."""
    try:
        importlib.import_module(NAME)
    except (ImportError, ValueError):  # numpy's word for a module built against another numpy
        return True
    return False


def apply() -> None:
    """Put the pure module in the compiled one's place."""
    sys.modules[NAME] = batching
    fairseq.data.data_utils_fast = batching
