"""A request through a middleware, without a server."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any


def request(
    wrap: Callable[[Any], Any],
    path: str = "/",
    headers: Sequence[tuple[bytes, bytes]] = (),
    method: str = "GET",
    kind: str = "http",
) -> list[dict[str, Any]]:
    """What is sent where ``wrap`` stands before an app that says "inside"."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "headers": list(headers), "method": method}
    asyncio.run(wrap(app)(scope, None, send))
    return sent
