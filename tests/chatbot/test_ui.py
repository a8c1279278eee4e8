"""The page's server side: what the API answers, what it refuses, and that it asks nobody."""

import html
import json
import socket
import subprocess
import sys
import threading

import pytest

pytest.importorskip("gradio")

from fastapi import FastAPI  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from chatbot import page_text, ui  # noqa: E402
from chatbot.api import build_api  # noqa: E402
from chatbot.api_work import Desk  # noqa: E402
from chatbot.bounds import TOO_LATE, TOO_OFTEN, Bounds  # noqa: E402
from chatbot.dialog import Settings  # noqa: E402
from chatbot.page_chatbot import TextChatbot, escape_markup, unescape_markup  # noqa: E402
from chatbot.server import bind, serve  # noqa: E402
from chatbot.strings import LABELS, SENTENCES  # noqa: E402

from .echo import ANSWERS, EchoResponder, EchoShelf  # noqa: E402
from .payloads import PAYLOADS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pandas, in gradio


@pytest.fixture(scope="module")
def asked():
    """Names that were looked up and addresses that were connected to, but for this machine's."""
    return []


@pytest.fixture(scope="module")
def client(asked):
    patch = pytest.MonkeyPatch()
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def note(host):
        if host not in ("127.0.0.1", "localhost", "::1", None):
            asked.append(host)

    def getaddrinfo(host, *arguments, **options):
        note(host)
        return look_up(host, *arguments, **options)

    def connect_(self, address):
        note(address[0] if isinstance(address, tuple) else None)
        return connect(self, address)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    patch.setattr(socket.socket, "connect", connect_)
    shelf = EchoShelf(EchoResponder("a <b>card</b>"), EchoResponder("parrot", "Well: "))
    app = FastAPI()

    @app.get("/mine")
    def mine() -> str:
        return "still here"

    assert ui.mount(app, shelf, Settings(seed=3)) is app
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client
    patch.undo()


def call(client, *data):
    """The last event of the API endpoint ``chat``: its name and its data."""
    body = json.dumps({"data": [*data, *[None] * (4 - len(data))]}, ensure_ascii=True)
    headers = {"content-type": "application/json"}
    posted = client.post("/gradio_api/call/chat", content=body, headers=headers)
    if posted.status_code != 200:
        return posted.status_code, posted.text
    stream = client.get(f"/gradio_api/call/chat/{posted.json()['event_id']}").text
    events = [event.split("\n") for event in stream.split("\n\n") if event.strip()]
    name, data = events[-1][0], events[-1][1]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def chat(client, *data):
    """A reply of the endpoint."""
    event, found = call(client, *data)
    assert event == "complete"
    return found[0]


def refusal(client, *data):
    """The sentence with which the endpoint refuses."""
    event, found = call(client, *data)
    assert event == "error"
    return found["error"]


def test_the_page_is_served_with_its_title_and_the_app_keeps_its_routes(client):
    page = client.get("/")
    assert page.status_code == 200
    assert LABELS["en"]["title"] in page.text and "chatPage" in page.text
    assert "a &lt;b&gt;card" in json.dumps(client.get("/config").json())
    assert client.get("/mine").json() == "still here"
    assert "default-src 'self'" in client.get("/mine").headers["content-security-policy"]


def test_chat_is_the_only_endpoint_that_can_be_seen(client):
    info = client.get("/gradio_api/info").json()
    assert list(info["named_endpoints"]) == ["/chat"] and not info["unnamed_endpoints"]
    parameters = info["named_endpoints"]["/chat"]["parameters"]
    assert [each["parameter_name"] for each in parameters] == [
        *("message", "history", "model", "settings")
    ]


def test_a_reply_comes_with_what_it_was_made_from(client):
    history = [["one", "two"]]
    found = chat(client, "hello there", history, "parrot", {"mode": "sampling", "seed": 5})
    assert found["text"] == "Well: " + ANSWERS["en"]
    assert found["source"] == "one <sep> two <sep> hello there"
    assert (found["seed"], found["model"], found["kind"]) == (5, "parrot", "model")
    assert found["candidates"][0]["probability"] == pytest.approx(0.74, abs=0.01)
    alignment = found["alignment"]
    assert alignment["columns"][-1] == "there" and alignment["rows"][0] == "Well:"
    assert all(sum(row) == pytest.approx(1, abs=0.01) for row in alignment["weights"])


