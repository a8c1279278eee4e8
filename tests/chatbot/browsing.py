"""What the browser tests share: the echo models' page in a process, and somebody who uses it."""

import subprocess
import sys
from pathlib import Path

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 30_000  # milliseconds
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
BROKEN_OFF = ("AbortError", "Unexpected error Connection errored out")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


class Server:
    """The echo models' page, in a process of its own."""

    def __init__(self, port=0):
        command = [sys.executable, "-m", "tests.chatbot.echo", str(port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


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
        with self.page.expect_response(lambda response: "/run/" in response.url):
            self.page.goto(address)  # until the page has told the server its language
        self.box = self.page.locator("#msg textarea")
        self.box.wait_for()
        self.chat = self.page.locator("#chat")
        self.users = self.chat.get_by_test_id("user")
        self.bots = self.chat.get_by_test_id("bot")
        self.facts = self.page.locator("#facts")
        self.stop_button = self.page.locator("#msg .stop-button")

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
        """Send a message, wait for the whole answer; returns it."""
        count = self.bots.count()
        self.send(text)
        expect(self.bots).to_have_count(count + 1)
        self.idle()
        return self.bots.last.inner_text()

    def idle(self):
        """Wait until no reply grows; the box can be written in."""
        expect(self.stop_button).to_have_count(0)
        expect(self.page.locator("#msg .submit-button")).to_be_visible()
        expect(self.box).to_be_enabled()

    def reload(self):
        """Load the page anew. Where that breaks off a stream of Gradio's, Gradio complains."""
        seen = len(self.problems)
        self.page.reload()
        self.box.wait_for()
        self.problems[seen:] = [p for p in self.problems[seen:] if not p.startswith(BROKEN_OFF)]

    def tab(self, name):
        self.page.get_by_role("tab", name=name, exact=True).click()

    def press(self, name, last=True):
        """A button of the conversation, by its name; of a message where ``last`` is False."""
        self.users.first.hover()
        buttons = self.page.locator("#talk").get_by_role("button", name=name, exact=True)
        (buttons.last if last else buttons.first).click()

    def toast(self):
        """Read a toast and close it."""
        text = self.page.get_by_test_id("toast-text").inner_text()
        self.page.get_by_test_id("toast-close").click()
        return text

    def fits(self):
        """Whether nothing is wider than the screen."""
        widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        wide, screen = self.page.evaluate(widths)
        return wide <= screen
