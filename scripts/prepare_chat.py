#!/usr/bin/env python3
"""Turn the bundled dialogues into parallel text and a SentencePiece model with its dictionary.

Usage: scripts/prepare_chat.py --lang both --out data-bin/chat.text [--turns 2] [--speakers]

Writes train.src, train.tgt, valid.src, valid.tgt (as pieces), spm.model, the dictionaries of its
pieces spm.dict.txt and of those that outputs have tgt.dict.txt (half as many, so that the output
layer costs half), and words.txt, the words that the model has read. A source is the message after
the exchanges before it (``chatbot.dialog.source_text``). A phrasing of the corpus stands for many
texts; the training set holds some of each, as they are and as others would have typed them
(``scripts/noise.py``), the validation set others that the training set does not hold.

A target is a plan, ``<say>`` and the reply. The plan is the reply's theme, a symbol that both
languages share, and its rarest piece: what the reply is about is decided first, from the coarse to
the fine, and the words follow from it (topic-aware generation, Xing et al., 2017,
arXiv:1606.08340; content-introducing generation, Mou et al., 2016, arXiv:1607.00970;
plan-and-write, Yao et al., 2019, arXiv:1811.05701). The folder plan/ holds the same pairs with the
plan alone for a target, on which a training begins: they are a fourth of the work.
"""

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chatbot.corpus import FALLBACK, LANGUAGES, Exchange, Theme, read_themes
from chatbot.dialog import PLAN_END, SEPARATOR, SPEAKERS, SYMBOLS, Message, source_text
from chatbot.familiar import WORDS_FILE, write_words
from chatbot.strings import EXAMPLES, FALLBACKS, is_canned
from scripts import spm
from scripts.noise import noisy

Pair = tuple[str, str]

_HAN = re.compile("[\u4e00-\u9fff]")

VOCAB_SIZE = 8000  # for both languages; one alone has fewer pieces to learn
OPENING_TEXTS = {"en": 4, "zh": 3}  # of each phrasing at most; there are more Chinese ones
COMMON_COPIES = 6  # of what most people say: see common_texts
EXAMPLE_COPIES = 40  # of what the page proposes to say, on buttons
ANSWER_TEXTS = 1  # sources with a context are long, and cost most of the time
FOLLOW_UP_TEXTS = 2
VALID_SHARE = 0.01  # of the openings
UNRELATED_SHARE = 0.25  # of the openings, those that come after an exchange about something else
FOREIGN_SHARE = 0.2  # of these exchanges, those in another language
ANSWERED_SHARE = 0.3  # of a theme's follow-ups, those that come after an answer
MIXED_SHARE = 0.3  # of the others, those that come after a message and another reply
NOISY_SHARE = 0.3  # of the texts, seen as somebody else would have typed them
SAMPLED_SHARE = 0.3  # of the noisy sources, in pieces that are not the likeliest


