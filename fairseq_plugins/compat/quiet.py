"""Fault: a normal run prints 25 lines of warnings on stderr, none of which a user can act on.

fairseq calls hydra, torch and its data loader in ways that they deprecated; and importing fairseq
leaves the root logger on DEBUG (models/wav2vec/wav2vec2_classification.py), so that other
libraries' debug lines appear. The filters name exactly these messages, and the root logger is set
to INFO or to what LOGLEVEL says, as fairseq's own commands do. A message that does not come is not
missed.
"""

import logging
import os
import warnings

MESSAGES = (
    r"(?s)\s*hydra\.experimental\..* is no longer experimental",
    r"(?s)\s*The version_base parameter is not specified",
    r"(?s).*Usage of deprecated keyword in package header",
    r"(?s)\s*'config' is validated against ConfigStore schema",
    r"(?s)\s*The strict flag in the compose API is deprecated",
    r"'pin_memory' argument is set as true but no accelerator",
    r"`?torch\.cuda\.amp\..* is deprecated",
    r"`torch\.jit\.script` is deprecated",  # of modules that are imported after this
    r"Support for mismatched key_padding_mask and attn_mask is deprecated",
)


def needed() -> bool:
    """Filters and a level can always be set."""
    return True


def apply() -> None:
    """Set the filters and the loggers' levels."""
    for message in MESSAGES:
        warnings.filterwarnings("ignore", message=message)
    logging.getLogger("hydra").setLevel(logging.WARNING)
    root = logging.getLogger()
    if root.level == logging.DEBUG:
        root.setLevel(os.environ.get("LOGLEVEL", "INFO").upper())
