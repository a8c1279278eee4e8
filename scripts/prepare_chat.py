#!/usr/bin/env python3
"""Turn the bundled dialogues into parallel text and a SentencePiece model with its dictionary.

Usage: scripts/prepare_chat.py --lang both --out data-bin/chat.text [--turns 2] [--speakers]

Writes train.src, train.tgt, valid.src, valid.tgt (as pieces), spm.model, spm.dict.txt, and
words.txt, the words that the model has read. A source is the message after the exchanges before it
(``chatbot.dialog.source_text``), a target the reply. The training set holds each phrasing as it is,
and copies as others would have typed it (``scripts/noise.py``), some of them in other pieces. The
validation set is made of phrasings that the training set does not hold.
"""

import argparse
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chatbot.corpus import FALLBACK, LANGUAGES, Dialogue, Exchange, read_dialogues
from chatbot.dialog import SEPARATOR, SPEAKERS, SYMBOLS, Message, source_text
from chatbot.familiar import WORDS_FILE, write_words
from chatbot.strings import FALLBACKS, is_canned
from scripts import spm
from scripts.noise import noisy

Pair = tuple[str, str]

VOCAB_SIZE = 5000  # for both languages; one alone has fewer pieces to learn
VALID_SHARE = 0.03  # of the openings' phrasings
COMMON_TOPICS = ("greetings", "identity", "goodbyes")  # every visitor's; their openings count twice
UNRELATED_SHARE = 0.2  # of the openings, seen once more after an exchange about something else
NOISY_SHARE = 0.2  # of the phrasings, seen once more as somebody else would have typed them
FILLED_SHARE = 0.04  # of the dialogues that there are once for each of many values
FILLED_PHRASINGS = 1  # of each exchange in those
SAMPLED_SHARE = 0.3  # of the noisy sources, in pieces that are not the likeliest


def make_pairs(
    language: str,
    dialogues: Sequence[Dialogue],
    rng: random.Random,
    turns: int = 1,
    speakers: bool = False,
) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Training, noisy training and validation pairs (source text, reply) of one language.

    Args:
        turns: how many earlier exchanges a source holds at most
        speakers: begin each turn with the symbol of its speaker
    """
    train: list[Pair] = []
    noise: list[Pair] = []
    valid: list[Pair] = []
    exchanges = [exchange for dialogue in dialogues for exchange in dialogue]

    def add(phrasing: str, before: Sequence[Exchange], reply: str) -> None:
        train.append((_source(phrasing, before, rng, speakers), reply))
        if rng.random() < NOISY_SHARE:
            other = noisy(phrasing, language, rng)
            noise.append((_source(other, before, rng, speakers), reply))

    for dialogue in dialogues:
        if dialogue[0].filled and rng.random() >= FILLED_SHARE:
            continue
        for place, exchange in enumerate(dialogue):
            before = dialogue[max(0, place - turns) : place]
            for number, phrasing in enumerate(_phrasings(exchange, rng)):
                reply = _reply(exchange, language, rng)
                if place == 0 and number > 0 and rng.random() < VALID_SHARE:
                    valid.append((_source(phrasing, [], rng, speakers), reply))
                    continue
                add(phrasing, before, reply)
                if place == 0 and turns and rng.random() < UNRELATED_SHARE:
                    unrelated = [rng.choice(exchanges)]
                    train.append((_source(phrasing, unrelated, rng, speakers), reply))
    return train, _without_clashes(noise, train, valid), valid


def _phrasings(exchange: Exchange, rng: random.Random) -> Sequence[str]:
    """All of them, or some where the exchange is one of many alike."""
    if not exchange.filled or len(exchange.phrasings) <= FILLED_PHRASINGS:
        return exchange.phrasings
    return rng.sample(exchange.phrasings, FILLED_PHRASINGS)


def _reply(exchange: Exchange, language: str, rng: random.Random) -> str:
    return rng.choice(FALLBACKS[language]) if exchange.reply == FALLBACK else exchange.reply


def _without_clashes(noise: list[Pair], train: list[Pair], valid: list[Pair]) -> list[Pair]:
    """The noisy pairs whose source is nobody else's: noise may turn one message into another."""
    replies = dict([*noise, *train])
    held_out = {source for source, _ in valid}
    kept = (pair for pair in noise if replies[pair[0]] == pair[1] and pair[0] not in held_out)
    return list(dict.fromkeys(kept))