class Pairs:
    """Training and validation pairs (source text, reply), no source with two replies.

    Args:
        rng: what is drawn is drawn from it
        turns: how many earlier exchanges a source holds at most
        speakers: begin each turn with the symbol of its speaker
    """

    def __init__(self, rng: random.Random, turns: int, speakers: bool) -> None:
        self.rng = rng
        self.turns = turns
        self.speakers = speakers
        self.train: dict[str, str] = {}
        self.noisy: dict[str, str] = {}
        self.valid: dict[str, str] = {}
        self.common: set[str] = set()
        self.clashes = 0

    def draw(self, language: str, themes: Mapping[str, Sequence[Theme]]) -> None:
        """Draw the pairs of all themes of a language; ``themes`` has those of all languages."""
        add = partial(self._add, language)
        exchanges = {
            name: [exchange for theme in found for exchange in theme.exchanges()]
            for name, found in themes.items()
        }
        foreign = [each for name, found in exchanges.items() if name != language for each in found]
        openings = [block.opening for theme in themes[language] for block in theme.blocks]
        common = (text for opening in openings for text in common_texts(opening))
        self.common |= {self._source(text, []) for text in common}
        for theme in themes[language]:
            for block in theme.blocks:
                for text in common_texts(block.opening):
                    add(text, [], block.opening.reply)
                for text in self._texts(block.opening, OPENING_TEXTS[language]):
                    before = []
                    if self.turns and self.rng.random() < UNRELATED_SHARE:
                        others = foreign and self.rng.random() < FOREIGN_SHARE
                        before = [self.rng.choice(foreign if others else exchanges[language])]
                    add(text, before, block.opening.reply)
                for answer in block.answers:
                    for text in self._texts(answer, ANSWER_TEXTS):
                        add(text, [block.opening], answer.reply)
            for follow_up in theme.follow_ups:
                for phrasing in follow_up.phrasings:
                    for _ in range(FOLLOW_UP_TEXTS):
                        before = self._conversation(theme)
                        add(phrasing.sample(self.rng), before, follow_up.reply)

    def _conversation(self, theme: Theme) -> list[Exchange]:
        """An exchange that a theme's follow-ups may continue, after that which led to it.

        Now and then the reply is another of the theme: what was said before is not always what
        the corpus would have said.
        """
        block = self.rng.choice(theme.blocks)
        if block.answers and self.rng.random() < ANSWERED_SHARE:
            return [block.opening, self.rng.choice(block.answers)]
        if self.rng.random() < MIXED_SHARE:
            return [replace(block.opening, reply=self.rng.choice(theme.blocks).opening.reply)]
        return [block.opening]

    def _texts(self, exchange: Exchange, count: int) -> Iterator[str]:
        """Up to ``count`` of what each of its phrasings stands for."""
        for phrasing in exchange.phrasings:
            yield from dict.fromkeys(phrasing.sample(self.rng) for _ in range(count))

    def _add(self, language: str, text: str, before: Sequence[Exchange], reply: str) -> None:
        """A message after some exchanges, as it is and perhaps as somebody else would type it."""
        before = before[-self.turns :] if self.turns else []
        reply = _said(reply, language)
        earlier = []
        for exchange in before:
            if exchange.reply != FALLBACK:  # no part of the conversation, see turn.answer
                said = self.rng.choice(exchange.phrasings).sample(self.rng)
                earlier += [Message("user", said), Message("assistant", exchange.reply)]
        source = self._source(text, earlier)
        new = not before and source not in self.train and source not in self.common
        if new and self.rng.random() < VALID_SHARE:
            self.valid[source] = reply
        elif source not in self.valid:
            if self.train.setdefault(source, reply) != reply:
                self.clashes += 1
            elif self.rng.random() < NOISY_SHARE:
                other = noisy(text, language, self.rng)
                self.noisy.setdefault(self._source(other, earlier), reply)

    def _source(self, text: str, earlier: Sequence[Message]) -> str:
        """What the chatbot would feed for a message after earlier ones."""
        return source_text([*earlier, Message("user", text)], self.turns, self.speakers)

    def noisy_pairs(self) -> list[Pair]:
        """Those of the noisy pairs whose source is nobody else's text."""
        others = self.train.keys() | self.valid.keys()
        return [pair for pair in self.noisy.items() if pair[0] not in others]

    def copies(self) -> list[Pair]:
        """The pairs of the common sources, once for each copy that is wanted beside the first."""
        common = [pair for pair in self.train.items() if pair[0] in self.common]
        examples = {self._source(text, []) for texts in EXAMPLES.values() for text in texts}
        proposed = [pair for pair in common if pair[0] in examples]
        return common * (COMMON_COPIES - 1) + proposed * (EXAMPLE_COPIES - COMMON_COPIES)


def common_texts(opening: Exchange) -> list[str]:
    """What most people say of all that an opening's first, plainest phrasing stands for.

    Its first text, and those of no more than two words, or four characters in Chinese ("hi").
    """
    first, *others = islice(opening.phrasings[0], 20)
    return [first, *filter(_is_short, others)]


def _is_short(text: str) -> bool:
    return len(text) <= 4 if _HAN.search(text) else len(text.split()) <= 2


class Plans:
    """What replies are about: the theme, and the piece that the fewest replies have.

    Args:
        themes: of each reply the name of its theme
        pieces: encodes replies
    """

    def __init__(
        self, themes: Mapping[str, str], pieces: sentencepiece.SentencePieceProcessor
    ) -> None:
        self.themes = themes
        encoded = (pieces.encode(reply, out_type=str) for reply in themes)
        self.counts = Counter(piece for reply in encoded for piece in set(reply))

    def plan(self, reply: str, pieces: Sequence[str]) -> list[str]:
        """The theme's symbol and the rarest piece with a letter; of several the longest."""
        words = [piece for piece in pieces if any(map(str.isalpha, piece))] or list(pieces)
        rarest = min(words, key=lambda piece: (self.counts[piece], -len(piece)))
        return [theme_symbol(self.themes[reply]), rarest]


def theme_symbol(name: str) -> str:
    """Of a theme in a plan; in capitals, which no source has."""
    return f"<{name.upper()}>"


