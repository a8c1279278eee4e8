#!/usr/bin/env python3
"""Ask a chat model what it has never read, and judge by patterns whether it stays on topic.

Usage: scripts/judge_chat.py [--model checkpoints/chat] [--half tuned|held-out] [--show]
       [--after-another] [--json FILE] [--markdown FILE]

The messages (``tests/chatbot/conversations``) were written and committed before the corpus grew, by
writers who had not seen it. Those with an odd number may be looked at while the corpus is tuned;
those with an even number are the held-out half: without ``--show`` only their score is printed.
A fallback answer does not count as on topic. With --after-another each message that has nothing
before it comes after an exchange about something else: another message and the reply to that.
"""

import argparse
import json
import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chatbot.corpus import LANGUAGES, read_themes
from chatbot.dialog import SEPARATOR, Message, Responder, Settings, normalise
from chatbot.strings import is_canned
from scripts.prepare_chat import Pairs

CONVERSATIONS = Path(__file__).resolve().parents[1] / "tests" / "chatbot" / "conversations"
LANGUAGE_NAMES = {"en": "English", "zh": "Chinese"}
HALVES = {"tuned": 1, "held-out": 0}  # the remainder of an item's number


@dataclass(frozen=True)
class Item:
    """A message after an earlier exchange or none, and what counts as an answer on topic."""

    id: str
    theme: str
    before: tuple[tuple[str, str], ...]
    message: str
    kind: str
    accept: tuple[str, ...]

    def dialog(self) -> list[Message]:
        """What the responder is asked."""
        said = []
        for user, bot in self.before:
            said += [Message("user", user), Message("assistant", bot)]
        return [*said, Message("user", self.message)]

    def accepts(self, reply: str) -> bool:
        """Whether a reply is on topic by the patterns."""
        return any(re.search(pattern, reply, re.IGNORECASE) for pattern in self.accept)


@dataclass(frozen=True)
class Verdict:
    """An item, the reply to it, and what it was judged to be."""

    item: Item
    reply: str
    fallback: bool
    on_topic: bool
    nearest: str
    overlap: float


def read_items(language: str, half: str | None = None) -> list[Item]:
    """The items of a language; of one half, or all."""
    entries = json.loads((CONVERSATIONS / f"{language}.json").read_text(encoding="utf-8"))
    items = [
        Item(
            **{
                **entry,
                "before": tuple(map(tuple, entry["before"])),
                "accept": tuple(entry["accept"]),
            }
        )
        for entry in entries
    ]
    return [item for item in items if half is None or number(item) % 2 == HALVES[half]]


def number(item: Item) -> int:
    """17 of ``en-017``."""
    return int(item.id.split("-")[1])


def units(text: str, language: str) -> frozenset[str]:
    """Words, or in Chinese characters, of a text as the model reads it."""
    text = normalise(text)
    return frozenset(text.replace(" ", "") if language == "zh" else text.split())


def nearest(message: str, phrasings: Sequence[frozenset[str]], language: str) -> tuple[int, float]:
    """The phrasing of the corpus that shares most with a message, and the share (Jaccard)."""
    own = units(message, language)
    shares = [len(own & other) / max(1, len(own | other)) for other in phrasings]
    best = max(range(len(shares)), key=shares.__getitem__)
    return best, shares[best]


def drawn(language: str) -> list[str]:
    """The messages of a training set of the corpus, as the model reads them, without noise."""
    pairs = Pairs(random.Random(1), turns=1, speakers=False)
    pairs.draw(language, {language: read_themes(language)})
    return list(dict.fromkeys(source.split(f" {SEPARATOR} ")[-1] for source in pairs.train))


def after_another(items: Sequence[Item], responder: Responder, settings: Settings) -> list[Item]:
    """The items that begin a conversation, each after one of another theme and the reply to it."""
    first = [item for item in items if not item.before]
    found = []
    for place, item in enumerate(first):
        later = [*first[place + 1 :], *first[:place]]
        other = next(each for each in later if each.theme != item.theme)
        *_, reply = responder.reply(other.dialog(), settings)
        found.append(replace(item, before=((other.message, reply.text),)))
    return found


