"""The routes for programs: what they answer, what they refuse in one sentence, what they free."""

import json
import queue
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient  # noqa: E402

from chatbot.api import build_api  # noqa: E402
from chatbot.api_input import MAX_BODY, MAX_MESSAGES, MAX_SENTENCE, MAX_TEXT  # noqa: E402
from chatbot.api_work import Desk  # noqa: E402
from chatbot.bounds import Bounds  # noqa: E402
from chatbot.dialog import Card, Reply, Settings  # noqa: E402

from .echo import ANSWERS, EchoResponder, EchoShelf  # noqa: E402

HI = [{"role": "user", "content": "hi"}]


class Recorder(EchoResponder):
    """Remembers what it was asked; an event tells that a reply was closed before its end."""

    def __init__(self):
        super().__init__("recorder")
        self.dialog, self.settings = None, None
        self.closed = threading.Event()

    def reply(self, dialog, settings):
        self.dialog, self.settings = list(dialog), settings
        try:
            yield from super().reply(dialog, settings)
        except GeneratorExit:
            self.closed.set()
            raise


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def client(recorder):
    return TestClient(build_api(EchoShelf(recorder, EchoResponder("parrot", "Well: "))))


def post(client, path, fields):
    """A request in ASCII, so that it can hold what is no text."""
    headers = {"content-type": "application/json"}
    return client.post(path, content=json.dumps(fields), headers=headers)


def ask(client, **fields):
    return post(client, "/api/chat", fields)


def complete(client, **fields):
    return post(client, "/v1/chat/completions", {"messages": HI, **fields})


def events(response):
    """The content of server-sent events."""
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in response.text.split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    return [line.removeprefix("data: ") for line in lines]


def test_health_tells_version_and_models(client):
    found = client.get("/healthz").json()
    assert found["status"] == "ok" and found["models"] == ["recorder", "parrot"]
    assert isinstance(found["version"], str)


def test_every_model_has_its_card(client):
    first, second = client.get("/api/models").json()["models"]
    assert (first["name"], second["name"]) == ("recorder", "parrot")
    assert first["parameters"] == 1_640_000 and first["scores"] == {"perplexity": "3.21"}


def test_a_model_that_cannot_be_loaded_has_a_sentence_for_a_card():
    class Shelf(EchoShelf):
        def get(self, name=None):
            if name == "parrot":
                raise ValueError("The model 'parrot' cannot be loaded.")
            return super().get(name)

    client = TestClient(build_api(Shelf()))
    first, second = client.get("/api/models").json()["models"]
    assert first["licence"] == "MIT"
    assert second == {"name": "parrot", "error": "The model 'parrot' cannot be loaded."}
    assert ask(client, message="hi", model="parrot").status_code == 503


def test_the_cards_may_be_asked_for_as_often_as_replies():
    client = TestClient(build_api(EchoShelf(), desk=Desk(Bounds(requests=1))))
    assert [client.get("/api/models").status_code for _ in range(2)] == [200, 429]


def test_a_reply_is_whole(client):
    found = ask(client, message="How are you?", settings={"mode": "beam", "beam": 2}).json()
    assert found["text"] == ANSWERS["en"] and found["source"] == "how are you"
    assert len(found["candidates"]) == 2 and found["candidates"][0]["text"] == found["text"]
    rows, weights = found["alignment"]["rows"], found["alignment"]["weights"]
    assert len(rows) == len(weights) and len(weights[0]) == len(found["alignment"]["columns"])
    assert found["model"] == "recorder" and found["tokens"] > 0 and found["attends"] is True
    assert found["kind"] == "model" and found["seed"] is None and found["cut"] is False


@pytest.mark.parametrize(
    "history",
    [
        [["one", "two"]],
        [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}],
        [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "one"}]},
            {"role": "assistant", "content": "two"},
        ],
    ],
)
def test_history_in_either_form(client, recorder, history):
    assert ask(client, message="three", history=history).status_code == 200
    said = [(message.role, message.text) for message in recorder.dialog]
    assert said == [("user", "one"), ("assistant", "two"), ("user", "three")]


