"""Fault: ``--sample-break-mode eos`` (denoising, language modelling) fails with numpy 2.

data/token_block_dataset.py asks for ``numpy.compat.long``, which numpy 2 removed: "module 'numpy'
has no attribute 'compat'". With this repair that module, and nothing else in the process, sees it:
the integer that it always was.
"""

import types
from typing import Any

import numpy
from fairseq.data import token_block_dataset


class OldNumpy(types.ModuleType):
    """The module ``numpy`` as token_block_dataset sees it."""

    compat = types.SimpleNamespace(long=int)

    def __getattr__(self, name: str) -> Any:
        return getattr(numpy, name)


def needed() -> bool:
    """Whether numpy is one without ``compat``."""
    return not hasattr(numpy, "compat")


def apply() -> None:
    """Give token_block_dataset its own view of numpy."""
    token_block_dataset.np = OldNumpy("numpy")
