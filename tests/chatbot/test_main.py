"""Bad input: the command, the input and the outcome, which is one sentence and no traceback."""

import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatbot import __main__ as program
from chatbot.arguments import DEFAULT_PORT, make_parser, read_arguments
from chatbot.credentials import VARIABLE
from chatbot.dialog import LIMITS, PRESETS, Reply, Settings, make_settings

from .echo import EchoResponder, EchoShelf

ROOT = Path(__file__).resolve().parents[2]


class Echo(EchoResponder):
    def __init__(self):
        super().__init__()
        self.settings = None

    def reply(self, dialog, settings):
        self.settings = settings
        yield Reply(f"you said {dialog[-1].text}")


@pytest.fixture
def echo(monkeypatch):
    responder = Echo()
    monkeypatch.setattr(program, "open_shelf", lambda options: EchoShelf(responder))
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
        (["--allow-remote"], "--allow-remote needs --host: 127.0.0.1 answers this machine only"),
        (["--allow-remote", "--host", "::1"], "--allow-remote needs --host"),
        (["--trusted-proxy", "*"], "argument --trusted-proxy: '*' is no IP address and no network"),
        (["--trusted-proxy", "10.0.0.1/8"], "'10.0.0.1/8' is no IP address"),
        (["--beam", "0"], "argument --beam: '0' is not a whole number from 1 to 20"),
        (["--beam", "2.5"], "argument --beam: '2.5' is not"),
        (["--temperature", "0"], "argument --temperature: '0' is not"),
        (["--temperature", "nan"], "argument --temperature: 'nan' is not"),
        (["--temperature", "inf"], "argument --temperature: 'inf' is not"),
        (["--topp", "1.5"], "argument --topp: '1.5' is not"),
        (["--max-length", "-3"], "argument --max-length: '-3' is not"),
        (["--turns", "x"], "argument --turns: 'x' is not"),
        (["--diversity", "2"], "argument --diversity: '2' is not a number from 0.0 to 1.0"),
        (["--min-length", "9", "--max-length", "3"], "min_length (9) is above max_length (3)."),
        (["--preset", "wild"], "argument --preset: invalid choice: 'wild'"),
        (["--lang", "fr"], "argument --lang: invalid choice: 'fr'"),
        (["--json"], "--json is for --terminal and --message"),
        (["--terminal", "--message", "x"], "not allowed with argument"),
        (["--terminal", "--no-page"], "not allowed with argument"),
        (["--mode", "dance"], "argument --mode: invalid choice: 'dance'"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["--message"], "argument --message: expected one argument"),
        (["--terminal", "--share"], "--share and --credentials are for a server"),
        (["--message", "hi", "--credentials", "x"], "--share and --credentials are for a server"),
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


def test_a_package_that_is_missing_is_one_sentence(monkeypatch, capsys):
    def open_shelf(options):
        import a_package_that_nobody_has  # noqa: F401

    monkeypatch.setattr(program, "open_shelf", open_shelf)
    status, error = run(["--message", "hi"], capsys)
    assert status == 1 and error.count("\n") == 1
    assert "The package a_package_that_nobody_has is missing: run pip install" in error


def test_one_message(echo, capsys):
    assert program.main(["--message", "hi there"]) == 0
    assert capsys.readouterr().out == "you said hi there\n"


def test_the_bounds_hold_for_one_message_too(echo, capsys):
    assert program.main(["--message", "hi there", "--message-length", "2"]) == 0
    found = capsys.readouterr()
    assert found.out == "you said hi\n" and "first 2 characters" in found.err


def test_an_empty_message_is_no_error(echo, capsys):
    assert program.main(["--message", ""]) == 0
    assert capsys.readouterr().out.strip()


def test_the_flags_are_the_settings(echo):
    program.main(
        "--message hi --mode sampling --beam 3 --length-penalty 1.5 --temperature 0.5 --topk 7 "
        "--topp 0.8 --no-repeat-ngram 2 --min-length 2 --max-length 9 --turns 4 --seed 11 "
        "--diversity 0.25 --no-fallback".split()
    )
    expected = Settings("sampling", 3, 1.5, 0.5, 7, 0.8, 2, 2, 9, 4, 11, 0.25, False)
    assert echo.settings == expected


