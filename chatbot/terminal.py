"""The conversation in a terminal, or line by line through a pipe. Knows neither page nor model."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TextIO

from .bounds import Bounds
from .conversation import Conversation, describe
from .dialog import Responder, Settings, Shelf, clean
from .strings import Language
from .terminal_commands import run
from .terminal_strings import TEXTS
from .turn import Turn, answer

START_OF_LINE = "\r\x1b[K"  # back to it, and nothing on it any more


class Talk:
    """What a conversation in a terminal is made of.

    Attributes:
        responder: the model that is talked to
        settings: how it searches for replies
        conversation: what was said
        language: of everything that the terminal itself says
        live: whether replies are shown as they grow
        as_json: whether each reply is shown as a JSON object
    """

    def __init__(
        self,
        shelf: Shelf,
        settings: Settings,
        sink: TextIO,
        *,
        language: Language = "en",
        as_json: bool = False,
        with_alignment: bool = False,
        bounds: Bounds = Bounds(),
    ) -> None:
        self.shelf, self.settings, self.language = shelf, settings, language
        self.responder: Responder = shelf.get()
        self.conversation = Conversation()
        self.live = False
        self.as_json = as_json
        self._sink, self._with_alignment, self._bounds = sink, with_alignment, bounds

    @property
    def on_terminal(self) -> bool:
        """Whether somebody watches."""
        return self._sink.isatty()

    def text(self, key: str, **values: Any) -> str:
        """A sentence of the terminal's own."""
        return TEXTS[self.language][key].format(**values)

    def say(self, line: str) -> Turn | None:
        """Say something and show the answer; None where it was stopped before it began."""
        said = self.conversation.say(clean(line, self._bounds.message_length))
        return self._ask(said, line, self.settings)

    def retry(self) -> Turn | None:
        """Show another answer to the last message, drawn with another seed."""
        line = self.conversation.exchanges[-1].message
        settings = replace(self.settings, mode="sampling", seed=None)
        return self._ask(self.conversation.retry(), line, settings)

    def command(self, line: str) -> None:
        """Do what a line says that begins with a slash."""
        shown = run(self, line)
        if self.as_json and shown:
            shown = json.dumps({"command": line, "output": shown}, ensure_ascii=False)
        if shown:
            self.show(shown)

    def show(self, text: str, end: str = "\n") -> None:
        """Write at once."""
        print(text, file=self._sink, end=end, flush=True)

    def prompt(self) -> str:
        """A line that was typed, or "" at the end; with line editing where Python has it."""
        try:
            return input(self.text("you")) + "\n"
        except EOFError:
            self.show("")
            return ""

    def _ask(self, conversation: Conversation, line: str, settings: Settings) -> Turn | None:
        turns = answer(self.responder, line, conversation.history(), settings, self._bounds)
        turn = self._grow(turns) if self.live else list(turns)[-1]
        if turn is not None:
            self.conversation = conversation.answer(turn)
            self._finish(turn)
        return turn

    def _grow(self, turns: Iterator[Turn]) -> Turn | None:
        """Show the growing answer in its place; Ctrl-C keeps what there is."""
        name, shown, last = self.text("bot"), "", None
        self.show(name, end="")
        try:
            for turn in turns:
                if turn.text.startswith(shown):
                    self.show(turn.text[len(shown) :], end="")
                else:
                    self.show(f"{START_OF_LINE}{name}{turn.text}", end="")
                shown, last = turn.text, turn
        except KeyboardInterrupt:
            self.show(" …", end="")
        self.show("")
        return last

    def _finish(self, turn: Turn) -> None:
        """What is left to be shown of a whole answer."""
        if self.as_json:
            self.show(json.dumps(as_dict(turn, self._with_alignment), ensure_ascii=False))
        elif not self.live:
            self.show(turn.text)
        if turn.notice is None:
            return
        values = {"limit": self._bounds.message_length, "reference": turn.reference}
        if self.live:
            self.show(self.text(turn.notice, **values))
        elif not turn.failed:  # what failed says so itself
            print(self.text(turn.notice, **values), file=sys.stderr, flush=True)


def converse(talk: Talk, source: TextIO) -> None:
    """Talk until ``/quit``, the end of ``source`` or an interrupt.

    At a terminal there is a prompt; through a pipe each line of input gives one line of output.
    """
    interactive = source.isatty() and talk.on_terminal
    talk.live = interactive and not talk.as_json
    if interactive:
        talk.show(talk.text("greeting"))
    read = talk.prompt if interactive else source.readline
    try:
        while line := read():
            text = clean(line)
            if text == "/quit":
                break
            if text.startswith("/"):
                talk.command(text)
            elif text or not interactive:
                talk.say(line)
    except KeyboardInterrupt:
        pass
    if interactive:
        talk.show(talk.text("goodbye"))


def respond(talk: Talk, message: str) -> bool:
    """Answer one message; False where that failed."""
    turn = talk.say(message)
    return turn is not None and not turn.failed


def as_dict(turn: Turn, with_alignment: bool) -> dict[str, Any]:
    """An answer for programs; ``kind`` tells whether a model spoke."""
    if turn.reply is None:
        kind = "failed" if turn.failed else "canned"
        return {"text": turn.text, "kind": kind, "reference": turn.reference}
    reply = describe(turn.reply)
    if not with_alignment:
        del reply["alignment"]
    return {**reply, "cut": turn.notice == "cut"}