def test_calls_know_nothing_of_each_other(client):
    assert chat(client, "hello")["source"] == "hello"
    assert chat(client, "again")["source"] == "again"


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("你好", ANSWERS["zh"]),
        ("x" * 9_000, "x" * 80),
        ("好" * 9_000, "好" * 80),
        ("a\ud800b", ANSWERS["en"]),
        ("\u202eabc", ANSWERS["en"]),
    ],
    ids=["Chinese", "9 k", "9 k Chinese", "surrogate", "bidi"],
)
def test_every_message_gets_an_answer(client, message, answer):
    found = chat(client, message)
    assert found["text"] == answer and found["cut"] == (len(message) > 500)


@pytest.mark.parametrize(("message", "language"), [("boom", "en"), ("crack 爆炸", "zh")])
def test_a_failure_is_a_sentence_and_no_secret(client, message, language):
    sentence = refusal(client, message)
    assert sentence.startswith(SENTENCES[language]["failed"]) and "secret" not in sentence
    assert chat(client, "hello")["text"] == ANSWERS["en"]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (("",), "message is empty: write a few words."),
        ((" \n\u200b\0",), "message is empty: write a few words."),
        ((12,), "message is 12, but must be a text."),
        ((None,), "message is missing, but must be a text."),
        (("x" * 100_000,), "message has 100000 characters, but may have 10000 at most."),
        (("x", "forged"), 'history is "forged", but must be a list.'),
        (("x", [["a"]]), "history[0] has 1 texts, but must be a pair"),
        (("x", [["a", 3]]), "history[0][1] is 3, but must be a text."),
        (("x", [{"role": "root", "content": "x"}]), "history[0].role is"),
        (("x", [], "../../etc"), 'There is no model "../../etc": choose among'),
        (("x", [], 3), "There is no model 3"),
        (("x", [], "", "beam"), "settings must be an object"),
        (("x", [], "", {"mode": "dance"}), "mode is 'dance', but must be one of greedy"),
        (("x", [], "", {"beam": 99}), "beam is 99, but must be a whole number from 1 to 20."),
        (("x", [], "", {"beam": 2.5}), "beam is 2.5"),
        (("x", [], "", {"temperature": -1}), "temperature is -1"),
        (("x", [], "", {"temprature": 1}), "There is no setting 'temprature'"),
        (("x", [], "", {"fallback": "yes"}), "fallback is 'yes', but must be true or false."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(client, data, sentence):
    found = refusal(client, *data)
    assert found.startswith(sentence) and "\n" not in found
    assert chat(client, "hello")["text"] == ANSWERS["en"]


def test_a_message_of_megabytes_is_refused_in_a_sentence(client):
    status, body = call(client, "x" * 5_000_000)
    assert status == 413 and "larger than" in body


PROGRAM = """
import json, sys
from gradio_client import Client, exceptions
client = Client(sys.argv[1], verbose=False, analytics_enabled=False)
found = [client.predict("\u4f60\u597d", api_name="/chat")["text"]]
settings = {"mode": "beam", "beam": 2}
found.append(len(client.predict("hi", settings=settings, api_name="/chat")["candidates"]))
try:
    client.predict("hi", settings={"beam": 99}, api_name="/chat")
except exceptions.AppError as error:
    found.append(str(error))
print(json.dumps(found))
"""


def test_gradio_client_reads_a_reply_and_a_refusal():
    """In a process of its own, over a real socket, as programs do."""
    ready, listener = threading.Event(), bind("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = ui.mount(FastAPI(), EchoShelf())
    threading.Thread(target=serve, args=(app, listener, ready.set), daemon=True).start()
    assert ready.wait(30)
    program = [sys.executable, "-c", PROGRAM, address]
    answer = subprocess.run(program, capture_output=True, text=True, timeout=120, check=True)
    text, count, sentence = json.loads(answer.stdout)
    assert (text, count) == (ANSWERS["zh"], 2)
    assert sentence == "beam is 99, but must be a whole number from 1 to 20."


def test_an_address_is_counted_once_by_all_ways():
    desk = Desk(Bounds(requests=2))
    shelf = EchoShelf()
    app = ui.mount(build_api(shelf, desk=desk), shelf, bounds=desk.bounds, rate=desk.rate)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.post("/api/chat", json={"message": "hello"}).status_code == 200
        assert chat(client, "hello")["text"] == ANSWERS["en"]
        assert refusal(client, "hello") == TOO_OFTEN
        assert client.post("/api/chat", json={"message": "hello"}).status_code == 429


def say(client, session, message):
    """What the server tells a page that sends a message, as the page's script does."""
    config = client.get("/config").json()
    values = {each["id"]: each["props"].get("value") for each in config["components"]}
    [box] = [each["id"] for each in config["components"] if each["props"].get("elem_id") == "msg"]
    [event] = [each for each in config["dependencies"] if [box, "submit"] in each["targets"]]
    data = [message if each == box else values[each] for each in event["inputs"]]
    body = {"data": data, "fn_index": event["id"], "session_hash": session}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    told = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
    return json.dumps([json.loads(line[6:]) for line in told.split("\n") if line[:5] == "data:"])


def test_new_pages_of_an_address_are_counted_together_and_with_its_programs():
    desk, shelf = Desk(Bounds(requests=3)), EchoShelf()
    app = ui.mount(build_api(shelf, desk=desk), shelf, bounds=desk.bounds, rate=desk.rate)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for session in ("one", "two", "three"):
            told = say(client, session, "hello")
            assert ANSWERS["en"] in told and LABELS["en"]["often"] not in told
        told = say(client, "four", "hello")
        assert ANSWERS["en"] not in told and LABELS["en"]["often"] in told
        assert client.post("/api/chat", json={"message": "hello"}).status_code == 429


def test_a_reply_that_takes_too_long_is_given_up():
    app = ui.mount(FastAPI(), EchoShelf(), bounds=Bounds(reply_seconds=0.3))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert refusal(client, "slow please") == TOO_LATE


def test_nonsense_at_the_pages_own_events_leaves_the_server_unharmed(client):
    for index in range(60):
        body = {"data": [[]] * 17, "fn_index": index, "session_hash": "forged"}
        client.post("/gradio_api/queue/join", json=body)
        client.post("/gradio_api/run/predict", json=body)
    assert chat(client, "hello")["text"] == ANSWERS["en"]


@pytest.mark.parametrize("path", ["run/chat", "api/chat", "run/predict"])
def test_what_a_model_answers_cannot_be_had_beside_the_queue(client, path):
    events = client.get("/config").json()["dependencies"]
    queued = [event["id"] for event in events if event["queue"]]
    assert len(queued) > 5
    for event in queued if path == "run/predict" else [None]:
        body = {"data": ["hello", None, "", None], "fn_index": event}
        assert client.post(f"/gradio_api/{path}", json=body).status_code == 404


def test_uploads_are_refused(client):
    answer = client.post("/gradio_api/upload", files={"files": ("a.txt", b"x")})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/gradio_api/file=/etc/passwd", "/file=setup.py", "/monitoring"])
def test_files_and_internals_are_not_served(client, path):
    assert client.get(path).status_code >= 400 or "root:" not in client.get(path).text


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_escaping_is_undone_exactly_and_leaves_no_tag(payload):
    escaped = escape_markup(payload)
    assert unescape_markup(escaped) == payload
    assert html.unescape(escaped) == payload
    assert not any(f"<{letter}" in escaped.lower() for letter in "abcdefghijklmnopqrstuvwxyz/!?")


def test_plain_text_is_not_escaped():
    for text in ("Tom & Jerry", "1 < 2 <3", "R&D", "5 > 4"):
        assert escape_markup(text) == text


@pytest.mark.parametrize(
    "content",
    [
        {"path": "/etc/passwd"},
        {"type": "file", "file": {"path": "/etc/passwd"}},
        {"type": "component", "component": "html", "value": "x"},
        None,
    ],
)
def test_a_message_that_is_no_text_is_refused(content):
    chatbot = TextChatbot(render=False)
    for method in (chatbot._postprocess_content, chatbot._preprocess_content):
        with pytest.raises(ValueError, match="a message is text"):
            method(content)


def test_every_text_of_the_page_exists_in_both_languages():
    locales = page_text.I18N.translations_dict
    assert {"en", "zh", "zh-CN"} <= set(locales)
    assert all(set(texts) == set(locales["en"]) for texts in locales.values())


def test_nobody_outside_was_asked(client, asked):
    chat(client, "hello")
    assert asked == []
