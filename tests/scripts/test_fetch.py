"""Downloads: whole and checked, or not there."""

import hashlib
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts import fetch

CONTENT = random.Random(1).randbytes(200_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Site(ThreadingHTTPServer):
    """Serves CONTENT under /corpus; its faults are set by the tests.

    Attributes:
        ranges: whether it can send the rest of a file
        cuts: for the next answers, after how many bytes each breaks off
        refusals: status codes of the next answers
        asked: the Range of each request so far
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges = True
        self.cuts: list[int] = []
        self.refusals: list[int] = []
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/corpus"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Site

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        start = int(asked[len("bytes=") : -1]) if asked and self.server.ranges else 0
        if self.server.refusals:
            self.answer(self.server.refusals.pop(0), b"")
        elif self.path != "/corpus":
            self.answer(404, b"nothing here")
        elif start >= len(CONTENT):
            self.answer(416, b"")
        else:
            self.answer(206 if start else 200, CONTENT[start:])

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write(body[:cut])
        self.close_connection = True

    def log_message(self, *args) -> None:
        """Quiet."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(fetch, "PAUSE", 0)
    with Site() as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield site
        site.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a folder" / "corpus.txt"


def run(url: str, file: Path, sha256: str = SHA256) -> int:
    return fetch.main([url, str(file), "--sha256", sha256, "--licence", "CC BY 4.0"])


def leftovers(file: Path) -> list[str]:
    return sorted(path.name for path in file.parent.iterdir())


def begin(file: Path, content: bytes) -> None:
    """What an earlier run has left."""
    file.parent.mkdir()
    file.with_name(file.name + ".part").write_bytes(content)


def test_a_file_comes_whole_with_its_licence(site: Site, file: Path, capsys) -> None:
    assert run(site.url, file) == 0
    assert file.read_bytes() == CONTENT
    assert leftovers(file) == ["corpus.txt"]
    assert capsys.readouterr().out.endswith("200,000 bytes, fetched. Licence: CC BY 4.0.\n")


def test_a_file_that_is_there_is_not_fetched_again(site: Site, file: Path, capsys) -> None:
    run(site.url, file)
    site.asked.clear()
    assert run(site.url, file, SHA256.upper()) == 0
    assert site.asked == []
    assert "there already" in capsys.readouterr().out


def test_an_interrupted_download_goes_on(site: Site, file: Path) -> None:
    site.cuts = [70_000, 50_000]
    assert run(site.url, file) == 0
    assert site.asked == [None, "bytes=70000-", "bytes=120000-"]
    assert file.read_bytes() == CONTENT


def test_the_next_run_goes_on_where_one_gave_up(site: Site, file: Path, capsys) -> None:
    site.cuts = [1000, 1000, 1000]
    assert run(site.url, file) == 1
    said = capsys.readouterr().err
    assert "ended 197,000 bytes too early; the same command goes on from there" in said
    assert said.count("\n") == 1
    assert leftovers(file) == ["corpus.txt.part"]
    assert run(site.url, file) == 0
    assert site.asked[-1] == "bytes=3000-"
    assert file.read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_file_again(site: Site, file: Path) -> None:
    site.ranges = False
    site.cuts = [70_000]
    assert run(site.url, file) == 0
    assert site.asked == [None, "bytes=70000-"]
    assert file.read_bytes() == CONTENT


def test_a_whole_part_is_taken_as_it_is(site: Site, file: Path) -> None:
    begin(file, CONTENT)
    assert run(site.url, file) == 0
    assert site.asked == ["bytes=200000-"]
    assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("length", [1000, 200_000, 300_000])
def test_a_part_of_something_else_is_thrown_away(site: Site, file: Path, length: int) -> None:
    begin(file, bytes(length))
    assert run(site.url, file) == 0
    assert site.asked == [f"bytes={length}-", None]
    assert file.read_bytes() == CONTENT
    assert leftovers(file) == ["corpus.txt"]


def test_a_wrong_checksum_leaves_what_was_there(site: Site, file: Path, capsys) -> None:
    file.parent.mkdir()
    file.write_text("an older one")
    assert run(site.url, file, "0" * 64) == 1
    assert f"has the checksum {SHA256}, but {'0' * 64} was expected" in capsys.readouterr().err
    assert leftovers(file) == ["corpus.txt"]
    assert file.read_text() == "an older one"


def test_another_file_of_that_name_is_replaced(site: Site, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("an older one")
    assert run(site.url, file) == 0
    assert file.read_bytes() == CONTENT


def test_a_server_that_is_busy_is_asked_again(site: Site, file: Path) -> None:
    site.refusals = [503, 500]
    assert run(site.url, file) == 0
    assert len(site.asked) == 3


def test_a_missing_page_is_one_sentence_and_asked_once(site: Site, file: Path, capsys) -> None:
    assert run(f"{site.url}/nowhere", file) == 1
    said = capsys.readouterr().err
    assert "the server answers 404 Not Found" in said
    assert said.count("\n") == 1
    assert len(site.asked) == 1
    assert leftovers(file) == []


def test_no_network_is_one_sentence(file: Path, capsys) -> None:
    with Site() as closed:
        url = closed.url
    assert run(url, file) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"fetch.py: {url} cannot be reached: ")
    assert said.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_sentence(site: Site, file: Path, capsys) -> None:
    file.parent.mkdir()
    file.with_name(file.name + ".part").symlink_to("/dev/full")
    assert run(site.url, file) == 1
    assert "cannot be written: No space left on device." in capsys.readouterr().err
    assert not file.exists()


def test_a_folder_that_cannot_be_is_one_sentence(site: Site, tmp_path: Path, capsys) -> None:
    (tmp_path / "corpus").write_text("a file")
    assert run(site.url, tmp_path / "corpus" / "train.txt") == 1
    said = capsys.readouterr().err
    assert "cannot be written" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "url, sha256, reason",
    [
        ("file:///etc/hostname", SHA256, "no address"),
        ("corpus.txt", SHA256, "no address"),
        ("https:///corpus.txt", SHA256, "no address"),
        ("https://[x/corpus.txt", SHA256, "no address"),
        ("https://example.org/corpus", "12ab", "64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_meant_is_refused(file: Path, capsys, url, sha256, reason) -> None:
    with pytest.raises(SystemExit) as caught:
        run(url, file, sha256)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err
