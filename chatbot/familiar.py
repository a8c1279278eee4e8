"""Whether a message lies outside the world of the dialogues that a model has read.

A model of a few thousand dialogues answers anything, mostly with something that it has read. What
it cannot know shows before it speaks: the message is made of words that were in none of them.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2s
from itertools import groupby
from pathlib import Path

from fairseq_plugins.package import WORDS

from .dialog import SYMBOLS, Message, normalise
from .spelling import Spelling
from .strings import FALLBACKS, is_canned, language_of

WORDS_FILE = WORDS  # beside the dictionaries: a word and its count on each line

# Shares of messages, measured on phrasings that the list of words does not hold: of those inside
# the dialogues' world 1.4 % (English) and 0.9 % (Chinese) are mostly unknown, 1.4 % and 7 % at
# least partly; of those outside it 39 % and 22 % mostly, 52 % and 70 % at least partly.
MOSTLY_UNKNOWN = 0.6  # refused unheard
PARTLY_UNKNOWN = 0.35  # refused where the model is unsure
UNSURE = -1.0  # mean log-probability of the reply's tokens: 0.37 each

_FOREIGN = re.compile("<unk>|<0x[0-9A-F]{2}>")  # pieces of what a vocabulary does not hold


def units(text: str) -> list[str]:
    """What is known or not in a normalised text: words; of Chinese, characters and pairs."""
    found = []
    for word in text.split():
        for language, characters in groupby(word, key=language_of):
            run = "".join(characters)
            if language == "zh":
                found += [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
            elif run not in SYMBOLS and any(map(str.isalpha, run)):
                found.append(run)
    return found


def write_words(path: Path, sources: Iterable[str]) -> None:
    """Write the units of a model's training sources, as it read them, with their counts."""
    counts = Counter(unit for source in sources for unit in units(source))
    lines = (f"{unit} {count}\n" for unit, count in counts.most_common())
    path.write_text("".join(lines), encoding="utf-8")


class KnownWords:
    """The units of the sources that a model was trained on.

    Args:
        counts: how often each was there
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts
        self.spelling = Spelling(counts)

    @classmethod
    def read(cls, path: Path) -> "KnownWords":
        """From a file of :func:`write_words`.

        Raises:
            ValueError: in one sentence, where it is none
        """
        counts = {}
        try:
            for line in path.read_text(encoding="utf-8").splitlines():
                unit, count = line.split(" ")
                counts[unit] = int(count)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} is no list of words and their counts: {error}") from error
        return cls(counts)

    def unknown_share(self, message: str) -> float:
        """How much of a message is unknown, from 0 to 1; frequent words weigh little.

        What all dialogues hold says nothing about this one: a word that was there c times weighs
        1 / (1 + log(1 + c)), an unknown one 1, an unknown pair of known characters half of it,
        since words are not marked in Chinese and most neighbours are no word. A slip counts as what
        was meant.
        """
        unknown = total = 0.0
        for unit in units(self.spelling.read(normalise(message))):
            if unit in self.counts:
                total += 1 / (1 + math.log(1 + self.counts[unit]))
            else:
                weight = 0.5 if len(unit) == 2 and language_of(unit) == "zh" else 1.0
                unknown += weight
                total += weight
        return unknown / total if total else 0.0


def foreign_share(pieces: Sequence[str]) -> float:
    """The share of a source's pieces that its vocabulary does not hold: unknown, or bytes."""
    real = [piece for piece in pieces if piece != "</s>" and piece not in SYMBOLS]
    return sum(_FOREIGN.fullmatch(piece) is not None for piece in real) / max(1, len(real))


def is_outside(unknown: float, sureness: float | None = None) -> bool:
    """Whether an honest fallback is the better answer.

    Args:
        unknown: share of the message, of either kind above
        sureness: mean log-probability per token of the best reply, where there is one already
    """
    if unknown >= MOSTLY_UNKNOWN:
        return True
    return sureness is not None and unknown >= PARTLY_UNKNOWN and sureness < UNSURE


def fallback(message: str, turns: int, avoid: str = "") -> str:
    """An honest sentence in the language of the message, by its text and the number of turns.

    It is not ``avoid``.
    """
    sentences = [text for text in FALLBACKS[language_of(message)] if text != avoid]
    digest = blake2s(f"{turns} {message}".encode()).digest()
    return sentences[int.from_bytes(digest[:4], "big") % len(sentences)]


def spoken(dialog: Sequence[Message]) -> list[Message]:
    """A dialog without the exchanges in which the model did not speak; the last message stays."""
    kept: list[Message] = []
    for message in dialog:
        if message.role == "assistant" and is_canned(message.text):
            while kept and kept[-1].role == "user":
                kept.pop()
        else:
            kept.append(message)
    return kept


def begins_a_fallback(text: str) -> bool:
    """Whether an output that begins so may become one of the fallbacks, which models may learn."""
    return any(known.startswith(text) for texts in FALLBACKS.values() for known in texts)
