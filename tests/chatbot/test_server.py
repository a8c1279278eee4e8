"""The port, the headers and the refusals."""

import asyncio
import json
import socket
import threading
import urllib.request

import pytest

pytest.importorskip("uvicorn")

from chatbot.server import MAX_BODY, Harden, PortTaken, bind, serve  # noqa: E402

from .asgi import request  # noqa: E402


def call(path="/", headers=()):
    """Status, headers and body of a request through Harden to an app that says "inside"."""
    start, body = request(Harden, path, headers)
    return start["status"], dict(start["headers"]), body["body"]


@pytest.mark.parametrize("path", ["/", "/gradio_api/upload"])
def test_every_answer_has_the_security_headers(path):
    _, headers, _ = call(path)
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy and "frame-src 'none'" in policy
    assert "http:" not in policy and "*" not in policy
    assert headers[b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/gradio_api/queue/join", [(b"content-length", b"%d" % MAX_BODY)], 200),
        ("/gradio_api/queue/join", [(b"content-length", b"%d" % (MAX_BODY + 1))], 413),
        ("/gradio_api/queue/join", [(b"content-length", b"-1")], 413),
        ("/gradio_api/upload", [], 403),
        ("/gradio_api/upload/", [], 403),
        ("/upload", [], 403),
        ("/gradio_api/upload_progress", [], 200),
    ],
)
def test_refusals(path, headers, status):
    found, _, body = call(path, headers)
    assert found == status
    assert (body == b"inside") == (status == 200)


def send_chunks(app, *chunks, path="/"):
    """Statuses and bodies of what Harden sends where a body of ``chunks`` has no length."""
    sent, waiting = [], list(chunks)

    async def receive():
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    asyncio.run(Harden(app)({"type": "http", "path": path, "headers": []}, receive, send))
    starts = [message["status"] for message in sent if "status" in message]
    return starts, b"".join(message.get("body", b"") for message in sent)


async def reader(scope, receive, send):
    """Says how many bytes it has read; gives up where its client does."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RuntimeError("the client has gone")
        size, more = size + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


async def guard(scope, receive, send):
    """Answers even where the reader gives up."""
    try:
        await reader(scope, receive, send)
    except RuntimeError:
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b"secret"})


@pytest.mark.parametrize("app", [reader, guard])
def test_a_body_in_chunks_is_bounded_too(app):
    half = b"x" * (MAX_BODY // 2)
    assert send_chunks(app, half, half) == ([200], b"%d" % MAX_BODY)
    statuses, body = send_chunks(app, half, half, b"x", half)
    assert statuses == [413] and b"larger than" in body and b"secret" not in body


def test_an_apps_own_failure_is_not_hidden():
    async def broken(scope, receive, send):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        send_chunks(broken, b"x")


@pytest.mark.parametrize(("path", "kind"), [("/v1/chat/completions", dict), ("/api/chat", str)])
def test_a_refusal_is_in_the_form_that_the_programs_of_a_route_read(path, kind):
    _, _, body = call(path, [(b"content-length", b"%d" % (MAX_BODY + 1))])
    assert isinstance(json.loads(body)["error"], kind)


def test_other_traffic_passes():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Harden(app)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


def test_a_taken_port_names_a_free_one():
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            bind("127.0.0.1", port)
        free = int(str(caught.value).rsplit(" ", 1)[1].rstrip("."))
        bind("127.0.0.1", free).close()
        assert f"Port {port} is taken" in str(caught.value) and free > port


def test_an_address_of_another_machine_cannot_be_bound():
    with pytest.raises(OSError) as caught:
        bind("198.51.100.7", 0)
    assert not isinstance(caught.value, PortTaken)


def test_the_socket_accepts_connections_at_once():
    with bind("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=5).close()


@pytest.mark.parametrize(
    ("trusted", "told"),
    [(None, "127.0.0.1"), ("198.51.100.1", "127.0.0.1"), ("127.0.0.1", "198.51.100.7")],
)
def test_who_asks_is_told_by_a_trusted_proxy_only(trusted, told):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["client"][0].encode()})

    ready, listener = threading.Event(), bind("127.0.0.1", 0)
    arguments = (app, listener, ready.set, trusted)
    threading.Thread(target=serve, args=arguments, daemon=True).start()
    assert ready.wait(30)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    asked = urllib.request.Request(address, headers={"X-Forwarded-For": "198.51.100.7"})
    with urllib.request.urlopen(asked, timeout=10) as response:
        assert response.read().decode() == told
