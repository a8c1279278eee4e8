"""The conversation in a terminal, or line by line through a pipe. Knows neither page nor model."""

import sys
from typing import TextIO

from .dialog import Message, Responder, Settings, clean
from .turn import Turn, answer

PROMPT = "you> "
GREETING = "Say something. /help lists the commands; Ctrl-D ends the conversation."
HELP = """/help   show this
/clear  forget the conversation
/quit   end it; Ctrl-C and Ctrl-D do too"""


def converse(
    responder: Responder,
    settings: Settings = Settings(),
    *,
    source: TextIO = sys.stdin,
    sink: TextIO = sys.stdout,
) -> None:
    """Talk until ``/quit``, the end of ``source`` or an interrupt.

    At a terminal there is a prompt; through a pipe each line of input gives one line of output.
    """
    interactive = source.isatty() and sink.isatty()
    if interactive:
        _say(GREETING, sink)
    history: list[Message] = []
    read = _prompt if interactive else source.readline
    try:
        while line := read():
            text = clean(line)
            if text == "/quit":
                break
            if text == "/help":
                _say(HELP, sink)
            elif text == "/clear":
                history.clear()
                _say("The conversation is forgotten.", sink)
            elif text or not interactive:
                history += _exchange(responder, line, history, settings, sink, interactive)
    except KeyboardInterrupt:
        pass
    if interactive:
        _say("Goodbye.", sink)


def respond(responder: Responder, message: str, settings: Settings, sink: TextIO) -> bool:
    """Answer one message; False where that failed."""
    turn = _answer(responder, message, [], settings)
    _say(turn.text, sink)
    return turn.notice != "failed"


def _exchange(
    responder: Responder,
    line: str,
    history: list[Message],
    settings: Settings,
    sink: TextIO,
    interactive: bool,
) -> list[Message]:
    turn = _answer(responder, line, history, settings)
    _say(f"bot> {turn.text}" if interactive else turn.text, sink)
    return [Message("user", clean(line)), Message("assistant", turn.text)]


def _answer(responder: Responder, message: str, history: list[Message], settings: Settings) -> Turn:
    *_, turn = answer(responder, message, history, settings)
    return turn


def _prompt() -> str:
    """A line that was typed, or "" at the end; with line editing where Python has it."""
    try:
        return input(PROMPT) + "\n"
    except EOFError:
        print()
        return ""


def _say(text: str, sink: TextIO) -> None:
    print(text, file=sink, flush=True)
