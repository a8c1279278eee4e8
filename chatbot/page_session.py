"""What one open page holds on the server, and the answers of its models as they grow.

The browser sends messages and clicks, never a conversation, so that none can be forged.
"""

import itertools
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, TypeVar

from .conversation import Conversation
from .strings import Language

_KEYS = itertools.count()

LANES = 2  # models that can be talked to side by side

Change = Callable[[Conversation], Conversation]
_Item = TypeVar("_Item")


class Session:
    """The conversations of one page, one for each lane, and its language.

    Whoever changes what was said takes a ticket; a reply that still grows under an older ticket
    can no longer be stored. So a stopped or overtaken reply leaves no trace, in whatever order
    the events arrive.
    """

    def __init__(self, model: str | None = "") -> None:
        self.key = next(_KEYS)  # of this page; unlike id() none that went before had it
        self.language: Language = "en"
        self.models: list[str | None] = [model, *[None] * (LANES - 1)]  # None: an empty lane
        self.conversations = [Conversation()] * LANES
        self.busy = False  # whether whoever took the last ticket is a reply that grows
        self._ticket = 0
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Session":
        return Session(self.models[0])  # each page gets its own from the one that gradio was given

    @property
    def lanes(self) -> list[int]:
        """The lanes in which a model answers."""
        return [lane for lane, model in enumerate(self.models) if model is not None]

    def heading(self, lane: int) -> str:
        """What stands above a lane's panels: its model, where there are several."""
        return (self.models[lane] or "") if len(self.lanes) > 1 else ""

    def take_ticket(self, *, busy: bool = False) -> int:
        """The right to store replies, until somebody else takes it."""
        with self._lock:
            self.busy = busy
            self._ticket += 1
            return self._ticket

    def finish(self, ticket: int) -> bool:
        """End a reply; False if somebody else has taken the right since."""
        with self._lock:
            if ticket != self._ticket:
                return False
            self.busy = False
            return True

    def change(self, lane: int, change: Change, ticket: int | None = None) -> Conversation | None:
        """The conversation after a change; None, and nothing is changed, for an old ticket."""
        with self._lock:
            if ticket is not None and ticket != self._ticket:
                return None
            self.conversations[lane] = change(self.conversations[lane])
            return self.conversations[lane]


def together(streams: Mapping[int, Iterator[_Item]]) -> Generator[tuple[int, _Item], None, None]:
    """The items of several streams in turns, each with its stream's key.

    Closing this closes all of them.
    """
    waiting = dict(streams)
    try:
        while waiting:
            for key, stream in list(waiting.items()):
                try:
                    yield key, next(stream)
                except StopIteration:
                    del waiting[key]
    finally:
        for stream in streams.values():
            close = getattr(stream, "close", None)
            if close is not None:
                close()
