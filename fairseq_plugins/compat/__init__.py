"""Stub until the repairs are written."""


def apply() -> None:
    """Nothing yet."""
