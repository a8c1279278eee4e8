"""An output while it grows: indices become pieces, pieces become text."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fairseq.data import Dictionary

from .stepwise import Stream

_BYTE = re.compile("<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Token:
    """One token of an output.

    Attributes:
        piece: the token; the last one is ``</s>``
        text: the output up to here; a character whose bytes have not all come is not in it
        score: log-probability of the token under the model (natural logarithm)
        alignment: one weight for each of the source's tokens, sums to 1; None without attention
    """

    piece: str
    text: str
    score: float
    alignment: list[float] | None


class TokenStream(Iterator[Token]):
    """The tokens of one output as they are found; :meth:`close` ends the work on it."""

    def __init__(
        self, stream: Stream, dictionary: Dictionary, decode: Callable[[Sequence[str]], str]
    ) -> None:
        self._stream, self._dictionary, self._decode = stream, dictionary, decode
        self._ends = (dictionary.bos_word, dictionary.eos_word, dictionary.pad_word)
        self._pieces: list[str] = []

    def __next__(self) -> Token:
        step = next(self._stream)
        piece = self._dictionary[step.word]
        if piece not in self._ends:
            self._pieces.append(piece)
        whole = piece == self._dictionary.eos_word
        shown = self._pieces if whole else self._pieces[: complete(self._pieces)]
        return Token(piece, self._decode(shown), step.score, step.alignment)

    @property
    def ready(self) -> bool:
        """Whether the next token is there already."""
        return self._stream.ready

    def close(self) -> None:
        """End the work; no more tokens come."""
        self._stream.close()


def complete(pieces: Sequence[str]) -> int:
    """How many of the pieces make whole characters: all, or all but the last one's bytes."""
    for back, piece in enumerate(reversed(pieces[-3:]), start=1):
        match = _BYTE.fullmatch(piece)
        if match is None:
            break
        byte = int(match[1], 16)
        if byte & 0xC0 == 0x80:  # continues a character that began before
            continue
        needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return len(pieces) - (back if needed > back else 0)
    return len(pieces)
