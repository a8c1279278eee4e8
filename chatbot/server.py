"""What stands between the page and the network: the port, the security headers, the shutdown."""

import errno
import json
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1 << 20  # bytes; the page posts the whole conversation with each turn
TOO_LARGE = f"The request is larger than {MAX_BODY} bytes."
GRACE = 1  # seconds that open connections get at the end

HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio's page needs both
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'none'",
            "object-src 'none'",
            "form-action 'self'",
            "base-uri 'self'",
            "frame-ancestors 'self'",
        )
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class PortTaken(OSError):
    """The port is in use; the sentence names the next free one."""


class Harden:
    """Pure ASGI middleware: security headers, no uploads, no huge bodies, whole or in chunks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        refusal = _refusal(scope)
        if refusal is None:
            await _Bounded(self.app, receive, send_hardened).run(scope)
        else:
            await respond(scope, send_hardened, *refusal)


class _Bounded:
    """One request to an app, which is cut off where the body grows beyond :data:`MAX_BODY`.

    A body in chunks has no length to look at beforehand.
    """

    def __init__(self, app: ASGIApp, receive: Receive, send: Send) -> None:
        self.app, self.receive, self.send = app, receive, send
        self.size = 0
        self.answered = False

    @property
    def exceeds(self) -> bool:
        return self.size > MAX_BODY

    async def run(self, scope: Scope) -> None:
        """Let the app answer; what it says to a body that was cut off is not sent."""
        try:
            await self.app(scope, self._receive, self._send)
        except Exception:
            if not self.exceeds:
                raise
        if self.exceeds and not self.answered:
            await respond(scope, self.send, 413, TOO_LARGE)

    async def _receive(self) -> Message:
        if self.exceeds:
            return {"type": "http.disconnect"}
        message = await self.receive()
        self.size += len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.exceeds else message

    async def _send(self, message: Message) -> None:
        if self.answered or not self.exceeds:
            self.answered = True
            await self.send(message)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any.

    Raises:
        PortTaken: if the port is in use
        OSError: if the address cannot be used at all
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTaken(
            f"Port {port} is taken: choose another, for example --port {_next_free(host, port)}."
        ) from error
    return listener


def serve(
    app: ASGIApp,
    listener: socket.socket,
    on_ready: Callable[[], None],
    trusted_proxy: str | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; ``on_ready`` is called when the page can be opened.

    Pages that are open at the end, with their event streams, are cut after :data:`GRACE`. Who asks
    is told by ``X-Forwarded-For`` only where that comes from ``trusted_proxy``, since anybody can
    write it.
    """

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                on_ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_level=logging.WARNING,
        access_log=False,
        proxy_headers=trusted_proxy is not None,
        forwarded_allow_ips=trusted_proxy,
        timeout_graceful_shutdown=GRACE,
    )
    Server(config).run(sockets=[listener])


def _next_free(host: str, port: int) -> int:
    for candidate in range(port + 1, min(port + 100, 65535) + 1):
        try:
            bind(host, candidate).close()
        except OSError:
            continue
        return candidate
    return 0


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """Status and sentence for a request that the app shall not see."""
    if scope["path"].rstrip("/").endswith("/upload"):
        return 403, "Uploads are not accepted."
    length = dict(scope["headers"]).get(b"content-length", b"0")
    if not length.isdigit() or int(length) > MAX_BODY:
        return 413, TOO_LARGE
    return None


async def respond(
    scope: Scope,
    send: Send,
    status: int,
    content: str | Mapping[str, Any],
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """A short answer as JSON. A sentence is a refusal; under /v1 as OpenAI's clients read it."""
    if isinstance(content, str):
        error: Any = content
        if scope["path"].startswith("/v1/"):
            kind = "invalid_request_error"
            error = {"message": content, "type": kind, "param": None, "code": None}
        content = {"error": error}
    body = json.dumps(content).encode()
    always = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    start = {"type": "http.response.start", "status": status, "headers": [*always, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
