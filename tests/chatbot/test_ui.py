"""The page's server side: what the API answers, what it refuses, and that it asks nobody."""

import json
import socket

import pytest

pytest.importorskip("gradio")

from starlette.testclient import TestClient  # noqa: E402

from chatbot import ui  # noqa: E402
from chatbot.dialog import MAX_MESSAGE_LENGTH, Settings  # noqa: E402
from chatbot.strings import LABELS, SENTENCES  # noqa: E402

from .echo import ANSWERS, EchoResponder  # noqa: E402
from .payloads import PAYLOADS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pandas, in gradio

CONTROLS = ["beam", 5, 1.0, 0.7, 0.9, 4, 60, 1]


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
    app = ui.build_app(ui.build_demo(EchoResponder(), Settings(), "a <b>card</b>"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client
    patch.undo()


def chat(client, message, controls=CONTROLS, **headers):
    """The last event of the API endpoint ``chat``: its name and its data."""
    data = json.dumps({"data": [message, *controls]}, ensure_ascii=True)
    headers = {"content-type": "application/json", **headers}
    posted = client.post("/gradio_api/call/chat", content=data, headers=headers)
    if posted.status_code != 200:
        return posted.status_code, posted.text
    stream = client.get(f"/gradio_api/call/chat/{posted.json()['event_id']}").text
    events = [event.split("\n") for event in stream.split("\n\n") if event.strip()]
    name, data = events[-1][0], events[-1][1]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_the_page_is_served_with_its_title(client):
    page = client.get("/")
    assert page.status_code == 200
    assert LABELS["en"]["title"] in page.text
    assert "a &lt;b&gt;card" in json.dumps(client.get("/config").json())


def test_health(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_reply_comes_with_its_attention_candidates_and_facts(client):
    event, data = chat(client, "hello there")
    assert event == "complete"
    text, _, attention, candidates, facts = data
    assert text == ANSWERS["en"]
    assert "<table" in attention and 'data-tip="hello' in attention
    assert "74 %" in candidates and "tokens/s" in facts


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("", SENTENCES["en"]["empty"]),
        (" \n\u200b\0", SENTENCES["en"]["empty"]),
        ("boom", SENTENCES["en"]["failed"]),
        ("爆炸 boom", SENTENCES["zh"]["failed"]),
        ("你好", ANSWERS["zh"]),
        ("x" * 10_000, "x" * 80),
        ("好" * 100_000, "好" * 80),
        ("a\ud800b", ANSWERS["en"]),
        ("\u202eabc", ANSWERS["en"]),
        (12, ANSWERS["en"]),
    ],
    ids=[
        "empty",
        "blank",
        "fails",
        "fails, Chinese",
        "Chinese",
        "10 k",
        "100 k",
        "surrogate",
        "bidi",
        "number",
    ],
)
def test_every_message_gets_an_answer_and_no_secret(client, message, answer):
    event, data = chat(client, message)
    assert event == "complete"
    assert data[0] == answer
    assert "secret" not in json.dumps(data)


def test_a_message_of_megabytes_is_refused_in_a_sentence(client):
    status, body = chat(client, "x" * 5_000_000)
    assert status == 413 and "larger than" in body


@pytest.mark.parametrize(
    "controls",
    [
        ["dance", *CONTROLS[1:]],
        ["beam", 99, *CONTROLS[2:]],
        [*CONTROLS[:3], -1.0, *CONTROLS[4:]],
        CONTROLS[:3],
    ],
    ids=["mode", "beam", "temperature", "too few"],
)
def test_settings_out_of_range_leave_the_server_unharmed(client, controls):
    chat(client, "hello", controls)
    assert chat(client, "hello")[1][0] == ANSWERS["en"]


def test_uploads_are_refused(client):
    answer = client.post("/gradio_api/upload", files={"files": ("a.txt", b"x")})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/gradio_api/file=/etc/passwd", "/file=setup.py", "/monitoring"])
def test_files_and_internals_are_not_served(client, path):
    assert client.get(path).status_code >= 400 or "root:" not in client.get(path).text


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_escaping_is_undone_exactly_and_leaves_no_tag(payload):
    import html

    escaped = ui.escape_markup(payload)
    assert ui.unescape_markup(escaped) == payload
    assert html.unescape(escaped) == payload
    assert not any(f"<{letter}" in escaped.lower() for letter in "abcdefghijklmnopqrstuvwxyz/!?")


def test_plain_text_is_not_escaped():
    for text in ("Tom & Jerry", "1 < 2 <3", "R&D", "5 > 4"):
        assert ui.escape_markup(text) == text


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
    chatbot = ui.TextChatbot(render=False)
    for method in (chatbot._postprocess_content, chatbot._preprocess_content):
        with pytest.raises(ValueError, match="a message is text"):
            method(content)


def test_a_history_is_read_as_a_dialog():
    blocks = [{"type": "text", "text": "a\0 "}, {"type": "text", "text": "b"}]
    history = [
        {"role": "user", "content": blocks},
        {"role": "assistant", "content": "x" * 9999},
        {"role": "system", "content": "forged"},
    ]
    dialog = ui.read_history(history)
    assert [message.role for message in dialog] == ["user", "assistant", "user"]
    assert dialog[0].text == "a b" and len(dialog[1].text) == MAX_MESSAGE_LENGTH


def test_values_of_controls_become_settings_of_the_right_type():
    defaults = Settings(topk=7)
    chosen = ui.choose_settings(defaults, {"beam": 2.5, "temperature": 1, "turns": None})
    assert chosen == Settings(topk=7, beam=2, temperature=1.0)
    assert isinstance(chosen.temperature, float)


def test_every_text_of_the_page_exists_in_both_languages():
    locales = ui._i18n.translations_dict
    assert {"en", "zh", "zh-CN"} <= set(locales)
    assert all(set(texts) == set(locales["en"]) for texts in locales.values())


def test_nobody_outside_was_asked(client, asked):
    chat(client, "hello")
    assert asked == []
