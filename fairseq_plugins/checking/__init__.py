"""``s2s check``: the laws that a trained model must obey, on the user's own model and data."""

from .program import check

__all__ = ["check"]