@pytest.mark.parametrize("name", LIMITS)
def test_every_limit_is_a_flags_limit(echo, name, capsys):
    flag = f"--{name.replace('_', '-')}"
    for bound in LIMITS[name]:
        others = {"min_length": ["--max-length", "200"], "max_length": ["--min-length", "1"]}
        arguments = ["--message", "hi", *others.get(name, []), flag, str(bound)]
        assert run(arguments, capsys)[0] == 0
        assert getattr(echo.settings, name) == bound
    assert run(["--message", "hi", flag, str(LIMITS[name][1] + 1)], capsys)[0] == 2


def test_without_flags_the_settings_are_the_defaults(echo):
    program.main(["--message", "hi"])
    assert echo.settings == Settings()


@pytest.mark.parametrize("name", PRESETS)
def test_a_flag_stands_over_the_preset(echo, name):
    program.main(["--message", "hi", "--preset", name])
    assert echo.settings == make_settings(PRESETS[name])
    program.main(["--message", "hi", "--preset", name, "--mode", "beam", "--beam", "2"])
    assert echo.settings == make_settings({**PRESETS[name], "mode": "beam", "beam": 2})


def test_json(echo, capsys):
    assert program.main(["--message", "hi", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == "you said hi"
    assert program.main(["--message", "hi", "--json-alignment"]) == 0
    assert "alignment" in json.loads(capsys.readouterr().out)


def test_the_language_is_the_flag_or_the_locale(echo, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    for arguments, sentence in (
        ([], "没有 /dance"),
        (["--lang", "en"], "There is no command /dance"),
    ):
        monkeypatch.setattr(sys, "stdin", io.StringIO("/dance\n"))
        assert program.main(["--terminal", *arguments]) == 0
        assert sentence in capsys.readouterr().out


def test_a_model_of_a_folder_that_is_not_there_is_one_sentence(tmp_path, capsys):
    status, error = run(["--models", str(tmp_path), "--message", "hi"], capsys)
    assert status == 1 and f"There is no model in {tmp_path}" in error
    for file in ("checkpoint_best.pt", "dict.src.txt"):
        (tmp_path / "one").mkdir(exist_ok=True)
        (tmp_path / "one" / file).write_text("")
    status, error = run(["--models", str(tmp_path), "--model", "two", "--message", "x"], capsys)
    assert (status, error) == (1, "s2s-chat: There is no model 'two': choose among one.\n")


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


def test_the_container_runs_the_program_with_flags_that_it_has():
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    last = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in lines if line[:1].isalpha()}
    command = [*json.loads(last["ENTRYPOINT"]), *json.loads(last["CMD"])]
    options, _ = read_arguments(make_parser(), command[1:])
    assert command[0] == "s2s-chat" and options.models == "/models"
    assert int(last["EXPOSE"]) == options.port == DEFAULT_PORT
    assert int(last["USER"]) > 0
    assert f"127.0.0.1:{options.port}/healthz" in "".join(lines)


SERVE = (
    "import sys\n"
    "from chatbot import __main__ as program\n"
    "from tests.chatbot.echo import EchoShelf\n"
    "program.open_shelf = lambda options: EchoShelf()\n"
    "status = program.main(sys.argv[1:])\n"
    "print(sorted({'gradio', 'torch'} & set(sys.modules)))\n"
    "sys.exit(status)\n"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_programs_only_are_served_without_gradio_until_a_signal(number):
    pytest.importorskip("fastapi")
    command = [sys.executable, "-c", SERVE, "--no-page", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        line = process.stdout.readline()
        address = re.fullmatch(r"Chat at (http://127.0.0.1:\d+), for programs only .*\n", line)[1]
        with urllib.request.urlopen(f"{address}/healthz", timeout=10) as response:
            assert json.load(response)["models"] == ["echo", "parrot"]
            assert "default-src 'self'" in response.headers["content-security-policy"]
        process.send_signal(number)
        out, error = process.communicate(timeout=10)
    assert "gradio" not in out and "Traceback" not in error


def test_a_signal_ends_the_program_while_the_model_is_loaded():
    pytest.importorskip("uvicorn")
    loads = "lambda options: print('loading', flush=True) or time.sleep(60)"
    code = SERVE.replace("import sys", "import sys, time").replace(
        "lambda options: EchoShelf()", loads
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "--no-page", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    ) as process:
        assert process.stdout.readline() == "loading\n"
        process.terminate()
        assert process.wait(timeout=10) == 128 + signal.SIGTERM


REMOTE = ["--host", "0.0.0.0", "--allow-remote"]


@pytest.mark.parametrize("flags", [REMOTE, ["--share"]])
@pytest.mark.parametrize("page", [[], ["--no-page"]])
def test_others_are_answered_only_with_a_login(flags, page, echo, capsys, monkeypatch):
    pytest.importorskip("fastapi")
    monkeypatch.delenv(VARIABLE, raising=False)
    status, error = run([*flags, *page, "--port", "0"], capsys)
    assert status == 1
    assert error.startswith(f"s2s-chat: {flags[-1]} needs a login: write USER:PASSWORD into a file")
    assert error.count("\n") == 1


@contextmanager
def served(*flags, **environment):
    """The address of a chat for programs, and its process."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, "--no-page", "--port", "0", *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        line = process.stdout.readline()
        yield re.search(r"Chat at (http://\S+:\d+)", line)[1], process
        process.terminate()


def status_of(address, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def test_other_machines_are_answered_with_a_login_and_a_warning():
    pytest.importorskip("fastapi")
    with served(*REMOTE, **{VARIABLE: "ann:correct horse"}) as (address, process):
        address = address.replace("0.0.0.0", "127.0.0.1")
        assert status_of(f"{address}/api/models") == 401
        assert status_of(f"{address}/healthz") == 200
        assert status_of(f"{address}/api/models", Authorization="Bearer correct horse") == 200
        process.terminate()
        _, error = process.communicate(timeout=10)
    assert re.fullmatch(r"Warning: http://0.0.0.0:\d+ is not encrypted: [^\n]+\n", error)
    assert "horse" not in error


def test_a_login_may_guard_this_machine_too(tmp_path):
    pytest.importorskip("fastapi")
    file = tmp_path / "login"
    file.write_text("ann:correct horse\n")
    file.chmod(0o600)
    with served("--credentials", str(file)) as (address, process):
        assert status_of(f"{address}/api/models") == 401
        told = base64.b64encode(b"ann:correct horse").decode()
        assert status_of(f"{address}/api/models", Authorization=f"Basic {told}") == 200
        process.terminate()
        assert process.communicate(timeout=10)[1] == ""


def test_a_proxy_is_trusted_where_it_is_named(echo, monkeypatch):
    server = pytest.importorskip("chatbot.server")
    trusted = []
    monkeypatch.setattr(server, "serve", lambda *arguments: trusted.append(arguments[-1]))
    for flags in ([], ["--trusted-proxy", "10.0.0.0/8"], ["--trusted-proxy", "::1"]):
        assert program.main([*flags, "--no-page", "--port", "0"]) == 0
    assert trusted == [None, "10.0.0.0/8", "::1"]


def test_sharing_tells_the_address_or_one_sentence(echo, capsys, monkeypatch):
    networking = pytest.importorskip("gradio.networking")
    server = pytest.importorskip("chatbot.server")
    monkeypatch.setenv(VARIABLE, "ann:correct horse")
    monkeypatch.setattr(server, "serve", lambda app, listener, on_ready, proxy: on_ready())
    asked = []

    def tunnel(*arguments):
        asked.append(arguments)
        return "https://x.gradio.live"

    monkeypatch.setattr(networking, "setup_tunnel", tunnel)
    assert program.main(["--share", "--no-page", "--port", "0"]) == 0
    assert "Shared at https://x.gradio.live\nChat at http://127.0.0.1:" in capsys.readouterr().out
    host, port, token, *server_of_gradios = asked[0]
    assert (host, server_of_gradios) == ("127.0.0.1", [None, None])
    assert port > 0 and len(token) > 30

    def failing(*arguments):
        raise RuntimeError("Could not get share link\nfrom Gradio API Server.")

    monkeypatch.setattr(networking, "setup_tunnel", failing)
    status, error = run(["--share", "--no-page", "--port", "0"], capsys)
    assert status == 1
    assert "cannot be shared (Could not get share link from Gradio API Server.): look" in error
    assert error.count("\n") == 1


def test_a_message_imports_neither_gradio_nor_a_server():
    code = SERVE.replace("'torch'", "'torch', 'fastapi', 'starlette', 'uvicorn'")
    for arguments in (["--message", "hi"], ["--terminal"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=ROOT,
            input="hi\n",
            capture_output=True,
            text=True,
            check=True,
            env=os.environ,
        )
        assert done.stdout.splitlines()[-1] == "[]"
