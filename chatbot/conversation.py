"""A conversation as a value: what was said, every answer that was given, and which one stands.

Each change gives a new conversation, so that a page can draw one while the next is being made.
"""

import json
import math
from dataclasses import dataclass, replace
from typing import Any

from .dialog import Message, Reply
from .strings import SENTENCES, language_of
from .turn import Turn

MAX_EXCHANGES = 50  # older ones are forgotten
FILES = {"json": "application/json", "md": "text/markdown"}  # kinds of files, and their types


@dataclass(frozen=True)
class Exchange:
    """A message and its answers; ``shown`` is the one that stands in the conversation."""

    message: str
    variants: tuple[Turn, ...] = ()
    shown: int = 0

    @property
    def turn(self) -> Turn | None:
        """The answer that stands; None while there is none."""
        return self.variants[self.shown] if self.variants else None


@dataclass(frozen=True)
class Conversation:
    """Exchanges, oldest first.

    Attributes:
        exchanges: what was said and answered
        selected: the exchange whose reply is looked at; None means the last one
    """

    exchanges: tuple[Exchange, ...] = ()
    selected: int | None = None

    def say(self, message: str) -> "Conversation":
        """With a new message, not answered yet."""
        return Conversation((*self.exchanges, Exchange(message))[-MAX_EXCHANGES:])

    def retry(self) -> "Conversation":
        """With room for another answer to the last message; the earlier ones are kept."""
        last = self._last()
        variants = (*filter(lambda turn: turn.text, last.variants), Turn(""))
        retried = self._with_last(replace(last, variants=variants, shown=len(variants) - 1))
        return replace(retried, selected=None)

    def answer(self, turn: Turn) -> "Conversation":
        """With ``turn``, as far as it has come, as the newest answer to the last message."""
        last = self._last()
        variants = (*last.variants[:-1], turn)
        return self._with_last(replace(last, variants=variants, shown=len(variants) - 1))

    def settle(self) -> "Conversation":
        """With an answer where a reply was stopped before its first word."""
        last = self._last()
        if last.variants and last.variants[-1].text:
            return self
        if kept := last.variants[:-1]:  # one of which may be looked at by now
            shown = min(last.shown, len(kept) - 1)
            return self._with_last(replace(last, variants=kept, shown=shown))
        return self.answer(Turn(SENTENCES[language_of(last.message)]["stopped"]))

    def keep(self, count: int) -> "Conversation":
        """The first ``count`` exchanges only."""
        return Conversation(self.exchanges[: max(0, count)])

    def select(self, index: int) -> "Conversation":
        """Looking at the reply of one exchange."""
        self._check("exchange", index, len(self.exchanges))
        return replace(self, selected=index)

    def choose(self, candidate: int) -> "Conversation":
        """With a candidate in the place of the reply that is looked at."""
        exchange = self.current
        if exchange is None or exchange.turn is None:
            raise ValueError("There is no reply yet to choose a candidate for.")
        turn = exchange.turn.choose(candidate)
        variants = tuple(
            turn if i == exchange.shown else each for i, each in enumerate(exchange.variants)
        )
        return self._with(self.looked_at, replace(exchange, variants=variants))

    def show(self, variant: int) -> "Conversation":
        """With an earlier or later answer in the place of the reply that is looked at."""
        exchange = self.current or Exchange("")
        self._check("answer", variant, len(exchange.variants))
        return self._with(self.looked_at, replace(exchange, shown=variant))

    @property
    def looked_at(self) -> int:
        """The index of the exchange whose reply is looked at; -1 if there is none."""
        return len(self.exchanges) - 1 if self.selected is None else self.selected

    @property
    def current(self) -> Exchange | None:
        """The exchange whose reply is looked at."""
        return self.exchanges[self.looked_at] if self.exchanges else None

    def history(self) -> list[Message]:
        """What was said before the last message, for a Responder."""
        messages = []
        for exchange in self.exchanges[:-1]:
            messages.append(Message("user", exchange.message))
            if exchange.turn is not None:
                messages.append(Message("assistant", exchange.turn.text))
        return messages

    def to_json(self, model: str = "") -> str:
        """Everything that is known about the conversation, for programs."""
        exchanges = [
            {
                "message": exchange.message,
                "shown": exchange.shown,
                "answers": [_as_dict(turn) for turn in exchange.variants],
            }
            for exchange in self.exchanges
        ]
        return json.dumps({"model": model, "exchanges": exchanges}, ensure_ascii=False, indent=2)

    def to_markdown(self, model: str = "") -> str:
        """What was said, for people: any markup in it is escaped."""
        lines = [f"# {_literal(model)}\n"] if model else []
        for exchange in self.exchanges:
            lines.append(f"> {_literal(exchange.message)}\n")
            if exchange.turn is not None:
                lines.append(f"{_literal(exchange.turn.text)}\n")
        return "\n".join(lines)

    def _last(self) -> Exchange:
        if not self.exchanges:
            raise ValueError("Nothing has been said yet.")
        return self.exchanges[-1]

    def _with_last(self, exchange: Exchange) -> "Conversation":
        return self._with(len(self.exchanges) - 1, exchange)

    def _with(self, index: int, exchange: Exchange) -> "Conversation":
        changed = (*self.exchanges[:index], exchange, *self.exchanges[index + 1 :])
        return replace(self, exchanges=changed)

    @staticmethod
    def _check(noun: str, index: int, count: int) -> None:
        if not 0 <= index < count:
            raise ValueError(f"There is no {noun} {index}: there are {count}.")


def _as_dict(turn: Turn) -> dict[str, Any]:
    """An answer with what it was made from."""
    return {"text": turn.text, "chosen": turn.chosen, "reply": turn.reply and describe(turn.reply)}


def describe(reply: Reply) -> dict[str, Any]:
    """A reply as plain data, for files and programs."""
    alignment = reply.alignment and {
        "rows": list(reply.reply_words),
        "columns": list(reply.source_words),
        "weights": [[round(weight, 4) for weight in row] for row in reply.alignment],
    }
    return {
        "text": reply.text,
        "source": reply.source,
        "plan": reply.plan,
        "kind": reply.kind,
        "tokens": reply.tokens,
        "seconds": round(reply.seconds, 4),
        "first_seconds": round(reply.first_seconds, 4),
        "seed": reply.seed,
        "candidates": [
            {
                "text": each.text,
                "score": each.score,
                "probability": min(1.0, math.exp(each.score)),  # the mean per token
                "tokens": each.tokens,
                "reranked": each.reranked,
                "plan": each.plan,
            }
            for each in reply.candidates
        ],
        "alignment": alignment,
    }


def _literal(text: str) -> str:
    return "".join(f"\\{char}" if char in r"\`*_{}[]<>()#+-.!|~$&" else char for char in text)
