"""A login before everything that the chat serves: HTTP Basic for browsers, Bearer for programs."""

from asyncio import sleep

from starlette.types import ASGIApp, Receive, Scope, Send

from .credentials import Credentials
from .server import respond

DELAY = 1.0  # seconds before a wrong password is told so
ASK = ((b"www-authenticate", b'Basic realm="chat", charset="UTF-8"'),)


class Gate:
    """Pure ASGI middleware: who does not give the credentials gets nothing but a 401.

    ``/healthz`` says that the chat is alive to anyone, and no more than that.
    """

    def __init__(self, app: ASGIApp, credentials: Credentials) -> None:
        self.app = app
        self.credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization")
        if given is not None and self.credentials.admit(given):
            await self.app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"] == "/healthz" and scope["method"] == "GET":
            await respond(scope, send, 200, {"status": "ok"})
        else:
            if given is not None:
                await sleep(DELAY)
            await respond(scope, send, 401, "Log in: user and password are needed.", ASK)
