"""Five small tasks made here, one for each shape of input and output, from a seed.

No source, no licence to keep: every line is drawn by this file. A test input is never in the
training set where the task has enough inputs (the last three shapes). Where an input is one token
(the first two) there is nothing to derive a new token's output from, so the inputs of the test are
those of the training set; there the training outputs are noisy and the test asks for the clean
ones. What is tested is that the model finds the rule behind many disagreeing examples.

* one-to-one: a symbol to its class. 200 symbols, 5 classes; of a symbol's 20 training lines six
  name another class. To repeat one training line would be right 70 times in 100; to name one class,
  20 times.
* one-to-many: a label to its sequence. 100 labels, sequences of 3 to 8 letters; in its 30 training
  lines each letter is another one with a chance of 1 in 10. To repeat one training line would be
  right about 57 times in 100. In these two, half of the inputs are valid's, half are test's.
* many-to-one: a sentence to its polarity. The last opinion counts; "not" before it turns it round;
  without any the sentence is neutral. So the order of the words matters.
* aligned: a tag for each word. Most words can be two parts of speech, as "fast" and "walk" can; the
  word that opens a phrase decides.
* many-to-many: a number, digit by digit, to its English words: "3 0 4" to "three hundred four".
"""

import argparse
import random
from collections.abc import Callable
from itertools import islice

from .corpus import Corpus, CorpusError, Example

LICENCE = "none needed: the data are made by scripts/corpora/shapes.py"
SIZES = {"train": 6000, "valid": 500, "test": 500}  # of the last three shapes

Draw = Callable[[random.Random], tuple[str, str]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What this corpus can be asked for."""
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--seed", type=int, default=1, help="default: 1")


def load(shape: str, seed: int = 1) -> Corpus:
    """The subsets train, valid and test of one shape; the same for the same seed.

    Raises:
        CorpusError: for another shape
    """
    if shape not in SHAPES:
        raise CorpusError(f"there is no shape {shape}: choose one of {', '.join(SHAPES)}")
    return SHAPES[shape](random.Random(f"{shape} {seed}"))


# --- one token in


def one_to_one(rng: random.Random) -> Corpus:
    """Symbols and their classes; exactly 14 of a symbol's 20 training lines are right."""
    classes = [f"class-{name}" for name in "ABCDE"]
    symbols = [f"symbol-{number}" for number in range(200)]
    rng.shuffle(symbols)
    clean = {symbol: classes[place % len(classes)] for place, symbol in enumerate(symbols)}
    noisy = []
    for symbol, right in clean.items():
        others = [name for name in classes if name != right]
        wrong = others + rng.sample(others, 2)  # at most twice the same
        noisy += [(symbol, name) for name in [right] * 14 + wrong]
    return from_noise(clean, noisy, rng)


def one_to_many(rng: random.Random) -> Corpus:
    """Labels and their sequences of letters, with independent errors in the training lines."""
    letters = list("abcdefghij")
    clean, noisy = {}, []
    for number in range(100):
        label, sequence = f"label-{number}", rng.choices(letters, k=rng.randint(3, 8))
        clean[label] = " ".join(sequence)
        for _ in range(30):
            heard = [rng.choice(letters) if rng.random() < 1 / 9 else x for x in sequence]
            noisy.append((label, " ".join(heard)))
    return from_noise(clean, noisy, rng)


def from_noise(clean: dict[str, str], noisy: list[tuple[str, str]], rng: random.Random) -> Corpus:
    """Noisy lines to learn from, in a random order; half of the clean ones for valid and test."""
    rng.shuffle(noisy)
    asked = [Example(source, (target,)) for source, target in clean.items()]
    return {
        "train": [Example(source, (target,)) for source, target in noisy],
        "valid": asked[::2],
        "test": asked[1::2],
    }


# --- several tokens in


def distinct(draw: Draw, rng: random.Random) -> Corpus:
    """Examples drawn one after the other, each input once, in train, valid and test."""
    found: dict[str, str] = {}
    while len(found) < sum(SIZES.values()):
        source, target = draw(rng)
        found[source] = target
    drawn = [Example(source, (target,)) for source, target in found.items()]
    rng.shuffle(drawn)  # short inputs, of which there are few, come first
    rest = iter(drawn)
    return {name: list(islice(rest, size)) for name, size in SIZES.items()}


FILLERS = "the film music story was seemed and but so very quite it there we".split()
OPINIONS = {
    "positive": "good great lovely clever funny".split(),
    "negative": "bad awful boring stupid dull".split(),
}
OPPOSITE = {"positive": "negative", "negative": "positive"}


def polarity(rng: random.Random) -> tuple[str, str]:
    """A sentence with up to three opinions among its words, or none, and its polarity."""
    opinions = rng.choice([0, 0, 1, 2, 3, 3])
    words = rng.choices(FILLERS, k=rng.randint(1, 3) if opinions else rng.randint(3, 12))
    result = "neutral"
    for _ in range(opinions):
        said = rng.choice(list(OPINIONS))
        negated = rng.random() < 0.4
        words += ["not"] * negated + [rng.choice(OPINIONS[said])]
        words += rng.choices(FILLERS, k=rng.randint(0, 3))
        result = OPPOSITE[said] if negated else said
    return " ".join(words), result


OPENERS = {"the": "DET", "a": "DET", "some": "DET", "they": "PRON", "we": "PRON", "you": "PRON"}
MODIFIERS = "fast hard late early".split()  # adjective in a DET phrase, adverb in a PRON phrase
HEADS = "walk play work dream cook guide judge rule".split()  # noun there, verb here
TAGS = {"DET": ("ADJ", "NOUN"), "PRON": ("ADV", "VERB")}


def tagged(rng: random.Random) -> tuple[str, str]:
    """One to three phrases, and a tag for each of their words."""
    words, tags = [], []
    for _ in range(rng.randint(1, 3)):
        opener, count = rng.choice(list(OPENERS)), rng.choice([0, 1, 1, 2])
        modifier, head = TAGS[OPENERS[opener]]
        words += [opener, *rng.sample(MODIFIERS, count), rng.choice(HEADS)]
        tags += [OPENERS[opener], *[modifier] * count, head]
    return " ".join(words), " ".join(tags)


ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    " fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def number_words(number: int) -> str:
    """A number from 0 to 999,999 in English words, without "and" and hyphens."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return join_words(TENS[number // 10], number % 10)
    if number < 1000:
        return join_words(f"{ONES[number // 100]} hundred", number % 100)
    return join_words(f"{number_words(number // 1000)} thousand", number % 1000)


def join_words(words: str, rest: int) -> str:
    """Words for the greater part of a number, and those for the rest, if there is any."""
    return f"{words} {number_words(rest)}" if rest else words


def spelled(rng: random.Random) -> tuple[str, str]:
    """A number of one to five digits, and its words."""
    number = rng.randrange(10 ** rng.randint(1, 5))
    return " ".join(str(number)), number_words(number)


SHAPES: dict[str, Callable[[random.Random], Corpus]] = {
    "one-to-one": one_to_one,
    "one-to-many": one_to_many,
    "many-to-one": lambda rng: distinct(polarity, rng),
    "many-to-many": lambda rng: distinct(spelled, rng),
    "aligned": lambda rng: distinct(tagged, rng),
}
