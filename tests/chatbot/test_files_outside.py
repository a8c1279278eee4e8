"""No file comes out of the server but what the page is made of, however it is asked for."""

import http.client
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("gradio")

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the secret of the machine"
SERVE = (
    "import sys\n"
    "sys.path.insert(0, sys.argv.pop(1))\n"
    "from chatbot import __main__ as program\n"
    "from tests.chatbot.echo import EchoShelf\n"
    "program.open_shelf = lambda options: EchoShelf()\n"
    "sys.exit(program.main(sys.argv[1:]))\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the chat is started: with a secret in it, and one above it."""
    above = tmp_path_factory.mktemp("home")
    folder = above / "work"
    folder.mkdir()
    for place in (above, folder):
        (place / "secret.txt").write_text(SECRET)
    (folder / ".env").write_text(SECRET)
    (folder / "link.txt").symlink_to(above / "secret.txt")
    return folder


@pytest.fixture(scope="module")
def port(folder):
    """A chat with its page."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(ROOT), "--port", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(folder)},
    ) as process:
        yield int(re.search(r":(\d+) ", process.stdout.readline())[1])
        process.terminate()


def ask(port, path, method="GET", body=None):
    """Status and content for a path as it stands, which no library has tidied up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection._validate_path = lambda url: None
    headers = {"Content-Type": "application/json"} if body else {}
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def forms(folder: Path) -> list[str]:
    """A file in the folder, one above it and one of the system, in the forms that are known."""
    inside, above = folder / "secret.txt", folder.parent / "secret.txt"
    files = [inside, above, Path("/etc/passwd"), folder / ".env", folder / "link.txt"]
    files += [ROOT / "chatbot" / "strings.py", Path("/proc/self/environ")]
    found = []
    for file in files:
        relative = os.path.relpath(file, folder)
        for text in {str(file), relative, f"./{relative}", f"file://{file}"}:
            for coded in {text, quote(text, safe=""), quote(quote(text, safe=""), safe="")}:
                found += [f"/gradio_api/file={coded}", f"/file={coded}", f"/file/{coded}"]
                found += [f"/gradio_api/proxy={coded}", f"/gradio_api/stream/{coded}/x"]
    climbs = ["../" * 9, "..%2f" * 9, "%2e%2e/" * 9, "%2e%2e%2f" * 9, "..%5c" * 9, "..\\" * 9]
    climbs += ["....//" * 9, "..%c0%af" * 9, "..;/" * 9, "%252e%252e%252f" * 9, "/" * 9]
    starts = ["/", "/assets/", "/static/", "/static/img/", "/gradio_api/file=", "/theme.css/"]
    starts += ["/custom_component/x/client/component/", "/svelte/", "/gradio_api/"]
    found += [f"{s}{c}etc/passwd" for s in starts for c in climbs]
    found += ["//etc/passwd", "/%00/etc/passwd", "/etc/passwd%00.css", "/gradio_api/file=C:/x"]
    found += ["/gradio_api/file=\\\\127.0.0.1\\c$\\x", "/gradio_api/file=http://127.0.0.1:1/x"]
    return found


def holds_secret(content: bytes) -> bool:
    return SECRET.encode() in content or b"root:" in content or b"PATH=" in content


def test_the_secret_would_be_found(folder):
    assert holds_secret((folder / "link.txt").read_bytes())
    assert holds_secret(Path("/etc/passwd").read_bytes())
    assert holds_secret(Path("/proc/self/environ").read_bytes())


def test_no_form_brings_a_file(port, folder):
    paths = forms(folder)
    assert len(paths) > 400
    asked = {path: ask(port, path) for path in paths}
    assert not [path for path, (_, content) in asked.items() if holds_secret(content)]
    assert not [path for path, (status, _) in asked.items() if status >= 500]
    ours = (ROOT / "chatbot/strings.py").read_bytes()[:200]
    assert not [path for path, (_, content) in asked.items() if ours in content]


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/gradio_api/upload", {403}),
        ("/upload", {403}),
        ("/gradio_api/component_server", {400, 403, 404, 405, 422}),
        ("/gradio_api/vibe-edit", {403, 404, 405, 422}),
        ("/gradio_api/reset", {200, 404, 422}),
        ("/gradio_api/run/predict", {404, 405, 422, 500}),
    ],
)
def test_nothing_is_taken_that_the_page_does_not_send(port, folder, path, statuses):
    before = sorted(folder.rglob("*"))
    status, content = ask(port, path, "POST", '{"path": "/etc/passwd", "data": ["/etc/passwd"]}')
    assert status in statuses
    assert not holds_secret(content)
    assert sorted(folder.rglob("*")) == before


def test_the_page_tells_no_path_of_the_machine(port, folder):
    for path in ("/", "/config", "/gradio_api/info", "/api/models", "/healthz", "/nowhere"):
        _, content = ask(port, path)
        assert str(folder).encode() not in content, path
        assert str(ROOT).encode() not in content, path
