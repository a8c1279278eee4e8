"""Autocast, also on devices that know none."""

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast_dtype(device_type: str) -> torch.dtype | None:
    """The type that autocast gives to products now, or None where it is off."""
    known = torch.amp.is_autocast_available(device_type)
    if not (known and torch.is_autocast_enabled(device_type)):
        return None
    return torch.get_autocast_dtype(device_type)


def without_autocast(device_type: str) -> AbstractContextManager[object]:
    """A block in which every operation computes in the type of its operands."""
    if not torch.amp.is_autocast_available(device_type):
        return nullcontext()
    return torch.autocast(device_type, enabled=False)
