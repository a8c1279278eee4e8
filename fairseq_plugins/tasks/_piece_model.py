"""What a SentencePiece model file holds, beyond what its library tells: kinds and scores.

The file is a protocol buffer; the few fields needed are read here, since the library shows neither
the kind of a model nor which pieces are user-defined.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import S2SError

if TYPE_CHECKING:  # a --user-dir is imported whole, also where this task is not wanted
    from sentencepiece import SentencePieceProcessor

KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}  # TrainerSpec.model_type
NORMAL = 1  # SentencePiece.type of pieces that segmentation may choose; 4 is user-defined


@dataclass(frozen=True)
class PieceModel:
    """A SentencePiece model.

    Attributes:
        path: its file
        kind: ``"unigram"``, ``"bpe"``, ``"word"`` or ``"char"``
        scores: the score of each normal piece, by its surface; of a unigram model a log-probability
        processor: the library's view of it
    """

    path: Path
    kind: str
    scores: dict[str, float]
    processor: "SentencePieceProcessor"


def read_piece_model(path: str | Path) -> PieceModel:
    """Read a model file.

    Raises:
        S2SError: where it is missing or none
    """
    from .._pieces import read_pieces_file

    path = Path(path)
    if not path.is_file():
        raise S2SError(f"There is no SentencePiece model {path}: check the path.")
    processor = read_pieces_file(path)
    kind = KINDS[1]
    scores: dict[str, float] = {}
    for field, content in _fields(path.read_bytes()):
        if field == 1:  # ModelProto.pieces
            piece = dict(_fields(content))
            if piece.get(3, NORMAL) == NORMAL:
                scores[piece[1].decode("utf-8")] = struct.unpack("<f", piece[2])[0]
        elif field == 2:  # ModelProto.trainer_spec
            kind = KINDS[dict(_fields(content)).get(3, 1)]
    return PieceModel(path, kind, scores, processor)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and content of each field of a protocol buffer message; an int, or bytes."""
    content: int | bytes
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key & 7 == 0:
            content, at = _varint(message, at)
        else:
            length = {1: 8, 5: 4}.get(key & 7)
            if length is None:
                length, at = _varint(message, at)
            content, at = message[at : at + length], at + length
        yield key >> 3, content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first; and where it ends."""
    number = shift = 0
    while True:
        number |= (message[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 128:
            return number, at
