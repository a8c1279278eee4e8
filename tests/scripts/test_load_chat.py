"""The chat under load: what is counted, and a short run with a real server."""

import argparse
import http.server
import json
import os
import threading

import pytest

from scripts import load_chat


class Server(http.server.ThreadingHTTPServer):
    """Answers with what ``reply`` makes of a message."""

    def __init__(self, reply):
        self.reply = reply
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # noqa: N802
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, content = self.server.reply(body["message"])
        told = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *arguments):
        pass


def visited(reply, monkeypatch, users=3, seconds=1):
    monkeypatch.setattr(load_chat, "WARM", 0.1)
    with Server(reply) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = argparse.Namespace(users=users, seconds=seconds, pause=0.01)
        pool = load_chat.sentences(50, load_chat.random.Random(1))
        found = load_chat.visit(os.getpid(), server.server_address[1], pool, options)
        server.shutdown()
    return found


def test_right_replies_are_counted(monkeypatch):
    found = visited(lambda message: (200, {"text": message}), monkeypatch)
    assert found["replies"] > 10 and found["errors"] == {}
    assert found["replies that are not their message"] == 0
    waits = found["seconds of a reply"]
    assert 0 < waits["p50"] <= waits["p95"] <= waits["p99"] < 1
    assert found["resident MiB"]["most"] >= found["resident MiB"]["before"] > 10


def test_a_reply_that_is_anothers_is_seen(monkeypatch):
    kept = []

    def mixed_up(message):
        kept.append(message)
        return 200, {"text": kept[-2] if len(kept) % 5 == 0 else message}

    assert visited(mixed_up, monkeypatch)["replies that are not their message"] > 0


def test_errors_are_told_apart(monkeypatch):
    found = visited(lambda message: (429, {"error": "The server is busy."}), monkeypatch)
    assert list(found["errors"]) == ["429: The server is busy."]
    assert found["replies"] == 0 and found["seconds of a reply"]["p50"] is None


def test_the_slope_is_that_of_the_memory():
    rising = [100 + second / 3600 * 6 for second in range(3600)]
    found = load_chat.slope(rising)["MiB an hour"]
    assert found["slope"] == pytest.approx(6, abs=0.05)
    low, high = found["95 % interval"]
    assert low <= found["slope"] <= high
    level = [100 + second % 7 for second in range(3600)]
    low, high = load_chat.slope(level)["MiB an hour"]["95 % interval"]
    assert low < 0 < high
    assert load_chat.slope(level[:300]) == {}


def test_percentiles():
    assert load_chat.percentile([1.0, 2.0, 3.0, 4.0], 50) == 2.0
    assert load_chat.percentile([1.0, 2.0, 3.0, 4.0], 95) == 4.0
    assert load_chat.percentile([], 50) is None


@pytest.mark.slow
def test_a_chat_answers_each_of_many_users_in_their_own_words(tmp_path, capsys):
    pytest.importorskip("gradio")
    file = tmp_path / "found.json"
    flags = ["--users", "20", "--seconds", "10", "--json", str(file)]
    assert load_chat.main(flags) == 0, capsys.readouterr().out
    found = json.loads(file.read_text())
    assert found["errors"] == {} and found["replies that are not their message"] == 0
    assert found["replies"] > 100
    assert found["lines in the server's log"] == 0


def test_a_model_that_is_missing_is_one_sentence(tmp_path, capsys):
    assert load_chat.main(["--model", str(tmp_path / "none")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("load_chat.py: There is no checkpoint at") and said.count("\n") == 1
