"""Text as pieces of SentencePiece, or as words where a model has none: without torch and fairseq.

fairseq cuts a line of pieces at every kind of space, a no-break space inside a piece too.
"""

from collections.abc import Sequence
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from .errors import S2SError

MAX_BYTES = 1 << 28  # of a dictionary or a SentencePiece model; the largest in use have a 20th


def read_pieces_file(path: Path) -> SentencePieceProcessor:
    """A SentencePiece model.

    Raises:
        S2SError: for a file that is none
    """
    check_size(path)
    try:
        return SentencePieceProcessor(model_file=str(path))
    except (RuntimeError, OSError) as error:
        raise S2SError(f"The SentencePiece model {path} cannot be read.") from error


def check_size(path: Path) -> None:
    """Raise S2SError for a file that cannot be what its name says, before it fills the memory."""
    if (size := path.stat().st_size) > MAX_BYTES:
        raise S2SError(
            f"{path} has {size >> 20} MiB, and {MAX_BYTES >> 20} are the most: it is none of ours."
        )


def encode(pieces: SentencePieceProcessor | None, text: str) -> list[str]:
    """Text -> pieces, or words where there is no SentencePiece model."""
    text = printable(text)
    return " ".join(pieces.encode(text, out_type=str) if pieces else [text]).split()


def decode(pieces: SentencePieceProcessor | None, tokens: Sequence[str]) -> str:
    """Pieces, or words, -> text."""
    return pieces.decode(list(tokens)) if pieces else " ".join(tokens)


def printable(text: str) -> str:
    """A text without lone surrogates, which no encoding can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def check_length(length: int, longest: int) -> None:
    """Raise S2SError for a source, ``</s>`` included, that is longer than the model can read."""
    if length > longest:
        raise S2SError(
            f"A text of {length} pieces is longer than this model can read ({longest}): shorten it."
        )