def test_settings_of_a_request_stand_over_those_of_the_server(recorder):
    client = TestClient(build_api(EchoShelf(recorder), Settings(mode="beam", beam=3)))
    ask(client, message="hi", settings={"topk": 5})
    assert recorder.settings == Settings(mode="beam", beam=3, topk=5)


def test_another_model_by_its_name(client):
    assert ask(client, message="hi", model="parrot").json()["text"].startswith("Well: ")


def test_a_long_message_is_cut_and_said_to_be(client, recorder):
    assert ask(client, message="x" * 600).json()["cut"] is True
    assert len(recorder.dialog[-1].text) == 500


def test_a_growing_reply_as_events(client):
    *growing, last = map(json.loads, events(ask(client, message="hi", stream=True)))
    texts = [each["text"] for each in growing]
    assert len(texts) > 5 and all(not each["done"] for each in growing)
    assert all(late.startswith(early) for early, late in zip(texts, texts[1:], strict=False))
    whole = ask(client, message="hi").json()
    assert last == {**whole, "done": True}


BAD = [
    ({"message": 7}, "message is 7, but must be a text."),
    ({}, "message is missing, but must be a text."),
    ({"message": None}, "message is missing, but must be a text."),
    ({"message": ""}, "message is empty"),
    ({"message": " \u200b\n"}, "message is empty"),
    ({"message": ["hi"]}, "message is a list, but must be a text."),
    ({"message": "x" * 10_001}, "message has 10001 characters, but may have 10000"),
    ({"message": "hi", "colour": "red"}, "There is no field 'colour'"),
    ({"message": "hi", "\ud800": 1}, "There is no field '\\ud800'"),
    ({"message": "hi", "stream": 1}, "stream is 1, but must be true or false."),
    ({"message": "hi", "history": "x"}, 'history is "x", but must be a list.'),
    ({"message": "hi", "history": {}}, "history is an object, but must be a list."),
    ({"message": "hi", "history": [["a"]]}, "history[0] has 1 texts, but must be a pair"),
    ({"message": "hi", "history": [["a", None]]}, "history[0][1] is missing"),
    ({"message": "hi", "history": [["a", "b"], 3]}, "history[0] is a list, but must have a role"),
    ({"message": "hi", "history": [["a", "b"]] * 1001}, "history has 1001 entries"),
    (
        {"message": "hi", "history": [{"role": "tool", "content": "x"}]},
        'history[0].role is "tool", but must be one of user, assistant, system, developer.',
    ),
    ({"message": "hi", "history": [{"content": "x"}]}, "history[0].role is missing"),
    ({"message": "hi", "history": [{"role": ["user"], "content": "x"}]}, "role is a list"),
    ({"message": "hi", "history": [{"role": "user"}]}, "history[0].content is missing"),
    ({"message": "hi", "settings": []}, "settings must be an object"),
    ({"message": "hi", "settings": {"beam": 0}}, "beam is 0, but must be a whole number"),
    ({"message": "hi", "settings": {"beam": 2.5}}, "beam is 2.5, but must be"),
    ({"message": "hi", "settings": {"beam": True}}, "beam is True, but must be"),
    ({"message": "hi", "settings": {"beam": 10**400}}, "beam is 1000"),
    ({"message": "hi", "settings": {"topp": "0.5"}}, "topp is '0.5', but must be a number"),
    ({"message": "hi", "settings": {"mode": "dance"}}, "mode is 'dance', but must be one of"),
    ({"message": "hi", "settings": {"mode": []}}, "mode is [], but must be one of"),
    ({"message": "hi", "settings": {"path": "/etc"}}, "There is no setting 'path'"),
    (
        {"message": "hi", "settings": {"min_length": 50, "max_length": 3}},
        "min_length (50) is above",
    ),
    ({"message": "hi", "settings": {"seed": -1}}, "seed is -1, but must be"),
]


