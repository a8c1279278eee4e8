"""Fault: a training in several processes cannot resume with PyTorch 2.6 or later.

Rank 0 reads the checkpoint and sends it to the others (distributed/utils.py, broadcast_object),
which read what arrives with ``torch.load``. That refuses the configuration, an object of OmegaConf,
and the placeholders of the tensors, which travel on their own. With this repair the configuration
is sent as plain dictionaries, and the placeholders are allowed. Inert where ``torch.load`` takes
them, as PyTorch before 2.6 does.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any

import torch
from fairseq.distributed import utils
from omegaconf import DictConfig, OmegaConf

from .patching import wrap


def needed() -> bool:
    """Whether a configuration that is sent does not arrive."""
    buffer = io.BytesIO()
    torch.save(OmegaConf.create({}), buffer)
    buffer.seek(0)
    try:
        torch.load(buffer)
    except pickle.UnpicklingError:
        return True
    return False


def broadcast_object(upstream: Callable[..., Any], obj: Any, *args: Any, **kwargs: Any) -> Any:
    """Send a checkpoint with a plain configuration; everybody gets it as it was."""
    if isinstance(obj, dict) and isinstance(obj.get("cfg"), DictConfig):
        obj = {**obj, "cfg": OmegaConf.to_container(obj["cfg"])}
    with torch.serialization.safe_globals([utils._TensorPlaceholder]):
        found = upstream(obj, *args, **kwargs)
    if isinstance(found, dict) and isinstance(found.get("cfg"), dict):
        found = {**found, "cfg": OmegaConf.create(found["cfg"])}
    return found


def apply() -> None:
    """Wrap the function."""
    wrap(utils, "broadcast_object", broadcast_object)
