"""What was meant by a word that a model has never read.

A model of some thousand dialogues knows a word or does not: "raning" tells it nothing, nor does
上斑 for 上班. So an unknown word is read as the known one that it is most likely a slip of: a word
one edit away, a Chinese character of the same sound that makes words with its neighbours. This is
the noisy-channel view of spelling (Kernighan, Church and Gale, 1990, "A Spelling Correction Program
Based on a Noisy Channel Model"), with counts for the language and one slip for the channel.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, pairwise

from rapidfuzz import process
from rapidfuzz.distance import OSA

from .strings import language_of

MIN_COUNT = 3  # of a word that others are slips of
MIN_LENGTH = 4  # of a slip: "hew" is near too many words
LONG = 6  # letters from which on a letter may be added or another: "east" is no "eat"
SAME_LETTERS = 10  # times likelier: a letter doubled, lost of a double, or two changed over
SAME_SOUND_COST = 3.0  # of reading a character as another: as much as a pair seen 20 times is worth
UNLIKELY = 2  # times the cost where the character makes a known pair with its other neighbour


class Spelling:
    """Reads texts with the words of a model's training.

    Args:
        counts: how often each unit of :func:`chatbot.familiar.units` was there
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts
        self._words = [unit for unit in counts if language_of(unit) != "zh"]
        self._sounds: dict[str, list[str]] = {}
        self.nearest = lru_cache(10_000)(self._nearest)

    def read(self, text: str) -> str:
        """A normalised text with its slips mended, word by word."""
        return " ".join("".join(self._mended(word)) for word in text.split(" "))

    def _mended(self, word: str) -> Iterator[str]:
        """Each run of one script."""
        if word.startswith("<"):  # a symbol
            yield word
            return
        for language, characters in groupby(word, key=language_of):
            run = "".join(characters)
            yield self._by_sound(run) if language == "zh" else self.nearest(run) or run

    def _nearest(self, word: str) -> str | None:
        """The word itself where it is known, else the most frequent one an edit away, or None.

        An edit is a letter lost, added, replaced, or changed over with its neighbour (optimal
        string alignment distance 1); the first letter stays.
        """
        if word in self.counts:
            return word
        if len(word) < MIN_LENGTH or not word.isalpha():
            return None
        found = process.extract(word, self._words, scorer=OSA.distance, score_cutoff=1, limit=None)
        near = {
            known: self.counts[known] * (SAME_LETTERS if set(known) == set(word) else 1)
            for known, _, _ in found
            if known[0] == word[0] and self.counts[known] >= MIN_COUNT
            if len(word) >= LONG or len(known) > len(word) or set(known) == set(word)
        }
        return max(near, key=near.__getitem__, default=None)

    def _by_sound(self, run: str) -> str:
        """The likeliest characters of the same sounds (Viterbi over known pairs).

        Only a character that makes an unknown pair with a neighbour may be another one.
        """
        pairs = [first + second in self.counts for first, second in pairwise(run)]
        costs = [_cost(pairs[max(0, i - 1) : i + 1]) for i in range(len(run))]
        if not any(costs):
            return run
        paths = {"": ("", 0.0)}  # last character: the best text that ends with it, and its worth
        for character, cost in zip(run, costs, strict=True):
            others = self._same_sound(character) if cost else ()
            longer = {}
            for option in dict.fromkeys([character, *others]):
                last = max(paths, key=lambda last: paths[last][1] + self._worth(last + option))
                text, worth = paths[last]
                worth += self._worth(last + option) - cost * (option != character)
                longer[option] = text + option, worth
            paths = longer
        return max(paths.values(), key=lambda path: path[1])[0]

    def _worth(self, pair: str) -> float:
        """What a pair of neighbours tells: the logarithm of its count."""
        return math.log1p(self.counts.get(pair, 0)) if len(pair) == 2 else 0.0

    def _same_sound(self, character: str) -> Sequence[str]:
        """The known characters of the same pinyin, whatever their tone."""
        if not self._sounds:
            sounds = defaultdict(list)
            for unit in self.counts:
                if len(unit) == 1 and language_of(unit) == "zh":
                    sounds[_pinyin(unit)].append(unit)
            self._sounds = dict(sounds)
        return self._sounds.get(_pinyin(character), ())


def _cost(known_pairs: Sequence[bool]) -> float:
    """Of reading a character as another, by the pairs that it makes; 0 where it is no slip."""
    if all(known_pairs):
        return 0.0
    return SAME_SOUND_COST * (UNLIKELY if any(known_pairs) else 1)


def _pinyin(character: str) -> str:
    """Its commonest sound, without the tone."""
    from pypinyin import lazy_pinyin  # takes a third of a second, and most texts need none

    return lazy_pinyin(character)[0]