def openings(dialogues: Sequence[Dialogue], speakers: bool = False) -> list[Pair]:
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
        if exchange.reply != FALLBACK:  # no part of the conversation, see turn.answer
            dialog += [Message("user", earlier), Message("assistant", exchange.reply)]
    return source_text([*dialog, Message("user", phrasing)], len(before), speakers)


def write(folder: Path, subset: str, lines: list[tuple[list[str], list[str]]]) -> None:
    """The two sides of a subset, as pieces."""
    for side, suffix in enumerate(("src", "tgt")):
        content = "".join(f"{' '.join(pair[side])}\n" for pair in lines)
        spm.write_atomically(folder / f"{subset}.{suffix}", content.encode("utf-8"))


def encode(pair: Pair, pieces: sentencepiece.SentencePieceProcessor) -> tuple[list[str], list[str]]:
    """Both sides as their likeliest pieces."""
    source, target = (pieces.encode(text, out_type=str) for text in pair)
    return source, target


def encode_noisy(
    pair: Pair, pieces: sentencepiece.SentencePieceProcessor, rng: random.Random
) -> tuple[list[str], list[str]]:
    """The same, with a source in one of its many other segmentations now and then."""
    source, target = encode(pair, pieces)
    if rng.random() < SAMPLED_SHARE:
        others = pieces.nbest_encode(pair[0], nbest_size=8, out_type=str)
        source = rng.choice([other for other in others if _symbols(other) == _symbols(source)])
    return source, target


def _symbols(pieces: list[str]) -> int:
    """How many symbols there are; an unlikely segmentation may break one."""
    return sum(piece in SYMBOLS for piece in pieces)


def sentences(pairs: list[Pair], replies: Iterable[str]) -> list[str]:
    """Every turn in ``pairs`` once, without its speaker, and replies, for the SentencePiece model.

    A reply stands beside each phrasing of its message; counted as often, whole replies would
    become pieces.
    """
    turns: dict[str, None] = {}
    for source, target in pairs:
        said = [_words(turn) for turn in source.split(f" {SEPARATOR} ")]
        turns.update(dict.fromkeys([*said, target]))
    turns.update(dict.fromkeys(replies))
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
    noise: list[Pair] = []
    valid: list[Pair] = []
    replies: list[str] = []
    for language in LANGUAGES if args.lang == "both" else [args.lang]:
        try:
            dialogues = read_dialogues(language)
            parts = make_pairs(language, dialogues, rng, args.turns, args.speakers)
            common = openings(read_dialogues(language, COMMON_TOPICS), args.speakers)
        except ValueError as error:
            print(f"prepare_chat.py: {error}", file=sys.stderr)
            return 1
        held_out = set(parts[2])
        train += [*parts[0], *(pair for pair in common if pair not in held_out)]
        noise += parts[1]
        valid += parts[2]
        replies += [exchange.reply for dialogue in dialogues for exchange in dialogue]
    prefix = args.out / "spm"
    # Every Han character of the corpus is a piece of its own, so that each can be written.
    symbols = [SEPARATOR, *(SPEAKERS.values() if args.speakers else ())]
    spm.train(sentences(train, replies), prefix, VOCAB_SIZE, coverage=1.0, symbols=symbols)
    pieces = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    known = (source for source, reply in train if not is_canned(reply))
    write_words(args.out / WORDS_FILE, known)
    noisy_lines = [encode_noisy(pair, pieces, rng) for pair in noise]
    write(args.out, "train", [*(encode(pair, pieces) for pair in train), *noisy_lines])
    write(args.out, "valid", [encode(pair, pieces) for pair in valid])
    print(
        f"{len(train)} training pairs, {len(noise)} noisy ones, {len(valid)} validation pairs, "
        f"{len(pieces)} pieces"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
