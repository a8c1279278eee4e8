"""What one visitor may ask of a server."""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

MINUTE = 60.0
TOO_OFTEN = "Those were too many requests in a minute: wait a little."
TOO_LATE = "The reply took too long and was given up."
MANY = 10_000  # visitors; those who have been silent for a minute are forgotten then


@dataclass(frozen=True)
class Bounds:
    """What one visitor may ask of a server.

    Attributes:
        message_length: characters of a message that are read
        waiting: replies that wait or grow at a time, of the page and of programs each
        reply_seconds: for one reply, looked at after each step of it
        requests: replies in a minute for one address, all its pages and programs together, and
            for one open page, from wherever it asks; 0 means any number
    """

    message_length: int = 500
    waiting: int = 64
    reply_seconds: float = 60.0
    requests: int = 600


BOUNDS_LIMITS: Mapping[str, tuple[float, float]] = {
    "message_length": (1, 2000),
    "waiting": (1, 10_000),
    "reply_seconds": (1.0, 3600.0),
    "requests": (0, 1_000_000),
}


class Rate:
    """Admits each visitor a number of times in any minute.

    Args:
        most: how often; 0 means any number
        clock: tells the seconds
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.clock = clock
        self._asked: dict[Hashable, deque[float]] = {}
        self._lock = threading.Lock()

    def admit(self, visitor: Hashable) -> bool:
        """Whether a visitor may ask once more; if so, that counts."""
        if not self.most:
            return True
        now = self.clock()
        with self._lock:
            if len(self._asked) >= MANY:
                self._forget(now)
            asked = self._asked.setdefault(visitor, deque())
            while asked and asked[0] <= now - MINUTE:
                asked.popleft()
            if len(asked) >= self.most:
                return False
            asked.append(now)
            return True

    def _forget(self, now: float) -> None:
        """Those who are silent; where nobody is, whoever has been here longest."""
        silent = [who for who, asked in self._asked.items() if asked[-1] <= now - MINUTE]
        for who in silent or [next(iter(self._asked))]:
            del self._asked[who]