@pytest.mark.parametrize(("fields", "sentence"), BAD)
def test_bad_fields_are_one_clear_sentence(client, recorder, fields, sentence):
    response = ask(client, **fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert sentence in error and len(error) <= MAX_SENTENCE + 1 and "\n" not in error
    assert recorder.dialog is None


@pytest.mark.parametrize(
    "name", ["nobody", "../recorder", "", 7, [], {"a": 1}, "\ud800", "x" * 9999]
)
@pytest.mark.parametrize("route", [ask, complete])
def test_an_unknown_model_is_one_clear_sentence(client, route, name):
    response = (
        route(client, message="hi", model=name) if route is ask else route(client, model=name)
    )
    assert response.status_code == 404
    assert "There is no model " in response.text and len(response.text) < 500


BODIES = [
    (b"", "no JSON"),
    (b"{", "no JSON"),
    (b"\xff\xfe\x00", "no JSON"),
    (b'{"message": NaN}', "NaN is no number"),
    (b'{"message": "hi", "settings": {"topp": -Infinity}}', "-Infinity is no number"),
    (b"[" * 200_000, "no JSON"),
    (b'["hi"]', "must be a JSON object"),
    (b"null", "must be a JSON object"),
    (b'"hi"', "must be a JSON object"),
    (b'{"message": "hi", "settings": {"topp": 1e999}}', "topp is inf"),
    (b'{"message": "hi", "settings": {"seed": ' + b"9" * 5000 + b"}}", "no JSON"),
]


@pytest.mark.parametrize(("body", "sentence"), BODIES)
def test_a_bad_body_is_one_clear_sentence(client, body, sentence):
    headers = {"content-type": "application/json; charset=utf-8"}
    response = client.post("/api/chat", content=body, headers=headers)
    assert response.status_code == 400 and sentence in response.json()["error"]
    response = client.post("/v1/chat/completions", content=body, headers=headers)
    assert response.status_code == 400 and response.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_huge_body_is_refused(client, path, in_chunks):
    body = json.dumps({"message": "x" * MAX_BODY}).encode()
    content = iter([body[:1000], body[1000:]]) if in_chunks else body
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert response.status_code == 413 and "larger than" in response.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_sites_form_is_no_request(client, kind):
    response = client.post("/api/chat", content=b'{"message":"hi"}', headers={"content-type": kind})
    assert response.status_code == 415 and "application/json" in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/nowhere", 404),
        ("GET", "/api/chat", 405),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/v1/models/nobody", 404),
    ],
)
def test_an_unknown_address_is_one_clear_sentence(client, method, path, status):
    response = client.request(method, path)
    error = response.json()["error"]
    sentence = error["message"] if path.startswith("/v1") else error
    assert response.status_code == status and sentence.endswith(".")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("route", ["/api/chat", "/v1/chat/completions"])
def test_a_failure_has_a_reference_and_tells_nothing_else(client, route, stream, caplog):
    fields = {"message": "boom"} if "api" in route else {"messages": [{**HI[0], "content": "boom"}]}
    response = client.post(route, json={**fields, "stream": stream})
    error = response.json()["error"]
    sentence = error if "api" in route else error["message"]
    assert response.status_code == 500
    reference = sentence.rstrip(".").split()[-1]
    assert "secret" not in response.text and f"reference {reference}" in caplog.text
    assert ask(client, message="hi").status_code == 200


@pytest.mark.parametrize("route", ["/api/chat", "/v1/chat/completions"])
def test_a_failure_in_mid_stream_is_the_last_event(client, route):
    fields = (
        {"message": "crack"} if "api" in route else {"messages": [{**HI[0], "content": "crack"}]}
    )
    found = events(client.post(route, json={**fields, "stream": True}))
    assert len(found) > 1 and "error" in json.loads(found[-1]) and "secret" not in found[-1]


