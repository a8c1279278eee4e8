"""Measures of replies: how good, how generic, how varied, how long, and whether they loop.

The same measures of a person's replies to the same messages say what a good value is: none of
them is best at its largest or smallest. Words are those of ``scoring.ruler.Ruler``. Shares of
replies that are among the ten most frequent, and distinct-n (Li et al. 2016, arXiv:1510.03055),
depend on how many replies and words there are, so only values over the same messages compare.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from chatbot.dialog import SEPARATOR, normalise
from scripts.scoring.ruler import Ruler, distinct

STOCK = 100  # replies that people say most often
LOOP_LENGTH = 4  # words in the longest n-gram that is looked for
LOOP_TIMES = 3  # in a row


@dataclass(frozen=True)
class Measures:
    """What replies are like; shares are from 0 to 1.

    Attributes:
        count: of replies
        bleu: BLEU-1 to BLEU-4 in percent; None for the references themselves
        distinct: distinct-1 to distinct-3
        mean_length: in words, Chinese in characters
        generic: share that is one of these replies' own ten most frequent
        stock: share that is one of the replies that people say most often
        loops: share in which words go round, see :func:`loops`
        empty: share without a word
        echo: share that says the message again
        chinese: share with a Chinese character
        frequent: the ten most frequent replies with their numbers
        examples: replies that loop
    """

    count: int
    bleu: Mapping[str, float] | None
    distinct: tuple[float, float, float]
    mean_length: float
    generic: float
    stock: float
    loops: float
    empty: float
    echo: float
    chinese: float
    frequent: Mapping[str, int]
    examples: Sequence[str]

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def measure(
    ruler: Ruler,
    replies: Sequence[str],
    messages: Sequence[str],
    references: Sequence[str] | None = None,
    stock: Set[str] = frozenset(),
) -> Measures:
    """All measures of the replies to some messages.

    Args:
        ruler: of their language
        replies: one for each message
        messages: perhaps with earlier turns before them, as a model reads them
        references: a person's replies; None where these are a person's
        stock: as :func:`stock_replies` gives them

    Raises:
        ValueError: where the numbers differ, or there are no replies
    """
    if not replies or len(replies) != len(messages):
        raise ValueError(f"there are {len(replies)} replies to {len(messages)} messages")
    said = [_spoken(ruler, reply) for reply in replies]
    described = ruler.describe(replies)
    words = [ruler.words(reply) for reply in replies]
    looping = [reply for reply, spoken in zip(replies, said, strict=True) if loops(spoken)]
    return Measures(
        count=len(replies),
        bleu=None if references is None else ruler.bleu(replies, references),
        distinct=(distinct(words, 1), distinct(words, 2), distinct(words, 3)),
        mean_length=described["mean length"],
        generic=described["generic share"],
        stock=_share(" ".join(spoken) in stock for spoken in said),
        loops=len(looping) / len(replies),
        empty=_share(not spoken for spoken in words),
        echo=_share(map(_echoes, replies, messages)),
        chinese=described["replies in Chinese"],
        frequent=described["generic replies"],
        examples=tuple(dict.fromkeys(looping)),
    )


def loops(words: Sequence[str]) -> bool:
    """Whether an n-gram of 1 to 4 words comes three times in a row, or one of 4 words twice.

    Marks of punctuation must have been left out: a person's "..." is no loop.
    """
    grams = Counter(zip(*(words[i:] for i in range(LOOP_LENGTH)), strict=False))
    if any(number > 1 for number in grams.values()):
        return True
    return any(_goes_round(words, n) for n in range(1, LOOP_LENGTH + 1))


def _goes_round(words: Sequence[str], n: int) -> bool:
    """Whether n words come several times in a row: each word then equals the one n later."""
    run = 0
    for place in range(len(words) - n):
        run = run + 1 if words[place] == words[place + n] else 0
        if run == n * (LOOP_TIMES - 1):
            return True
    return False


def stock_replies(ruler: Ruler, references: Iterable[str], count: int = STOCK) -> frozenset[str]:
    """The replies that people say most often, as words without punctuation."""
    said = Counter(" ".join(_spoken(ruler, reply)) for reply in references)
    del said[""]
    return frozenset(text for text, number in said.most_common(count) if number > 1)


def _spoken(ruler: Ruler, text: str) -> list[str]:
    """The words of a text that hold a letter or a digit."""
    return [word for word in ruler.words(text) if any(map(str.isalnum, word))]


def _echoes(reply: str, message: str) -> bool:
    last = message.rsplit(SEPARATOR, 1)[-1]
    return bool(reply.strip()) and normalise(reply) == normalise(last)


def _share(found: Iterable[bool]) -> float:
    each = list(found)
    return sum(each) / len(each)
