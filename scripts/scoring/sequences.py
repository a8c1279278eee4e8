"""Right or wrong, and how far off: pronunciations and other outputs that are compared whole.

Texts that Unicode calls canonically equivalent (``é`` as one code point or as two) are the same.
"""

import unicodedata
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from .outputs import Outputs, Score


def exact(outputs: Outputs) -> Score:
    """Percent of the outputs that equal one of their references, whatever the white space."""
    return Score(100 * _right(outputs) / len(outputs.texts), "exact|refs:any|space:normalised|nfc")


def wer(outputs: Outputs) -> Score:
    """Word error rate of pronunciations: percent of the words that are spoken wrongly.

    A word is right if its output is exactly one of its listed pronunciations. This is the measure
    of the SIGMORPHON tasks and of g2p-seq2seq, not the edit distance between words that speech
    recognition calls by this name.
    """
    count = len(outputs.texts)
    return Score(100 * (count - _right(outputs)) / count, "wer|unit:example|refs:any|nfc")


def per(outputs: Outputs) -> Score:
    """Phone error rate: edits to the nearest pronunciation over that one's phones, in percent.

    Sums over all words. The nearest has the fewest edits; of several such ones it is the longest.
    """
    edits = phones = 0
    for text, right in zip(outputs.texts, outputs.references, strict=True):
        distance, length = nearest(_tokens(text), [_tokens(reference) for reference in right])
        edits += distance
        phones += length
    return Score(100 * edits / phones, "per|unit:token|refs:nearest|nfc")


def nearest(tokens: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Edits to the nearest reference, and its length."""
    found = [(Levenshtein.distance(tokens, right), len(right)) for right in references]
    return min(found, key=lambda pair: (pair[0], -pair[1]))


def _right(outputs: Outputs) -> int:
    return sum(
        _tokens(text) in [_tokens(reference) for reference in right]
        for text, right in zip(outputs.texts, outputs.references, strict=True)
    )


def _tokens(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()
