"""What fairseq-generate printed: texts and scores, in the order of the examples."""

import re
from pathlib import Path

from scripts import spm

# SentencePiece writes a rare character as its bytes; --remove-bpe leaves them as they are.
BYTES = re.compile("(?:<0x[0-9A-F]{2}>)+")
# Fields of a line: the output and its score, the same after fairseq's detokenizer, the scores.
FIELDS = {"H": 3, "D": 3, "P": 2}


def read_generated(path: Path, kind: str, count: int) -> list[str]:
    """The last field of the lines ``KIND-NUMBER``, in the order of the numbers, one for each.

    Of several answers to one example (``--nbest``) the first is taken, the best.

    Raises:
        ValueError: where they are not exactly those of ``count`` examples, or a line is cut off
    """
    found: dict[int, str] = {}
    for line in spm.read_lines([path]):
        if re.match(rf"{kind}-\d+\t", line):
            fields = line.split("\t")
            if len(fields) != FIELDS[kind]:
                raise ValueError(f"the line {line!r} of {path} is cut off: generate again")
            found.setdefault(int(fields[0][2:]), fields[-1])
    if not found:
        raise ValueError(f"{path} has no {kind}- line: fairseq-generate did not get that far")
    if sorted(found) != list(range(count)):
        odd = min(set(found) ^ set(range(count)))
        raise ValueError(
            f"{path} answers {len(found)} messages, but there are {count} references:"
            f" number {odd} is the first without {'a reference' if odd in found else 'an answer'}"
        )
    return [found[number] for number in range(count)]


def read_scores(path: Path, count: int) -> list[list[float]]:
    """The binary logarithm of each piece's probability, the end's too, for each example.

    Raises:
        ValueError: as ``read_generated``, or where a line has no score or what is none
    """
    lines = read_generated(path, "P", count)
    try:
        scores = [[float(score) for score in line.split()] for line in lines]
    except ValueError:
        raise ValueError(f"a P- line of {path} holds what is no number: score again") from None
    if not all(scores):
        raise ValueError(f"a P- line of {path} has no score: score again")
    return scores


def join_bytes(text: str) -> str:
    """The text in which pieces such as ``<0xE7><0x8C><0xAB>`` became the character they spell."""

    def character(match: re.Match[str]) -> str:
        return bytes.fromhex(re.sub("<0x|>", "", match[0])).decode("utf-8", errors="replace")

    return BYTES.sub(character, text)
