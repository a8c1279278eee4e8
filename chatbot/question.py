"""A message on its way to an answer."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What the responder knows of a message.

    Attributes:
        message: what the user said, clean
        sources: the texts that the model may read it as: one, or two; none where nothing was said
        unknown: share of the message that lies outside the model's world
        turns: number of messages, this one included
        started: by the clock
    """

    message: str
    sources: tuple[str, ...]
    unknown: float
    turns: int
    started: float

    def seconds(self) -> float:
        """Since it was asked."""
        return time.perf_counter() - self.started
