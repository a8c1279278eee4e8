"""A responder without a model, and a small program that serves the page with it."""

import math
import sys
import time
from collections.abc import Iterator, Sequence

from chatbot.alignment import words
from chatbot.dialog import SEPARATOR, Candidate, Message, Reply, Settings, source_text
from chatbot.strings import language_of

ANSWERS = {
    "en": "I am fine, thank you! And how are you?",
    "zh": "我很好，谢谢你！你今天过得怎么样？",
}


class EchoResponder:
    """Fixed answers with a plausible alignment; the word ``boom`` makes it fail."""

    def reply(self, dialog: Sequence[Message], settings: Settings) -> Iterator[Reply]:
        message = dialog[-1].text
        if "boom" in message:
            raise RuntimeError("secret /etc/path")
        time.sleep(0.05)
        source = source_text(dialog, settings.turns)
        text = ANSWERS[language_of(message)] if len(message) < 60 else message[:80]
        rows, columns = _split(text), _split(source)
        alignment = [_weights(i / max(1, len(rows) - 1), columns) for i in range(len(rows))]
        others = [text, text.lower(), text[: len(text) // 2] + ".", "?!"][: settings.beam]
        yield Reply(
            text=text,
            source=source,
            source_words=columns,
            reply_words=rows,
            alignment=tuple(alignment),
            candidates=tuple(Candidate(t, -0.3 * (i + 1)) for i, t in enumerate(others)),
            tokens=len(rows),
            seconds=0.052,
        )


def _split(text: str) -> tuple[str, ...]:
    pieces = []
    for word in text.split():
        pieces += [word] if word == SEPARATOR else [f"\u2581{word[0]}", *word[1:]]
    return tuple(word.text for word in words(pieces))


def _weights(place: float, columns: Sequence[str]) -> tuple[float, ...]:
    last = len(columns) - 1
    start = max((i + 1 for i, word in enumerate(columns) if word == SEPARATOR), default=0)
    centre = start + place * (last - start)
    raw = [math.exp(-((i - centre) ** 2) / 1.2) + 0.01 for i in range(len(columns))]
    return tuple(weight / sum(raw) for weight in raw)


def main(port: int) -> None:
    """Serve the page on this machine; prints its address when it is ready."""
    from chatbot.server import bind, serve
    from chatbot.ui import build_app, build_demo

    listener = bind("127.0.0.1", port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    card = "GRU + attention · 2.1M parameters · 2,431 subwords · CPU"
    app = build_app(build_demo(EchoResponder(), card=card))
    serve(app, listener, lambda: print(address, flush=True))


if __name__ == "__main__":
    main(int(sys.argv[1]))
