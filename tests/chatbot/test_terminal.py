"""The conversation in a terminal: memory, commands, pipes and a clean end."""

import io
import os
import subprocess
import sys

import pytest

from chatbot import terminal
from chatbot.dialog import Reply, Settings
from chatbot.strings import SENTENCES


class Last:
    """Answers with all that was said; ``boom`` makes it fail, ``stop`` interrupts."""

    def reply(self, dialog, settings):
        text = dialog[-1].text
        if text == "boom":
            raise RuntimeError("secret")
        if text == "stop":
            raise KeyboardInterrupt
        yield Reply("/".join(message.text for message in dialog))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def pipe(text):
    sink = io.StringIO()
    terminal.converse(Last(), Settings(), source=io.StringIO(text), sink=sink)
    return sink.getvalue().splitlines()


def test_a_pipe_gets_one_line_for_each_line():
    assert pipe("a\nb\n") == ["a", "a/a/b"]


def test_the_last_line_needs_no_line_break():
    assert pipe("a") == ["a"]


def test_an_empty_line_gets_a_kind_sentence_and_is_forgotten():
    assert pipe("a\n\nb\n") == ["a", SENTENCES["en"]["empty"], "a/a/b"]


def test_a_failure_is_a_sentence_and_the_conversation_goes_on():
    assert pipe("a\nboom\nb\n") == ["a", SENTENCES["en"]["failed"], "a/a/b"]


def test_commands():
    lines = pipe("a\n/clear\nb\n/help\n/quit\nc\n")
    assert lines[0] == "a" and lines[2] == "b"
    assert "/clear" in "\n".join(lines[3:]) and "c" not in lines


def test_a_huge_line_is_cut():
    assert len(pipe("x" * 10_000 + "\n")[0]) == 500


def test_an_interrupt_ends_it():
    assert pipe("a\nstop\nb\n") == ["a"]


def test_nothing_said_is_nothing_answered():
    assert pipe("") == []


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_at_a_terminal_there_is_a_greeting_a_prompt_and_a_goodbye(monkeypatch, end):
    lines = iter(["hi", ""])

    def typed(prompt):
        assert prompt == terminal.PROMPT
        try:
            return next(lines)
        except StopIteration:
            raise end from None

    monkeypatch.setattr("builtins.input", typed)
    sink = Terminal()
    terminal.converse(Last(), Settings(), source=Terminal(), sink=sink)
    assert sink.getvalue().splitlines() == [terminal.GREETING, "bot> hi", "Goodbye."]


def test_one_message():
    sink = io.StringIO()
    assert terminal.respond(Last(), "hi", Settings(), sink) is True
    assert terminal.respond(Last(), "boom", Settings(), sink) is False
    assert sink.getvalue().splitlines() == ["hi", SENTENCES["en"]["failed"]]


def test_neither_gradio_nor_torch_is_imported():
    code = "import chatbot.terminal, sys; print({'gradio', 'torch', 'fairseq'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "set()"
