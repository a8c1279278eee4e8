"""Fault: ``--task translation_from_pretrained_bart`` fails with every model, on its first data.

The task (tasks/translation_from_pretrained_bart.py) reads ``self.args``, which its base class no
longer sets since the translation task has a dataclass: "object has no attribute 'args'". With this
repair the options are there under that name too.
"""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from fairseq.data import Dictionary
from fairseq.tasks.translation_from_pretrained_bart import TranslationFromPretrainedBARTTask

from .patching import original, wrap


def needed() -> bool:
    """Whether fairseq's own ``__init__`` leaves the task without ``args``."""
    task = TranslationFromPretrainedBARTTask.__new__(TranslationFromPretrainedBARTTask)
    init = original(TranslationFromPretrainedBARTTask, "__init__")
    init(task, Namespace(langs="en"), Dictionary(), Dictionary())
    return not hasattr(task, "args")


def init(
    upstream: Callable[..., Any],
    self: TranslationFromPretrainedBARTTask,
    args: Any,
    *dictionaries: Dictionary,
) -> None:
    """Set the task up, and keep its options."""
    upstream(self, args, *dictionaries)
    self.args = args


def apply() -> None:
    """Wrap the task's ``__init__``."""
    wrap(TranslationFromPretrainedBARTTask, "__init__", init)
