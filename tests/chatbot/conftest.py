"""The browser of the browser tests, where Playwright and Chromium are installed."""

import multiprocessing
import os
import shutil

import pytest

TIMEOUT = 30_000  # milliseconds
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
).split()


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    pytest.importorskip("gradio")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed (apt-get install chromium, or set CHROMIUM)")
    api.expect.set_options(timeout=TIMEOUT)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()
        for process in multiprocessing.active_children():
            process.kill()  # forked since by other tests, it holds the pipes that are closed next


@pytest.fixture(scope="session")
def address(browser):
    from .browsing import Server

    server = Server()
    yield server.address
    server.stop()


@pytest.fixture
def open_page(browser, address):
    """Opens pages; at the end none of them had a problem or asked anyone outside."""
    from .browsing import Page

    pages = []

    def open_(locale="en-US", where=None, **options):
        pages.append(Page(browser, where or address, {"locale": locale, **options}))
        return pages[-1]

    yield open_
    for page in pages:
        page.context.close()
    assert [page.problems for page in pages if page.problems] == []
    assert [page.outside for page in pages if page.outside] == []
