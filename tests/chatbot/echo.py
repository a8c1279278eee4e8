"""A responder and a shelf without a model, and a small program that serves the page with them.

What a message holds decides what happens: ``boom`` fails at once, ``crack`` after a few words,
``slow`` takes 0.2 s for each word, ``endless`` the same for 200 words, ``blind`` answers as a model
without attention does.
"""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from chatbot.alignment import words
from chatbot.dialog import SEPARATOR, Candidate, Card, Message, Reply, Settings, source_text
from chatbot.strings import language_of

ANSWERS = {
    "en": "I am fine, thank you! And how are you?",
    "zh": "我很好，谢谢你！你今天过得怎么样？",
}


class EchoResponder:
    """Fixed answers with a plausible alignment, word by word but for beam search."""

    def __init__(self, name: str = "echo", greeting: str = "") -> None:
        self.card = Card(
            name=name,
            architecture="s2s_attn: GRU with attention, 1 + 1 layers, 192/256",
            parameters=1_640_000,
            vocabulary=3000,
            data="the bundled dialogues, English and Chinese",
            licence="MIT",
            date="2026-11-21",
            scores=(("perplexity", "3.21"),),
        )
        self.greeting = greeting

    def reply(self, dialog: Sequence[Message], settings: Settings) -> Iterator[Reply]:
        message = dialog[-1].text
        if "boom" in message:
            raise RuntimeError("secret /etc/path")
        whole = self._whole(dialog, settings)
        if settings.mode != "beam":
            for count in range(1, len(whole.reply_words)):
                time.sleep(0.2 if "slow" in message or "endless" in message else 0.01)
                if "crack" in message and count == 3:
                    raise RuntimeError("secret /etc/path")
                yield _prefix(whole, count)
        yield whole

    def _whole(self, dialog: Sequence[Message], settings: Settings) -> Reply:
        message = dialog[-1].text
        source = source_text(dialog, settings.turns)
        text = self.greeting + (
            ANSWERS[language_of(message)] if len(message) < 60 else message[:80]
        )
        columns, attends = _split(source), "blind" not in message
        if "endless" in message:
            text = " ".join(f"{count} and" for count in range(100))
        others = [text, text.lower(), text[: len(text) // 2] + ".", "?!"][: settings.beam]
        found = [
            Candidate(
                text=other,
                score=-0.3 * (i + 1),
                reply_words=(rows := _split(other)),
                alignment=_align(rows, columns) if attends else None,
                tokens=len(rows),
                unfinished=len(rows) >= settings.max_length,
            )
            for i, other in enumerate(dict.fromkeys(others))
        ]
        return Reply(
            text=text,
            source=source,
            source_words=columns,
            reply_words=found[0].reply_words,
            alignment=found[0].alignment,
            candidates=tuple(found),
            tokens=found[0].tokens,
            unfinished=found[0].unfinished,
            seconds=0.052,
            first_seconds=0.011,
            seed=(settings.seed or 7) if settings.mode == "sampling" else None,
            attends=attends,
        )


class EchoShelf:
    """Two models on it; the second begins each answer with another word."""

    def __init__(self, *responders: EchoResponder) -> None:
        found = responders or (EchoResponder(), EchoResponder("parrot", "Well: "))
        self.responders = {responder.card.name: responder for responder in found}
        self.names = list(self.responders)

    def get(self, name: str | None = None) -> EchoResponder:
        if name is not None and name not in self.responders:
            raise ValueError(f"There is no model {name!r}: choose among {', '.join(self.names)}.")
        return self.responders[name or self.names[0]]


def _prefix(whole: Reply, count: int) -> Reply:
    words_ = whole.reply_words[:count]
    text = whole.text[: sum(len(word) for word in words_) + (count if " " in whole.text else 0)]
    alignment = None if whole.alignment is None else whole.alignment[:count]
    return replace(
        whole, text=text, reply_words=words_, alignment=alignment, candidates=(), tokens=count
    )


def _split(text: str) -> tuple[str, ...]:
    pieces = []
    for word in text.split():
        pieces += [word] if word == SEPARATOR else [f"\u2581{word[0]}", *word[1:]]
    return tuple(word.text for word in words(pieces))


def _align(rows: Sequence[str], columns: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    return tuple(_weights(i / max(1, len(rows) - 1), columns) for i in range(len(rows)))


def _weights(place: float, columns: Sequence[str]) -> tuple[float, ...]:
    last = len(columns) - 1
    start = max((i + 1 for i, word in enumerate(columns) if word == SEPARATOR), default=0)
    centre = start + place * (last - start)
    raw = [math.exp(-((i - centre) ** 2) / 1.2) + 0.01 for i in range(len(columns))]
    return tuple(weight / sum(raw) for weight in raw)


def main(port: int) -> None:
    """Serve the page on this machine; prints its address when it is ready."""
    from chatbot.api import build_api
    from chatbot.server import bind, serve
    from chatbot.ui import mount

    listener = bind("127.0.0.1", port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    shelf = EchoShelf()
    app = mount(build_api(shelf), shelf)
    serve(app, listener, lambda: print(address, flush=True))


if __name__ == "__main__":
    main(int(sys.argv[1]))
