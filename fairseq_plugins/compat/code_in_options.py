"""Fault: fairseq runs code that stands in a checkpoint's configuration, whatever torch allows.

Fifty places of fairseq ``eval()`` a string option while they build a model or a task, for instance
``adaptive_softmax_cutoff`` of its lstm and ``conv_feature_layers`` of wav2vec2, and take it from
the checkpoint. With this repair a stored option that is an expression with a call is refused when
the checkpoint is read: nothing runs without one, and no option needs one. OmegaConf could put a
call together from texts that are none (``"${.x}${.y}"``), so of its interpolations only the plain
reference to another option passes, and what it leads to is looked at too. This holds for commands
that read the checkpoint with this package as ``--user-dir``, and for no others.
"""

import argparse
import ast
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fairseq import checkpoint_utils
from omegaconf import DictConfig, ListConfig, OmegaConf

from ..errors import S2SError
from .patching import wrap

BUILDS = ("model", "task", "criterion", "bpe", "tokenizer", "scoring", "optimizer", "lr_scheduler")
PATHS = ("data",)  # a folder may be called "data(1)"
REFERENCE = re.compile(r"\$\{(\w+(?:\.\w+)+)\}")  # "${optimization.lr}"


def needed() -> bool:
    """Always: no fairseq looks at them."""
    return True


def calls(text: str) -> bool:
    """Whether a text is a Python expression that calls something."""
    if "(" not in text:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False  # eval() could not run it either
    except (RecursionError, MemoryError):
        return True
    return any(isinstance(node, ast.Call) for node in ast.walk(tree))


def strings(part: Any, name: str) -> Iterator[tuple[str, str]]:
    """All texts in nested options, each with the name of its option."""
    if isinstance(part, (DictConfig, ListConfig)):
        part = OmegaConf.to_container(part)
    if isinstance(part, argparse.Namespace):
        part = vars(part)
    if isinstance(part, str):
        yield name, part
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from strings(value, str(key))
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from strings(value, name)


def referred(cfg: Any, reference: str) -> Any:
    """What an interpolation leads to: an option, or None where there is no such option."""
    for key in reference.split("."):
        if isinstance(cfg, (list, tuple)):
            cfg = dict(zip(map(str, range(len(cfg))), cfg, strict=True))
        cfg = cfg.get(key) if isinstance(cfg, Mapping) else None
    return cfg


def check(state: Any, path: str) -> None:
    """Raise S2SError where an option of a checkpoint's model or task would run code."""
    cfg: Any = state.get("cfg") or {}
    if isinstance(cfg, DictConfig):
        cfg = OmegaConf.to_container(cfg)
    parts = {name: cfg[name] for name in BUILDS if name in cfg} | {"args": state.get("args")}
    for name, text in strings(parts, "cfg"):
        if name in PATHS:
            continue
        reference = REFERENCE.fullmatch(text)
        made = [(name, text)]
        if reference:
            made = list(strings(referred(cfg, reference[1]), reference[1]))
        for option, value in made:
            if calls(value) or "${" in value:
                raise S2SError(
                    f"{path} is not loaded: fairseq would run its option {option}, "
                    f"{value[:80]!r}, as code (S2S_COMPAT_SKIP=code_in_options loads it all the "
                    "same)."
                )


def load_checkpoint_to_cpu(
    upstream: Callable[..., Any], path: str, *args: Any, **kwargs: Any
) -> Any:
    """Load, and let go what would run code."""
    state = upstream(path, *args, **kwargs)
    check(state, path)
    return state


def apply() -> None:
    """Wrap the one function that reads checkpoints to train on and to generate with."""
    wrap(checkpoint_utils, "load_checkpoint_to_cpu", load_checkpoint_to_cpu)
