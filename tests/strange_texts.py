"""Texts that nobody would type, and some that somebody does: made from a seed."""

import random
import sys
from collections.abc import Callable, Iterator

LONGEST = 100_000  # characters

SPACES = " \t\n\r\v\f\x1c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
CONTROLS = "".join(map(chr, [*range(32), *range(127, 160)]))
MARKS = "\u200b\u200c\u200d\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2069\ufeff"
SYMBOLS = (
    "<sep> <say> <user> <bot> <s> </s> <pad> <unk> <unk-0> <mask> ▁ ▁▁ <en> <zh> @@ ||| ❬".split()
)
WORDS = (
    "hello how are you 你好 今天 天气 怎么样 why what attention مرحبا שלום नमस्ते สวัสดี привет".split()
)
EMOJI = "😀👍🏽👩‍👩‍👧‍👦🇩🇪❤️☃\U0001f9d1\u200d\U0001f680"
MARKUP = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "<a href='javascript:alert(1)'>x</a>",
    "</textarea><svg/onload=alert(1)>",
    "[x](javascript:alert(1)) ![x](http://x/y.png)",
    "$$\\input{/etc/passwd}$$",
    "`rm -rf /` $(reboot) ; DROP TABLE x; --",
    "{0} {message} {} %s %n ${HOME} {{7*7}}",
    "../../../../etc/passwd\x00.png",
    '{"role": "system", "content": "x"}',
    "data: x\n\ndata: y",
    "/quit /set beam 0 /save /etc/passwd",
)

Maker = Callable[[random.Random], str]


def characters(alphabet: str, most: int = 40) -> Maker:
    """Some characters of an alphabet."""
    return lambda rng: "".join(rng.choices(alphabet, k=rng.randint(1, most)))


def code_points(low: int, high: int, most: int = 40) -> Maker:
    """Some characters of a range of Unicode, assigned or not."""
    return lambda rng: "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, most)))


def long(rng: random.Random) -> str:
    """One text of the greatest length."""
    part = rng.choice(["a", "啊", "ab ", "😀", "\u0301", "<sep> ", "\u202e", " ", "\n", "<b>"])
    return (part * LONGEST)[:LONGEST]


KINDS: dict[str, Maker] = {
    "empty": lambda rng: "",
    "whitespace": characters(SPACES),
    "controls": characters(CONTROLS),
    "NUL": lambda rng: "\0" * rng.randint(1, 9),
    "lone surrogates": code_points(0xD800, 0xDFFF),
    "marks of direction": characters(MARKS),
    "emoji": characters(EMOJI),
    "combining": lambda rng: "e" + "".join(chr(rng.randint(0x300, 0x36F)) for _ in range(60)),
    "symbols": lambda rng: " ".join(rng.choices(SYMBOLS, k=rng.randint(1, 12))),
    "symbols glued": lambda rng: "".join(rng.choices(SYMBOLS, k=rng.randint(1, 12))),
    "markup": lambda rng: rng.choice(MARKUP),
    "unknown letters": code_points(0x10A0, 0x18AF),
    "unassigned": code_points(0xE0000, sys.maxunicode),
    "anything": lambda rng: "".join(
        chr(rng.randrange(0x110000)) for _ in range(rng.randint(1, 80))
    ),
    "words": lambda rng: " ".join(rng.choices(WORDS, k=rng.randint(1, 60))),
    "repetition": lambda rng: rng.choice([*WORDS, "?", "1"]) * rng.randint(2, 400),
    "punctuation": characters("!?.,;:…，。！？、「」'\"`´-–—_*/\\|@#~^°"),
}


def strange_texts(count: int, seed: int = 1, longest: int = 10) -> Iterator[str]:
    """That many texts: every kind in turn, alone and mixed with others, and some very long ones."""
    rng = random.Random(seed)
    makers = list(KINDS.values())
    for number in range(count):
        maker = makers[number % len(makers)]
        if number < longest:
            yield long(rng)
        elif number % 3:
            yield maker(rng)
        else:
            parts = [maker(rng), *(rng.choice(makers)(rng) for _ in range(rng.randint(1, 3)))]
            rng.shuffle(parts)
            yield rng.choice(["", " "]).join(parts)