def test_what_nobody_foresaw_is_a_reference_too(caplog):
    class Shelf(EchoShelf):
        def get(self, name=None):
            raise KeyError("secret")

    client = TestClient(build_api(Shelf()))
    response = ask(client, message="hi")
    assert response.status_code == 500 and "secret" not in response.text
    assert "secret" in caplog.text


def test_a_model_with_too_much_to_do_says_so():
    class Full(EchoResponder):
        def reply(self, dialog, settings):
            raise queue.Full
            yield

    client = TestClient(build_api(EchoShelf(Full())))
    assert ask(client, message="hi").status_code == 429
    error = complete(client, stream=True)
    assert error.status_code == 429 and error.json()["error"]["type"] == "rate_limit_error"


def test_a_reply_that_takes_too_long_is_given_up(recorder):
    client = TestClient(build_api(EchoShelf(recorder), desk=Desk(Bounds(reply_seconds=0.3))))
    response = ask(client, message="slow please")
    assert response.status_code == 503 and "too long" in response.json()["error"]
    assert recorder.closed.wait(2)
    *_, last = events(complete(client, messages=[{**HI[0], "content": "slow please"}], stream=True))
    assert json.loads(last)["error"]["code"] == "timeout"


# --- the part of OpenAI's language


def test_the_models_in_openais_form(client):
    found = client.get("/v1/models").json()
    assert found["object"] == "list" and [m["id"] for m in found["data"]] == ["recorder", "parrot"]
    assert client.get("/v1/models/parrot").json() == found["data"][1]


def test_a_completion(client):
    found = complete(client, model="parrot").json()
    [choice] = found["choices"]
    assert found["object"] == "chat.completion" and found["model"] == "parrot"
    assert choice["message"] == {"role": "assistant", "content": f"Well: {ANSWERS['en']}"}
    assert choice["finish_reason"] == "stop" and choice["index"] == 0
    usage = found["usage"]
    assert usage["prompt_tokens"] == 1 and usage["completion_tokens"] > 5
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_completion_in_chunks_adds_up_to_the_whole(client):
    *found, done = events(complete(client, stream=True, stream_options={"include_usage": True}))
    *chunks, end = map(json.loads, found)
    assert done == "[DONE]" and end["choices"] == []
    whole = complete(client).json()
    assert end["usage"] == whole["usage"] and all(chunk["usage"] is None for chunk in chunks)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in (*chunks, end)}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    text = "".join(delta.get("content", "") for delta in deltas)
    assert text == whole["choices"][0]["message"]["content"] and len(deltas) > 8
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert reasons == [None] * (len(reasons) - 1) + ["stop"]


def test_without_being_asked_a_stream_tells_no_usage(client):
    *chunks, done = events(complete(client, stream=True))
    assert done == "[DONE]" and all("usage" not in json.loads(chunk) for chunk in chunks)


def test_several_choices_are_different_texts(client, recorder):
    choices = complete(client, n=3).json()["choices"]
    assert [choice["index"] for choice in choices] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in choices}) == 3
    *chunks, _ = events(complete(client, n=3, stream=True))
    texts = {}
    for chunk in map(json.loads, chunks):
        [choice] = chunk["choices"]
        texts.setdefault(choice["index"], []).append(choice["delta"].get("content", ""))
    assert ["".join(texts[i]) for i in range(3)] == [c["message"]["content"] for c in choices]
    complete(client, n=9)
    assert recorder.settings.beam == 9


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"temperature": 0}, {"mode": "greedy"}),
        ({"temperature": 0.05}, {"mode": "greedy"}),
        ({"temperature": 1.5}, {"mode": "sampling", "temperature": 1.5}),
        ({"top_p": 0.3}, {"mode": "sampling", "topp": 0.3}),
        ({"top_p": 0}, {"mode": "sampling", "topp": 0.05}),
        ({"temperature": 0, "top_p": 1}, {"mode": "greedy", "topp": 1.0}),
        ({"max_tokens": 9}, {"max_length": 9}),
        ({"max_tokens": 9, "max_completion_tokens": 5}, {"max_length": 5}),
        ({"max_tokens": 100_000}, {"max_length": 200}),
        ({"seed": 11}, {"seed": 11}),
        ({"temperature": None, "seed": None, "max_tokens": None, "n": None}, {}),
        ({"tools": [], "stop": ["x"], "presence_penalty": 1, "user": "me"}, {}),
    ],
)
def test_openais_fields_become_settings(client, recorder, fields, expected):
    assert complete(client, **fields).status_code == 200
    assert recorder.settings == Settings(**expected)


