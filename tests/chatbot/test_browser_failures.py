"""Failures, strange messages and every kind of screen in Chromium: the page goes on.

Skipped where Playwright or Chromium is missing.
"""

import re
import urllib.request

import pytest

from chatbot.bounds import Bounds
from chatbot.strings import LABELS, SENTENCES

from .browsing import DESKTOP, PHONE, Server, expect
from .echo import ANSWERS
from .payloads import PAYLOADS

pytestmark = pytest.mark.browser

EN = LABELS["en"]
JOIN = re.compile("/gradio_api/queue/join")


@pytest.mark.parametrize(("message", "language"), [("boom", "en"), ("crack 爆炸", "zh")])
def test_talking_goes_on_after_a_failure(open_page, message, language):
    page = open_page("zh-CN" if language == "zh" else "en-GB")
    assert page.say(message) == SENTENCES[language]["failed"]
    toast = page.toast()
    assert LABELS[language]["failed"].split("{")[0] in toast and "secret" not in toast
    assert page.say("hello") == ANSWERS["en"]


def test_talking_goes_on_after_an_event_that_gradio_fails(open_page):
    """A busy queue answers with 503: the message stays in the box, and can be sent again."""
    page = open_page()
    page.say("hello")
    busy = []

    def refuse(route):
        busy.append(route.request.url)
        route.fulfill(status=503, json={"detail": "Queue is full. Try again later."})

    page.page.route(JOIN, refuse)
    page.send("now it is full")
    page.page.get_by_test_id("toast-body").first.wait_for()
    page.page.unroute(JOIN)
    page.idle()
    assert busy and page.box.input_value() == "now it is full"
    assert page.say("again") == ANSWERS["en"]
    page.problems[:] = [text for text in page.problems if "503" not in text]


def test_a_closed_tab_harms_nobody(open_page):
    leaving, staying = open_page(), open_page()
    leaving.send("endless")
    expect(leaving.stop_button).to_have_count(1)
    leaving.page.close()
    assert staying.say("hello") == ANSWERS["en"]


@pytest.mark.slow
def test_talking_goes_on_after_the_server_was_restarted(browser, open_page):
    server = Server()
    try:
        page = open_page(where=server.address)
        page.say("hello")
        page.send("endless")
        expect(page.stop_button).to_have_count(1)
        server.stop()
        server = Server(int(server.address.rpartition(":")[2]))
        page.page.get_by_text(EN["reloaded"]).wait_for(timeout=60_000)
        assert page.bots.count() == 0
        assert page.say("hello") == ANSWERS["en"]
        page.problems.clear()  # of the time without a server
    finally:
        server.stop()


def test_empty_and_huge_messages(open_page):
    page = open_page()
    page.send("   ")
    page.page.locator("#msg .submit-button").click()
    page.send("\u200b")
    assert page.toast() == SENTENCES["en"]["empty"]
    assert page.users.count() == 0
    page.say("hello")
    assert page.say("word " * 2_000) == " ".join(["word"] * 100)[:80].strip()
    assert len(page.users.last.inner_text()) <= Bounds().message_length
    assert str(Bounds().message_length) in page.toast()
    assert page.say("hello") == ANSWERS["en"]


def test_all_payloads_are_shown_literally(open_page):
    page = open_page()
    for payload in PAYLOADS.values():
        page.say(payload)
        assert page.users.last.inner_text() == payload
    assert page.page.title() == EN["title"]
    inside = page.page.locator("#chat .message, #attention, #candidates")
    assert inside.locator("script, img, iframe, form, style, a, .katex").count() == 0


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("light", DESKTOP), ("dark", {**DESKTOP, "color_scheme": "dark"}), ("phone", PHONE)],
)
def test_it_fits_the_screen(open_page, tmp_path, name, options, locale):
    page = open_page(locale, **options)
    page.say("hello, how are you doing today my friend?")
    assert page.fits()
    message, chat = page.box.bounding_box(), page.chat.bounding_box()
    assert message["y"] >= chat["y"] + chat["height"]
    assert message["y"] + message["height"] <= options["viewport"]["height"]
    background = page.page.evaluate(
        "getComputedStyle(document.querySelector('#chat')).backgroundColor"
    )
    light = sum(map(int, re.findall(r"\d+", background)[:3])) > 380
    assert light == (name != "dark")
    for key in ("candidates", "settings", "model"):
        page.tab(LABELS["zh" if locale == "zh-CN" else "en"][key])
        assert page.fits()
    page.page.screenshot(path=tmp_path / f"{name}.png")
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000


def test_health(address):
    with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
        assert answer.status == 200