def themes_of_replies(themes: Mapping[str, Sequence[Theme]]) -> dict[str, str]:
    """The name of each reply's theme, from the themes of each language; the first that has it."""
    names: dict[str, str] = {}
    for language, found in themes.items():
        for theme in found:
            for exchange in theme.exchanges():
                names.setdefault(_said(exchange.reply, language), theme.name)
    return names


@dataclass(frozen=True)
class Line:
    """A pair as pieces."""

    source: list[str]
    plan: list[str]
    reply: list[str]


def write(folder: Path, subset: str, lines: Sequence[tuple[list[str], list[str]]]) -> None:
    """The two sides of a subset."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, suffix in enumerate(("src", "tgt")):
        content = "".join(f"{' '.join(pair[side])}\n" for pair in lines)
        spm.write_atomically(folder / f"{subset}.{suffix}", content.encode("utf-8"))


def encode(pair: Pair, pieces: sentencepiece.SentencePieceProcessor, plans: Plans) -> Line:
    """Both sides as their likeliest pieces, and the plan."""
    source, reply = (pieces.encode(text, out_type=str) for text in pair)
    return Line(source, plans.plan(pair[1], reply), reply)


def encode_noisy(
    pair: Pair, pieces: sentencepiece.SentencePieceProcessor, plans: Plans, rng: random.Random
) -> Line:
    """The same, with a source in one of its many other segmentations now and then."""
    line = encode(pair, pieces, plans)
    if rng.random() < SAMPLED_SHARE:
        others = pieces.nbest_encode(pair[0], nbest_size=8, out_type=str)
        others = [other for other in others if _symbols(other) == _symbols(line.source)]
        return replace(line, source=rng.choice(others))
    return line


def _symbols(pieces: list[str]) -> int:
    """How many symbols there are; an unlikely segmentation may break one."""
    return sum(piece in SYMBOLS for piece in pieces)


def sentences(pairs: list[Pair], replies: Iterable[str]) -> list[str]:
    """What the SentencePiece model is trained on: every message of ``pairs`` and every reply once.

    A reply stands beside each phrasing of its message; counted as often, whole replies would
    become pieces. So would whole questions in Chinese, which has no spaces: the characters of its
    messages are parted, and words of several characters are learned from the replies.
    """
    messages = (_words(source.split(f" {SEPARATOR} ")[-1]) for source, _ in pairs)
    parted = (_HAN.sub(rf"{spm.BREAK}\g<0>{spm.BREAK}", message) for message in messages)
    return list(dict.fromkeys([*parted, *replies]))


def _said(reply: str, language: str) -> str:
    """A reply of the corpus as the model says it."""
    return FALLBACKS[language][0] if reply == FALLBACK else reply


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
    pairs = Pairs(rng, args.turns, args.speakers)
    languages = LANGUAGES if args.lang == "both" else [args.lang]
    try:
        themes = {language: read_themes(language) for language in languages}
    except ValueError as error:
        print(f"prepare_chat.py: {error}", file=sys.stderr)
        return 1
    for language in themes:
        pairs.draw(language, themes)
    replies = themes_of_replies(themes)
    train, noise, valid = list(pairs.train.items()), pairs.noisy_pairs(), list(pairs.valid.items())
    prefix = args.out / "spm"
    # Every Han character of the corpus is a piece of its own, so that each can be written.
    symbols = [SEPARATOR, PLAN_END, *(SPEAKERS.values() if args.speakers else ())]
    symbols += sorted(set(map(theme_symbol, replies.values())))
    spm.train(sentences(train, replies), prefix, VOCAB_SIZE, coverage=1.0, symbols=symbols)
    pieces = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    known = (source for source, reply in train if not is_canned(reply))
    write_words(args.out / WORDS_FILE, known)
    plans = Plans(replies, pieces)
    outputs = plans.counts.keys() | set(symbols) - {SEPARATOR, *SPEAKERS.values()}
    spm.write_dictionary(args.out / "tgt.dict.txt", pieces, outputs)
    lines = {
        "train": [
            *(encode(pair, pieces, plans) for pair in train),
            *(encode_noisy(pair, pieces, plans, rng) for pair in noise),
            *(encode(pair, pieces, plans) for pair in pairs.copies()),
        ],
        "valid": [encode(pair, pieces, plans) for pair in valid],
    }
    for subset, found in lines.items():
        whole = [(line.source, [*line.plan, PLAN_END, *line.reply]) for line in found]
        write(args.out, subset, whole)
        write(args.out / "plan", subset, [(line.source, line.plan) for line in found])
    print(
        f"{len(train)} training pairs, {len(noise)} noisy ones, {len(valid)} validation pairs, "
        f"{len(pieces)} pieces; {pairs.clashes} texts left out that have another reply already"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
