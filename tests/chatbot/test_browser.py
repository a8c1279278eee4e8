"""The page in Chromium: conversations, failures, looks; the console and the network stay quiet.

Watches what chatbot/ui.py hooks in Gradio. Skipped where Playwright or Chromium is missing.
"""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from chatbot.dialog import MAX_MESSAGE_LENGTH
from chatbot.strings import EXAMPLES, LABELS, SENTENCES

from .echo import ANSWERS
from .payloads import PAYLOADS

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
).split()
TIMEOUT = 15_000  # milliseconds
JOIN = re.compile("/gradio_api/queue/join")


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    pytest.importorskip("gradio")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed (apt-get install chromium, or set CHROMIUM)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(browser):
    """The echo bot's page, in a process of its own."""
    command = [sys.executable, "-m", "tests.chatbot.echo", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.terminate()


class Page:
    """A page that remembers what it should not have done."""

    def __init__(self, browser, address, options):
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(TIMEOUT)
        self.page = self.context.new_page()
        self.problems, self.outside = [], []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self._on_request(request.url, address))
        self.page.goto(address)
        self.box = self.page.locator("#msg textarea")
        self.box.wait_for()
        self.users = self.page.locator('#chat [data-testid="user"]')
        self.bots = self.page.locator('#chat [data-testid="bot"]')

    def _on_console(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _on_request(self, url, address):
        if not url.startswith((address, "data:", "blob:")):
            self.outside.append(url)

    def send(self, text):
        self.box.fill(text)
        self.box.press("Enter")

    def say(self, text):
        """Send a message, wait for the answer and for the text box; returns the answer."""
        from playwright.sync_api import expect

        count = self.bots.count()
        self.send(text)
        expect(self.bots).to_have_count(count + 1, timeout=TIMEOUT)
        self.idle()
        return self.bots.last.inner_text()

    def idle(self):
        from playwright.sync_api import expect

        expect(self.box).to_be_enabled(timeout=TIMEOUT)
        expect(self.page.locator("#msg .stop-button")).to_have_count(0, timeout=TIMEOUT)
        expect(self.page.locator("#msg .submit-button")).to_be_visible(timeout=TIMEOUT)

    def tab(self, name):
        self.page.get_by_role("tab", name=name).click()


@pytest.fixture
def open_page(browser, address):
    """Opens pages; at the end none of them had a problem or asked anyone outside."""
    pages = []

    def open_(locale="en-US", **options):
        pages.append(Page(browser, address, {"locale": locale, **options}))
        return pages[-1]

    yield open_
    for page in pages:
        page.context.close()
    assert [page.problems for page in pages if page.problems] == []
    assert [page.outside for page in pages if page.outside] == []


def test_an_exchange_in_english(open_page):
    page = open_page()
    assert page.page.title() == LABELS["en"]["title"]
    assert page.say("hello, how are you?") == ANSWERS["en"]
    assert page.users.all_inner_texts() == ["hello, how are you?"]
    assert page.box.get_attribute("placeholder") == LABELS["en"]["placeholder"]
    cells = page.page.locator("#attention tbody td[data-tip]")
    assert cells.count() == 9 * 4 and cells.first.is_visible()
    cells.first.hover()
    tip = cells.first.evaluate("cell => getComputedStyle(cell, '::after').content")
    assert re.search(r"hello  \d", tip)
    page.tab(LABELS["en"]["candidates"])
    assert page.page.locator("#candidates li").first.inner_text().startswith(ANSWERS["en"])
    assert "tokens/s" in page.page.locator("#facts").inner_text()


def test_an_exchange_in_chinese(open_page):
    page = open_page("zh-CN", color_scheme="dark")
    assert page.say("你好呀！") == ANSWERS["zh"]
    body = page.page.locator("body").inner_text()
    for key in ("title", "attention", "candidates", "settings", "attention_axes"):
        assert LABELS["zh"][key] in body
        assert LABELS["en"][key] not in body.replace(ANSWERS["en"], "")
    assert page.box.get_attribute("placeholder") == LABELS["zh"]["placeholder"]


def test_the_model_reads_the_earlier_turn_and_a_clear_conversation_is_empty(open_page):
    page = open_page()
    page.say("one")
    page.say("two")
    assert LABELS["en"]["attention_past"] in page.page.locator("#attention thead").inner_text()
    page.page.get_by_role("button", name="Clear").first.click()
    page.page.locator("#attention .hint").wait_for()
    assert page.bots.count() == 0
    assert page.say("three") == ANSWERS["en"]


def test_talking_goes_on_after_a_failure(open_page):
    page = open_page()
    assert page.say("boom") == SENTENCES["en"]["failed"]
    toast = page.page.get_by_test_id("toast-body")
    assert "just go on talking" in toast.inner_text() and "secret" not in toast.inner_text()
    assert page.say("hello") == ANSWERS["en"]


def test_a_toast_is_in_the_browsers_language(open_page):
    page = open_page("zh-CN")
    assert page.say("boom 爆炸") == SENTENCES["zh"]["failed"]
    assert "请继续聊" in page.page.get_by_test_id("toast-body").inner_text()


def test_talking_goes_on_after_an_event_that_gradio_fails(open_page):
    """A busy queue answers with 503, and the page must not stay disabled."""
    page = open_page()
    page.say("hello")
    busy = []

    def refuse(route):
        busy.append(route.request.url)
        route.fulfill(status=503, json={"detail": "Queue is full. Try again later."})

    page.page.route(
        JOIN, lambda route: refuse(route) if _is_reply(route.request) else route.continue_()
    )
    page.send("now it is full")
    page.page.get_by_test_id("toast-body").first.wait_for()
    page.page.unroute(JOIN)
    page.idle()
    assert busy
    assert page.say("again") == ANSWERS["en"]
    page.problems[:] = [text for text in page.problems if "503" not in text]


def _is_reply(request):
    """Whether this asks for a reply: the message, the conversation and the controls."""
    return "/queue/join" in request.url and len(request.post_data_json["data"]) > 5


def test_empty_and_huge_messages(open_page):
    page = open_page()
    page.send("   ")
    page.page.locator("#msg .submit-button").click()
    assert page.say("\u200b") == SENTENCES["en"]["empty"]
    assert page.users.count() == 1  # the spaces were not even sent
    page.say("hello")
    assert page.say("word " * 2_000) == " ".join(["word"] * 100)[:80].strip()
    assert len(page.users.last.inner_text()) <= MAX_MESSAGE_LENGTH
    assert str(MAX_MESSAGE_LENGTH) in page.page.get_by_test_id("toast-body").last.inner_text()
    assert page.say("hello") == ANSWERS["en"]


def test_all_payloads_are_shown_literally(open_page):
    page = open_page()
    for payload in PAYLOADS.values():
        page.say(payload)
        assert page.users.last.inner_text() == payload
    assert page.page.title() == LABELS["en"]["title"]
    inside = page.page.locator("#chat .message, #attention, #candidates")
    assert inside.locator("script, img, iframe, form, style, a, .katex").count() == 0


def test_examples_retry_and_undo(open_page):
    page = open_page()
    page.page.locator("#chat .example", has_text=EXAMPLES["zh"][0]).click()
    page.page.get_by_text(ANSWERS["zh"]).first.wait_for()
    page.idle()
    with page.page.expect_request(_is_reply):
        page.page.get_by_role("button", name="Retry").click()
    page.page.get_by_text(ANSWERS["zh"]).first.wait_for()
    page.idle()
    assert page.bots.all_inner_texts() == [ANSWERS["zh"]]
    page.page.get_by_role("button", name="Undo").click()
    page.page.locator("#attention .hint").wait_for()
    assert page.box.input_value() == EXAMPLES["zh"][0]
    assert page.say("hello") == ANSWERS["en"]


def test_settings_show_what_applies_and_reach_the_model(open_page):
    page = open_page()
    page.tab(LABELS["en"]["settings"])
    temperature = page.page.get_by_text(LABELS["en"]["temperature"], exact=True)
    assert not temperature.first.is_visible()
    page.page.get_by_label(LABELS["en"]["mode_sampling"]).check()
    temperature.first.wait_for()
    assert not page.page.get_by_text(LABELS["en"]["length_penalty"], exact=True).is_visible()
    samples = page.page.get_by_label(re.compile(f"number input.*{LABELS['en']['samples']}"))
    samples.fill("2")
    samples.press("Tab")
    page.say("hello")
    page.tab(LABELS["en"]["candidates"])
    assert page.page.locator("#candidates li").count() == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("light", {"viewport": {"width": 1280, "height": 800}}),
        ("dark", {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}),
        ("phone", {"viewport": {"width": 390, "height": 844}, "has_touch": True}),
    ],
)
def test_it_fits_the_screen(open_page, tmp_path, name, options):
    page = open_page(**options)
    page.say("hello, how are you doing today my friend?")
    root = page.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert root[0] <= root[1]
    message, chat = page.box.bounding_box(), page.page.locator("#chat").bounding_box()
    assert message["y"] >= chat["y"] + chat["height"]
    assert message["y"] + message["height"] <= options["viewport"]["height"]
    background = page.page.evaluate(
        "getComputedStyle(document.querySelector('#chat')).backgroundColor"
    )
    light = sum(map(int, re.findall(r"\d+", background)[:3])) > 380
    assert light == (name != "dark")
    page.page.screenshot(path=tmp_path / f"{name}.png")
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000


def test_health(address):
    with urllib.request.urlopen(f"{address}/healthz", timeout=10) as answer:
        assert answer.status == 200