def test_a_short_limit_is_no_contradiction_to_the_shortest_reply(recorder):
    client = TestClient(build_api(EchoShelf(recorder), Settings(min_length=5)))
    found = complete(client, max_tokens=2).json()
    assert (recorder.settings.min_length, recorder.settings.max_length) == (2, 2)
    assert found["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_its_limit_ended_says_so_whatever_its_tokens_are(stream):
    class Cut(EchoResponder):
        def reply(self, dialog, settings):
            yield Reply("I like", tokens=2, unfinished=True)

    found = complete(TestClient(build_api(EchoShelf(Cut()))), max_tokens=5, stream=stream)
    last = json.loads(events(found)[-2]) if stream else found.json()
    assert last["choices"][0]["finish_reason"] == "length"


def test_openais_messages_become_a_dialog(client, recorder):
    messages = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "developer", "content": "Speak Latin."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "th"}, {"type": "text", "text": "ree"}],
        },
    ]
    assert complete(client, messages=messages).status_code == 200
    said = [(message.role, message.text) for message in recorder.dialog]
    assert said == [("user", "one"), ("assistant", "two"), ("user", "th ree")]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"messages": None}, "messages is missing, but must be a list."),
        ({"messages": []}, "The last of the messages must be the user's."),
        ({"messages": [{"role": "system", "content": "x"}]}, "The last of the messages"),
        ({"messages": [*HI, {"role": "assistant", "content": "x"}]}, "The last of the messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "The last message is empty"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content is missing"),
        (
            {"messages": [{"role": "function", "content": "x"}, *HI]},
            'messages[0].role is "function"',
        ),
        ({"messages": ["hi"]}, 'messages[0] is "hi", but must have a role and a content.'),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0] is no text part: this model reads text only.",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "text is missing"),
        ({"messages": HI * 1001}, "messages has 1001 entries"),
        ({"temperature": 3}, "temperature is not a number from 0.0 to 2.0."),
        ({"temperature": "hot"}, "temperature is not a number"),
        ({"temperature": -1}, "temperature is not a number"),
        ({"top_p": 1.1}, "top_p is not a number from 0.0 to 1.0."),
        ({"max_tokens": 0}, "max_tokens is not a whole number of 1 or more."),
        ({"max_tokens": 1.5}, "max_tokens is not a whole number"),
        ({"max_completion_tokens": True}, "max_completion_tokens is not a whole number"),
        ({"n": 0}, "n is not a whole number from 1 to 20."),
        ({"n": 21}, "n is not a whole number from 1 to 20."),
        ({"seed": -5}, "seed is not a whole number"),
        ({"stream": "yes"}, 'stream is "yes", but must be true or false.'),
        ({"stream_options": 3}, "stream_options must be an object."),
        (
            {"stream_options": {"include_usage": 1}},
            "include_usage is 1, but must be true or false.",
        ),
    ],
)
def test_openais_clients_read_what_was_wrong(client, recorder, fields, sentence):
    response = complete(client, **fields)
    error = response.json()["error"]
    assert response.status_code == 400 and error["type"] == "invalid_request_error"
    assert sentence in error["message"] and set(error) == {"message", "type", "param", "code"}
    assert recorder.dialog is None


# --- over a real connection