def judge(
    responder: Responder, language: str, items: Sequence[Item], settings: Settings
) -> Iterator[Verdict]:
    """Ask for each item."""
    texts = drawn(language)
    phrasings = [units(text, language) for text in texts]
    for item in items:
        *_, reply = responder.reply(item.dialog(), settings)
        fallback = reply.kind == "fallback" or is_canned(reply.text)
        on_topic = not fallback and item.accepts(reply.text)
        place, overlap = nearest(item.message, phrasings, language)
        yield Verdict(item, reply.text, fallback, on_topic, texts[place], overlap)


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Counts, and how near the messages are to the corpus."""
    count = len(verdicts)
    return {
        "messages": count,
        "on_topic": sum(v.on_topic for v in verdicts) / count,
        "fallback": sum(v.fallback for v in verdicts) / count,
        "nearest_overlap": sum(v.overlap for v in verdicts) / count,
        "in_the_corpus_word_for_word": sum(v.overlap == 1.0 for v in verdicts),
    }


def show(verdict: Verdict) -> str:
    """One line of a transcript, and a second one where there was an exchange before."""
    before = "".join(f"    [{user} / {bot}]\n" for user, bot in verdict.item.before)
    return f"{before}{mark(verdict)} {verdict.item.id} {verdict.item.message}  ->  {verdict.reply}"


def markdown(record: Mapping[str, Any], half: str) -> str:
    """A transcript for people: of each language its scores and a table."""
    parts = []
    for language, found in record.items():
        score = f"{found['on_topic']:.0%} of {found['messages']} replies on topic by the patterns"
        nearest = f"{found['nearest_overlap']:.2f} mean overlap with the nearest phrasing"
        parts += [
            f"## {LANGUAGE_NAMES[language]}, {half} half",
            f"{score}, {found['fallback']:.0%} fallbacks, {nearest}.",
            "| | message | reply |\n|---|---|---|\n" + "\n".join(map(table_row, found["verdicts"])),
        ]
    return "\n\n".join(parts) + "\n"


def table_row(verdict: Verdict) -> str:
    """A line of a table; what was said before the message stands before it."""
    said = [text for exchange in verdict.item.before for text in exchange]
    message = " / ".join([*said, f"**{verdict.item.message}**"])
    cells = (f"{mark(verdict)} {verdict.item.id}", message, verdict.reply)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def mark(verdict: Verdict) -> str:
    """On topic, a fallback, or neither."""
    return "+" if verdict.on_topic else "~" if verdict.fallback else "-"


def main(argv: list[str] | None = None) -> int:
    """Print the scores, and the transcript where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="checkpoints/chat")
    parser.add_argument("--half", choices=HALVES, default="tuned")
    parser.add_argument("--lang", choices=LANGUAGES, action="append")
    parser.add_argument("--mode", choices=("greedy", "beam"), default="greedy")
    parser.add_argument(
        "--after-another", action="store_true", help="each after an exchange about something else"
    )
    parser.add_argument("--show", action="store_true", help="print the replies")
    parser.add_argument("--json", type=Path, help="write scores and transcript")
    parser.add_argument("--markdown", type=Path, help="write scores and transcript for people")
    args = parser.parse_args(argv)
    from chatbot.responder import load_responder

    responder = load_responder(args.model)
    record: dict[str, Any] = {}
    for language in args.lang or LANGUAGES:
        settings, items = Settings(mode=args.mode), read_items(language, args.half)
        if args.after_another:
            items = after_another(items, responder, settings)
        verdicts = list(judge(responder, language, items, settings))
        record[language] = summary(verdicts)
        print(language, args.half, json.dumps(record[language]))
        if args.show:
            print("\n".join(map(show, verdicts)))
        record[language]["verdicts"] = verdicts
    if args.markdown:
        args.markdown.write_text(markdown(record, args.half), encoding="utf-8")
    if args.json:
        for found in record.values():
            found["transcript"] = [show(verdict) for verdict in found.pop("verdicts")]
        text = json.dumps(record, ensure_ascii=False, indent=1)
        args.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
