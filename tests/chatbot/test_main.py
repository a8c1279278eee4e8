"""Bad input: the command, the input and the outcome, which is one sentence and no traceback."""

import io
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot import __main__ as program
from chatbot.dialog import Reply, Settings

ROOT = Path(__file__).resolve().parents[2]


class Echo:
    def __init__(self):
        self.settings = None

    def reply(self, dialog, settings):
        self.settings = settings
        yield Reply(f"you said {dialog[-1].text}")


@pytest.fixture
def echo(monkeypatch):
    responder = Echo()
    monkeypatch.setattr(program, "_load", lambda path: responder)
    return responder


def run(arguments, capsys):
    """Exit status and stderr of the program in this process."""
    try:
        status = program.main(arguments)
    except SystemExit as exit:
        status = exit.code
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "banana"], "argument --port: 'banana' is not a whole number from 0 to 65535"),
        (["--port", "65536"], "argument --port: '65536' is not"),
        (["--port", "-1"], "argument --port: '-1' is not"),
        (["--host", "0.0.0.0"], "'0.0.0.0' is not a loopback address"),
        (["--host", "::"], "'::' is not a loopback address"),
        (["--host", "example.org"], "'example.org' is not a loopback address"),
        (["--beam", "0"], "argument --beam: '0' is not a whole number from 1 to 50"),
        (["--beam", "2.5"], "argument --beam: '2.5' is not"),
        (["--temperature", "0"], "argument --temperature: '0' is not"),
        (["--temperature", "nan"], "argument --temperature: 'nan' is not"),
        (["--temperature", "inf"], "argument --temperature: 'inf' is not"),
        (["--topp", "1.5"], "argument --topp: '1.5' is not"),
        (["--max-length", "-3"], "argument --max-length: '-3' is not"),
        (["--turns", "x"], "argument --turns: 'x' is not"),
        (["--mode", "dance"], "argument --mode: invalid choice: 'dance'"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--message"], "argument --message: expected one argument"),
    ],
)
def test_bad_flags(arguments, sentence, capsys):
    status, error = run(arguments, capsys)
    assert status == 2
    assert sentence in error and error.startswith("s2s-chat: ") and error.count("\n") == 1


@pytest.mark.parametrize("where", [["--message", "hi"], ["--terminal"], ["--port", "0"]])
@pytest.mark.parametrize("kind", ["missing", "empty folder", "garbage", "empty file"])
def test_bad_checkpoints(where, kind, tmp_path, capsys):
    pytest.importorskip("fairseq")
    path = tmp_path / "model.pt"
    if kind == "empty folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"this is no checkpoint" if kind == "garbage" else b"")
    status, error = run(["--model", str(path), *where], capsys)
    assert status == 1
    assert str(path) in error and error.startswith("s2s-chat: ") and error.count("\n") == 1


def test_a_taken_port_names_the_next_free_one(echo, capsys):
    pytest.importorskip("uvicorn")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, error = run(["--port", str(port)], capsys)
    assert status == 1
    assert f"Port {port} is taken: choose another, for example --port " in error
    assert error.count("\n") == 1


def test_one_message(echo, capsys):
    assert program.main(["--message", "hi there"]) == 0
    assert capsys.readouterr().out == "you said hi there\n"


def test_an_empty_message_is_no_error(echo, capsys):
    assert program.main(["--message", ""]) == 0
    assert capsys.readouterr().out.strip()


def test_the_flags_are_the_settings(echo):
    program.main(
        "--message hi --mode sampling --beam 3 --length-penalty 1.5 --temperature 0.5 --topk 7 "
        "--topp 0.8 --no-repeat-ngram 2 --max-length 9 --turns 4 --seed 11".split()
    )
    assert echo.settings == Settings("sampling", 3, 1.5, 0.5, 7, 0.8, 2, 9, 4, 11)


def test_without_flags_the_settings_are_the_defaults(echo):
    program.main(["--message", "hi"])
    assert echo.settings == Settings()


def test_the_terminal_reads_standard_input(echo, capsys, monkeypatch):
    lines = io.TextIOWrapper(io.BytesIO(b"one\nbroken \xff byte\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", lines)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert program.main(["--terminal"]) == 0
    sys.stdout.seek(0)
    assert sys.stdout.read().splitlines() == ["you said one", "you said broken \ufffd byte"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_page_promptly(number):
    pytest.importorskip("uvicorn")
    code = (
        "from chatbot.server import bind, serve\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        raise NotImplementedError\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    import asyncio; await asyncio.sleep(60)\n"
        "listener = bind('127.0.0.1', 0)\n"
        "try:\n"
        "    serve(app, listener, lambda: print(listener.getsockname()[1], flush=True))\n"
        "except KeyboardInterrupt:\n"
        "    pass\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    ) as process:
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as open_request:
            open_request.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            open_request.recv(10)
            process.send_signal(number)
            _, error = process.communicate(timeout=10)
    assert "Traceback" not in error
