"""Types of options that several scripts have."""

import argparse


def above_zero(text: str) -> int:
    """A whole number from 1 on, as the type of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)
