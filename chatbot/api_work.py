"""Replies that grow in threads while a server of coroutines waits: bounded in number and time."""

import json
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse

from .api_input import Refused
from .bounds import TOO_LATE, TOO_OFTEN, Bounds, Rate
from .dialog import Message, Responder, Settings, Shelf
from .turn import Turn, answer

logger = logging.getLogger(__name__)


class Desk:
    """Where replies are asked for: it has a number of places, and refuses whoever finds none."""

    def __init__(self, bounds: Bounds = Bounds()) -> None:
        self.bounds = bounds
        self.places = CapacityLimiter(bounds.waiting)
        self.threads = CapacityLimiter(bounds.waiting)
        self.rate = Rate(bounds.requests)

    def admit(self, request: Request) -> None:
        """Count a request of an address.

        Raises:
            Refused: where it has asked too often
        """
        if not self.rate.admit(address(request)):
            raise Refused(TOO_OFTEN, 429, "rate_limit")

    def begin(
        self, responder: Responder, message: str, history: Sequence[Message], settings: Settings
    ) -> "Growing":
        """Start a reply to ``message`` after ``history``.

        Raises:
            Refused: where too many are in the making
        """
        growing = Growing(responder, message, history, settings, self)
        try:
            self.places.acquire_on_behalf_of_nowait(growing)
        except anyio.WouldBlock:
            raise _busy() from None
        return growing


class Growing:
    """The turns of one reply as they come; :meth:`close` ends the work and frees the place."""

    def __init__(
        self,
        responder: Responder,
        message: str,
        history: Sequence[Message],
        settings: Settings,
        desk: Desk,
    ) -> None:
        self._desk = desk
        self._turns = answer(responder, message, history, settings, desk.bounds)
        self._open = True

    def __aiter__(self) -> "Growing":
        return self

    async def __anext__(self) -> Turn:
        """The next turn.

        Raises:
            Refused: if the reply fails, or takes too long
        """
        turn = await to_thread.run_sync(next, self._turns, None, limiter=self._desk.threads)
        if turn is None:
            raise StopAsyncIteration
        if turn.notice == "late":
            raise Refused(TOO_LATE, 503, "timeout")
        if turn.notice == "busy":
            raise _busy()
        if turn.notice == "failed":
            raise Refused(f"The reply failed; the server's log has it as {turn.reference}.", 500)
        return turn

    async def close(self) -> None:
        """End the work; whatever had been asked of the model is freed."""
        if self._open:
            self._open = False
            with CancelScope(shield=True):
                try:
                    await to_thread.run_sync(self._turns.close, limiter=self._desk.threads)
                finally:
                    self._desk.places.release_on_behalf_of(self)


class EventStream(StreamingResponse):
    """Server-sent events; however the response ends, ``growing`` is closed."""

    def __init__(self, events: AsyncIterator[str], growing: Growing) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self.growing = growing

    async def __call__(self, *arguments: Any) -> None:
        try:
            await super().__call__(*arguments)
        finally:
            await self.growing.close()


async def load(shelf: Shelf, name: str) -> Responder:
    """A model of the shelf, loaded in a thread.

    Raises:
        Refused: where it cannot be loaded
    """
    try:
        return await to_thread.run_sync(shelf.get, name)
    except ValueError as error:
        raise Refused(str(error), 503) from error


async def finish(growing: Growing, request: Request) -> Turn:
    """The whole turn; a client that has gone ends the work."""
    last = Turn("")
    try:
        async for turn in growing:
            if await request.is_disconnected():
                raise ClientDisconnect
            last = turn
    finally:
        await growing.close()
    return last


async def start_events(
    growing: Growing,
    events: Callable[[AsyncIterator[Turn]], AsyncIterator[str]],
    fault: Callable[[Refused], Mapping[str, Any]],
) -> EventStream:
    """A stream of events, begun when the first turn is there: until then a fault has a status.

    Args:
        growing: the reply
        events: what is sent for its turns
        fault: what is sent for a fault later on
    """
    try:
        first = await anext(growing)
    except BaseException:
        await growing.close()
        raise

    async def turns() -> AsyncIterator[Turn]:
        yield first
        async for turn in growing:
            yield turn

    async def told() -> AsyncIterator[str]:
        try:
            async for each in events(turns()):
                yield each
        except Exception as error:
            yield event(fault(as_refused(error)))

    return EventStream(told(), growing)


def address(request: Any) -> str:
    """Who asks, for :class:`Rate`: of a request of Starlette's, or of Gradio's."""
    return str(request.client.host) if request.client else ""


def _busy() -> Refused:
    return Refused("The server is busy: try again in a moment.", 429, "busy")


def event(content: Mapping[str, Any] | str) -> str:
    """One server-sent event; ``content`` is sent as JSON unless it is a text."""
    data = content if isinstance(content, str) else json.dumps(content)
    return f"data: {data}\n\n"


def as_refused(error: Exception) -> Refused:
    """What a client is told of an exception; the unforeseen goes to the log, with a reference."""
    if isinstance(error, Refused):
        return error
    reference = secrets.token_hex(3)
    logger.error("A request failed (reference %s)", reference, exc_info=error)
    return Refused(f"Something went wrong; the server's log has it as {reference}.", 500)
