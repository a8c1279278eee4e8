"""One turn of a conversation that cannot fail: whatever happens, there is an answer to show."""

import logging
import queue
import secrets
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .bounds import Bounds
from .dialog import Message, Reply, Responder, Settings, clean, is_cut
from .familiar import fallback, spoken
from .strings import SENTENCES, language_of

logger = logging.getLogger(__name__)

Notice = Literal["cut", "late", "busy", "failed"]


@dataclass(frozen=True)
class Turn:
    """An answer, as far as it has come.

    Attributes:
        text: the answer
        reply: what it was made from; None where no model spoke
        notice: what else the user should be told: a key of ``strings.LABELS``
        reference: of a failure, the same as in the log
        chosen: which of the reply's candidates this is
    """

    text: str
    reply: Reply | None = None
    notice: Notice | None = None
    reference: str = ""
    chosen: int = 0

    @property
    def failed(self) -> bool:
        """Whether the text is an excuse: the model failed, or had too much to do."""
        return self.notice in ("busy", "failed")

    def choose(self, candidate: int) -> "Turn":
        """The same turn with another candidate, and its alignment, in the answer's place."""
        found = self.reply.candidates if self.reply else ()
        if self.reply is None or not 0 <= candidate < len(found):
            raise ValueError(f"There is no candidate {candidate}: the reply has {len(found)}.")
        new = found[candidate]
        reply = replace(
            self.reply,
            text=new.text,
            reply_words=new.reply_words,
            alignment=new.alignment,
            tokens=new.tokens,
            plan=new.plan,
            unfinished=new.unfinished,
        )
        return replace(self, text=new.text, reply=reply, chosen=candidate)


def answer(
    responder: Responder,
    message: str,
    history: Sequence[Message],
    settings: Settings,
    bounds: Bounds = Bounds(),
) -> Generator[Turn, None, None]:
    """Answer ``message`` after ``history``; yields the growing turn, the last one whole.

    A reply that takes too long is cut, with the notice ``"late"``.
    """
    end = time.monotonic() + bounds.reply_seconds
    text = clean(message, bounds.message_length)
    history = [replace(said, text=clean(said.text, bounds.message_length)) for said in history]
    sentences = SENTENCES[language_of(text)]
    if not text:
        yield Turn(sentences["empty"])
        return
    notice: Notice | None = "cut" if is_cut(message, bounds.message_length) else None
    turn = None
    try:
        for reply in responder.reply([*spoken(history), Message("user", text)], settings):
            if turn is not None and time.monotonic() > end:
                yield replace(turn, notice="late")
                return
            reply = _other_than(history, reply)
            turn = Turn(reply.text, reply, notice)
            yield turn
        if turn is None:
            raise RuntimeError("the responder gave no reply")
    except queue.Full:
        yield Turn(sentences["busy"], notice="busy")
    except Exception:
        reference = secrets.token_hex(3)
        logger.exception("A reply failed (reference %s)", reference)
        yield Turn(sentences["failed"], notice="failed", reference=reference)


def _other_than(history: Sequence[Message], reply: Reply) -> Reply:
    """The reply; in place of the last answer's fallback, which no responder is told, another."""
    before = history[-1].text if history else ""
    if reply.kind != "fallback" or reply.candidates or reply.text != before:
        return reply
    return replace(reply, text=fallback(reply.text, len(history), avoid=before))
