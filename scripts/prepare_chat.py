#!/usr/bin/env python3
"""Turn the bundled dialogues into parallel text and a SentencePiece model with its dictionary.

Usage: scripts/prepare_chat.py --lang both --out data-bin/chat.text [--turns 2] [--speakers]

Writes train.src, train.tgt, valid.src, valid.tgt (as pieces), spm.model and spm.dict.txt. A source
is the message after the exchanges before it (``chatbot.dialog.source_text``), a target the reply.
The validation set is made of phrasings that the training set does not hold.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chatbot.corpus import LANGUAGES, Exchange, read_dialogues
from chatbot.dialog import SEPARATOR, SPEAKERS, Message, source_text
from scripts import spm

Pair = tuple[str, str]

VOCAB_SIZE = 3000  # for both languages; one alone has fewer pieces to learn
VALID_SHARE = 0.03  # of the openings' phrasings
COMMON_TOPICS = ("greetings", "identity", "goodbyes")  # every visitor's; their openings count twice
UNRELATED_SHARE = 0.2  # of the openings, seen once more after an exchange about something else


def make_pairs(
    dialogues: Sequence[list[Exchange]],
    rng: random.Random,
    turns: int = 1,
    speakers: bool = False,
) -> tuple[list[Pair], list[Pair]]:
    """Training and validation pairs (source text, reply) of one language's dialogues.

    Args:
        turns: how many earlier exchanges a source holds at most
        speakers: begin each turn with the symbol of its speaker
    """
    train, valid = [], []
    exchanges = [exchange for dialogue in dialogues for exchange in dialogue]

    def add(pairs: list[Pair], phrasing: str, before: Sequence[Exchange], reply: str) -> None:
        pairs.append((_source(phrasing, before, rng, speakers), reply))

    for dialogue in dialogues:
        for place, exchange in enumerate(dialogue):
            before = dialogue[max(0, place - turns) : place]
            for number, phrasing in enumerate(exchange.phrasings):
                if place > 0:
                    add(train, phrasing, before, exchange.reply)
                elif number > 0 and rng.random() < VALID_SHARE:
                    add(valid, phrasing, [], exchange.reply)
                else:
                    add(train, phrasing, [], exchange.reply)
                    if turns and rng.random() < UNRELATED_SHARE:
                        add(train, phrasing, [rng.choice(exchanges)], exchange.reply)
    return train, valid


def openings(dialogues: Sequence[list[Exchange]], speakers: bool = False) -> list[Pair]:
    """Each phrasing that begins a dialogue, with its reply."""
    return [
        (source_text([Message("user", phrasing)], turns=0, speakers=speakers), dialogue[0].reply)
        for dialogue in dialogues
        for phrasing in dialogue[0].phrasings
    ]


def _source(phrasing: str, before: Sequence[Exchange], rng: random.Random, speakers: bool) -> str:
    """What the chatbot would feed for a message after some exchanges, or at the beginning."""
    dialog = []
    for exchange in before:
        earlier = rng.choice(exchange.phrasings)
        dialog += [Message("user", earlier), Message("assistant", exchange.reply)]
    return source_text([*dialog, Message("user", phrasing)], len(before), speakers)


def write(
    folder: Path, subset: str, pairs: list[Pair], pieces: sentencepiece.SentencePieceProcessor
) -> None:
    """The two sides of a subset, as pieces."""
    for side, suffix in enumerate(("src", "tgt")):
        lines = (" ".join(pieces.encode(pair[side], out_type=str)) for pair in pairs)
        content = "".join(f"{line}\n" for line in lines)
        spm.write_atomically(folder / f"{subset}.{suffix}", content.encode("utf-8"))


def sentences(pairs: list[Pair]) -> list[str]:
    """Every turn in ``pairs`` once, without its speaker, for the SentencePiece model.

    A reply stands beside each phrasing of its message; counted as often, whole replies would
    become pieces.
    """
    turns: dict[str, None] = {}
    for source, target in pairs:
        said = [_words(turn) for turn in source.split(f" {SEPARATOR} ")]
        turns.update(dict.fromkeys([*said, target]))
    return list(turns)


def _words(turn: str) -> str:
    """A turn without the symbol of its speaker."""
    for symbol in SPEAKERS.values():
        turn = turn.removeprefix(f"{symbol} ")
    return turn


def main(argv: list[str] | None = None) -> int:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lang", choices=[*LANGUAGES, "both"], default="both")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=1, help="earlier exchanges in a source")
    parser.add_argument("--speakers", action="store_true", help="begin turns with <user> or <bot>")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    if args.turns < 0:
        parser.error(f"--turns is {args.turns}, but must be at least 0")
    rng = random.Random(args.seed)
    train: list[Pair] = []
    valid: list[Pair] = []
    for language in LANGUAGES if args.lang == "both" else [args.lang]:
        try:
            parts = make_pairs(read_dialogues(language), rng, args.turns, args.speakers)
            common = openings(read_dialogues(language, COMMON_TOPICS), args.speakers)
        except ValueError as error:
            print(f"prepare_chat.py: {error}", file=sys.stderr)
            return 1
        held_out = set(parts[1])
        train += [*parts[0], *(pair for pair in common if pair not in held_out)]
        valid += parts[1]
    prefix = args.out / "spm"
    # Every Han character of the corpus is a piece of its own, so that each can be written.
    symbols = [SEPARATOR, *(SPEAKERS.values() if args.speakers else ())]
    spm.train(sentences(train), prefix, VOCAB_SIZE, coverage=1.0, symbols=symbols)
    pieces = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    write(args.out, "train", train, pieces)
    write(args.out, "valid", valid, pieces)
    print(f"{len(train)} training and {len(valid)} validation pairs, {len(pieces)} pieces")
    return 0


if __name__ == "__main__":
    sys.exit(main())
