"""Nothing comes out without the login."""

import json

import pytest

pytest.importorskip("starlette")

from chatbot import gate  # noqa: E402
from chatbot.credentials import Credentials  # noqa: E402

from .asgi import request  # noqa: E402

RIGHT = [(b"authorization", b"Bearer correct horse")]
WRONG = [(b"authorization", b"Bearer wrong horse")]


@pytest.fixture(autouse=True)
def delays(monkeypatch):
    """What a wrong password waits, without waiting."""
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr(gate, "sleep", sleep)
    return waited


def call(path="/", headers=(), method="GET", kind="http"):
    """What a request to an app that says "inside" gets."""
    login = Credentials("ann", "correct horse")
    return request(lambda app: gate.Gate(app, login), path, headers, method, kind)


@pytest.mark.parametrize("path", ["/", "/api/chat", "/gradio_api/queue/join", "/assets/x.js"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_without_it_everything_is_refused(path, method, delays):
    start, body = call(path, method=method)
    assert start["status"] == 401
    assert (b"www-authenticate", b'Basic realm="chat", charset="UTF-8"') in start["headers"]
    assert json.loads(body["body"]) == {"error": "Log in: user and password are needed."}
    assert delays == []


def test_a_wrong_password_waits(delays):
    assert call(headers=WRONG)[0]["status"] == 401
    assert delays == [gate.DELAY]


def test_with_it_the_app_answers(delays):
    assert call(headers=RIGHT)[1]["body"] == b"inside"
    assert delays == []


def test_openais_clients_get_their_form():
    error = json.loads(call("/v1/chat/completions")[1]["body"])["error"]
    assert error["message"] == "Log in: user and password are needed."


def test_anyone_may_learn_that_it_is_alive_and_no_more():
    start, body = call("/healthz")
    assert start["status"] == 200
    assert json.loads(body["body"]) == {"status": "ok"}
    assert call("/healthz", method="POST")[0]["status"] == 401
    assert call("/healthz", RIGHT)[1]["body"] == b"inside"


def test_a_websocket_is_closed():
    assert call(kind="websocket") == [{"type": "websocket.close", "code": 1008}]


def test_the_server_may_start():
    assert call(kind="lifespan")