@contextmanager
def server(app):
    """The port of a server in a thread."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            running.should_exit = True
            thread.join(10)


def connect(port, path, **fields):
    """An open connection on which a request was sent."""
    body = json.dumps(fields).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    return connection


def receive(connection, end):
    """What comes until ``end`` has come."""
    received = b""
    while end not in received:
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    return received


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize("stream", [True, False])
def test_a_dropped_connection_frees_the_work(recorder, stream):
    desk = Desk()
    message = "slow and long"
    with server(build_api(EchoShelf(recorder), desk=desk)) as port:
        connection = connect(port, "/api/chat", message=message, stream=stream)
        assert wait_for(lambda: desk.places.borrowed_tokens == 1)
        if stream:
            assert b"200 OK" in receive(connection, b"data: ")
        connection.close()
        assert recorder.closed.wait(2)
        assert wait_for(lambda: desk.places.borrowed_tokens == 0)


def test_whoever_finds_no_place_is_told_so_and_the_others_go_on(recorder):
    desk = Desk(Bounds(waiting=2))
    with server(build_api(EchoShelf(recorder), desk=desk)) as port:
        busy = [connect(port, "/api/chat", message="slow", stream=True) for _ in range(2)]
        assert wait_for(lambda: desk.places.borrowed_tokens == 2)
        refused = connect(port, "/v1/chat/completions", messages=HI)
        assert b" 429 " in receive(refused, b"rate_limit_error")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as healthy:
            healthy.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"200 OK" in receive(healthy, b"recorder")
        for connection in busy:
            receive(connection, b'"done": true')
            connection.close()
        refused.close()
        assert wait_for(lambda: desk.places.borrowed_tokens == 0)


def test_many_requests_at_once_are_all_answered(recorder):
    client = TestClient(build_api(EchoShelf(recorder)))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(ask(client, message="hi").status_code))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 20


def test_the_routes_need_no_gradio():
    import os
    import subprocess
    import sys

    code = (
        "import sys, chatbot.api; "
        "print({'gradio', 'torch', 'fairseq', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "set()"


def test_the_docs_state_the_limits():
    docs = (Path(__file__).resolve().parents[2] / "docs" / "serving.md").read_text("utf-8")
    for limit in (
        f"{MAX_TEXT:,} characters",
        f"{MAX_MESSAGES:,} messages",
        f"{MAX_BODY >> 10} KiB for these routes",
        f"{Bounds().waiting} through these routes",
        f"{Bounds().reply_seconds:.0f} seconds",
        f"the first {Bounds().message_length} are read",
        f"{Bounds().requests} for an address",
    ):
        assert limit in docs


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
def test_an_address_may_ask_so_often_in_a_minute(recorder, path):
    client = TestClient(build_api(EchoShelf(recorder), desk=Desk(Bounds(requests=2))))
    body = {"message": "hi"} if path == "/api/chat" else {"messages": HI}
    assert [client.post(path, json=body).status_code for _ in range(3)] == [200, 200, 429]
    assert "too many requests in a minute" in client.post(path, json=body).text
    assert client.get("/healthz").status_code == 200


def test_a_long_message_and_history_are_read_in_part(recorder):
    client = TestClient(build_api(EchoShelf(recorder), desk=Desk(Bounds(message_length=5))))
    asked = {"message": "abcdefgh", "history": [["ijklmnop", "qrstuvwx"]]}
    found = client.post("/api/chat", json=asked).json()
    assert found["cut"] is True
    assert [said.text for said in recorder.dialog] == ["ijklm", "qrstu", "abcde"]


def test_a_card_is_data(client):
    assert set(client.get("/api/models").json()["models"][0]) == set(Card.__dataclass_fields__)


def test_a_model_that_finds_no_words_is_a_reply():
    class Silent(EchoResponder):
        def reply(self, dialog, settings):
            yield Reply("What?", "hi")

    found = complete(TestClient(build_api(EchoShelf(Silent()))), n=3, stream=False).json()
    assert [choice["message"]["content"] for choice in found["choices"]] == ["What?"]
