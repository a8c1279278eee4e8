"""Fault: ``--bf16`` ends in an ``AttributeError`` on every machine that is no TPU.

``options.parse_args_and_arch`` takes the flag to mean a TPU, on a machine with GPUs too, and the
trainer then asks torch_xla for one. With this repair it does not where torch_xla is missing, and
the flag trains in bfloat16 on a GPU or a CPU, as it does through fairseq-hydra-train.
"""

import argparse
import importlib.util
from collections.abc import Callable
from typing import Any

from fairseq import options

from .patching import original, wrap


def needed() -> bool:
    """Whether the flag makes a TPU of this machine, which has none."""
    if importlib.util.find_spec("torch_xla") is not None:
        return False
    parser = argparse.ArgumentParser()
    for flag in ("batch_size", "seed"):
        parser.add_argument(f"--{flag}")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--fp16", action="store_true")
    try:
        parsed = original(options, "parse_args_and_arch")(parser, ["--bf16"])
    except (AttributeError, SystemExit):
        return True
    return bool(parsed.tpu)


def parse_args_and_arch(upstream: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Parse, and believe in no TPU for the sake of --bf16."""
    found = upstream(*args, **kwargs)
    parsed = found[0] if isinstance(found, tuple) else found
    if getattr(parsed, "bf16", False):
        parsed.tpu = False
    return found


def apply() -> None:
    """Wrap the function that all commands parse with."""
    wrap(options, "parse_args_and_arch", parse_args_and_arch)
