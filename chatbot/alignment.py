"""An alignment between pieces as an alignment between words.

A word is what a reader sees as one: English pieces up to the next word start, each Chinese piece
on its own, bytes together as the character that they spell.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from .dialog import SYMBOLS

WORD_START = "\u2581"
END = "</s>"

_BYTE = re.compile("<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Word:
    """A label, and the positions of the pieces that it is made of."""

    text: str
    positions: tuple[int, ...]


def words(pieces: Sequence[str]) -> list[Word]:
    """The words of a sequence of pieces; ``</s>`` belongs to none."""
    found: list[Word] = []
    opens = True  # whether the next piece begins a word
    for text, positions in _characters(pieces):
        if text == END:
            continue
        label = text.removeprefix(WORD_START).replace(WORD_START, " ")
        alone = text in SYMBOLS or is_wide(label)
        opens = opens or alone or text.startswith(WORD_START)
        if opens and not (found and not found[-1].text):
            found.append(Word(label, positions))
        else:  # inside a word, or after a lone word start, which has no text of its own
            found[-1] = Word(found[-1].text + label, found[-1].positions + positions)
        opens = alone
    if len(found) > 1 and not found[-1].text:
        last = found.pop()
        found[-1] = Word(found[-1].text, found[-1].positions + last.positions)
    return [word for word in found if word.text]


def between_words(
    alignment: Sequence[Sequence[float]], rows: Sequence[Word], columns: Sequence[Word]
) -> tuple[tuple[float, ...], ...]:
    """Piece-level ``alignment`` (target pieces, source pieces) as (rows, columns).

    A column is the sum over its pieces, a row the mean over its pieces; what the hidden pieces
    (``</s>``) had is shared out in proportion, so that each row sums to 1.
    """
    return tuple(_row([alignment[i] for i in word.positions], columns) for word in rows)


def _row(piece_rows: list[Sequence[float]], columns: Sequence[Word]) -> tuple[float, ...]:
    weights = [
        sum(row[position] for row in piece_rows for position in column.positions)
        for column in columns
    ]
    total = sum(weights)
    if total <= 0.0:  # all of it on hidden pieces
        return tuple(1.0 / len(columns) for _ in columns)
    return tuple(weight / total for weight in weights)


def _characters(pieces: Sequence[str]) -> list[tuple[str, tuple[int, ...]]]:
    """The pieces with their positions, where byte pieces are joined to characters."""
    joined: list[tuple[str, tuple[int, ...]]] = []
    run = b""
    for position, piece in enumerate(pieces):
        match = _BYTE.fullmatch(piece)
        if match is None:
            run = b""
            joined.append((piece, (position,)))
            continue
        byte = bytes.fromhex(match[1])
        if run and byte[0] & 0xC0 == 0x80:  # a continuation byte of UTF-8
            run += byte
            joined[-1] = (run.decode("utf-8", "replace"), (*joined[-1][1], position))
        else:
            run = byte
            joined.append((run.decode("utf-8", "replace"), (position,)))
    return joined


def is_wide(text: str) -> bool:
    """Whether this is Chinese, full-width punctuation or an emoji, written without spaces."""
    return any(unicodedata.east_asian_width(char) in "WF" for char in text)
