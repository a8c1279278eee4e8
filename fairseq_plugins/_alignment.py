"""Attention between pieces, put together to an alignment between words.

A model attends from piece to piece: ``alignment[t, s]`` is the weight of the source's piece s while
the output's piece t is chosen. For words, the weight of a source word is the sum over its pieces,
and the row of an output word is the mean over its pieces' rows (Koehn and Knowles 2017,
arXiv:1706.03872, section 3.5), so that the row is a distribution again. The other way of the
literature first takes the largest weight of each row and then links two words where any of their
pieces are linked (Garg et al. 2019, arXiv:1909.02074): it needs the pieces, which are kept too.
What the source's ``</s>`` gets belongs to no word and stands apart, as ``null``.

Pieces find their words by the places of their characters in the text.
"""

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import sentencepiece
import torch
from torch import Tensor

from ._pieces import printable
from ._whole_texts import attend
from .errors import S2SError

if TYPE_CHECKING:
    from ._seq2seq import Seq2Seq
    from .hypothesis import Hypothesis

Span = tuple[int, int]  # characters of a text, from the first to the one after the last

SPACE = "\u2581"  # begins SentencePiece's pieces where a space was
BYTE = re.compile("<0x([0-9A-F]{2})>")
# Scripts that are written without spaces: South-East Asian ones, Japanese, Chinese.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)


@dataclass(frozen=True)
class Pieces:
    """A text as a model reads it.

    Attributes:
        text: as it was given, or spelled by the tokens where only they were
        tokens: its pieces, without ``</s>``
        spans: of each token in the text; empty for all bytes of a character but the last
    """

    text: str
    tokens: list[str]
    spans: list[Span]

    @cached_property
    def words(self) -> list[Span]:
        """What stands between spaces; in Chinese, and other text without spaces, each piece."""
        found: list[Span] = []
        for chunk in re.finditer(r"\S+", self.text):
            begin, end = chunk.span()
            if UNSPACED.search(chunk.group()):
                clipped = ((max(begin, b), min(end, e)) for b, e in self.spans)
                found += [span for span in clipped if span[0] < span[1]]
            else:
                found.append((begin, end))
        return found


@dataclass(frozen=True)
class WordAlignment:
    """Which source words each output word came from.

    Attributes:
        source, target: the two texts with their pieces
        alignment: (target tokens + 1, source tokens + 1), each row sums to 1; the last row and
            the last column are those of ``</s>``
        source_words, target_words: the words
        matrix: (target words, source words)
        null: (target words,); what ``</s>`` gets, so that with its row of ``matrix`` it sums to 1
    """

    source: Pieces
    target: Pieces
    alignment: list[list[float]]
    source_words: list[str]
    target_words: list[str]
    matrix: list[list[float]]
    null: list[float]

    def regroup(
        self,
        source_words: Sequence[Span],
        target_words: Sequence[Span],
        *,
        shift: int = 0,
    ) -> "WordAlignment":
        """The same for other words, given by their places in the two texts.

        Args:
            source_words, target_words: in the order of the text, none inside another
            shift: 1 takes for each output piece the row of the next one, which the model computes
                after it has read the piece (Chen et al. 2020, arXiv:2004.14837)
        """
        return group(
            self.source, self.target, self.alignment, source_words, target_words, shift=shift
        )


def align(
    model: "Seq2Seq", pairs: Sequence[tuple[str, "str | Sequence[str] | Hypothesis"]]
) -> list[WordAlignment]:
    """What ``Seq2Seq.align`` gives."""
    texts = [
        (read(model.pieces, source), _target(model.pieces, target)) for source, target in pairs
    ]
    found = [getattr(target, "alignment", None) for _, target in pairs]
    unknown = [place for place, alignment in enumerate(found) if alignment is None]
    if unknown:
        tensors = [_tensors(model, *texts[place], pairs[place][0]) for place in unknown]
        computed = model.batcher.run_together(
            tensors, lambda pairs: attend(model.model, pairs), "align"
        )
        for place, alignment in zip(unknown, computed, strict=True):
            found[place] = alignment
    return [_align(*text, alignment) for text, alignment in zip(texts, found, strict=True)]


def _target(
    pieces: sentencepiece.SentencePieceProcessor | None, target: "str | Sequence[str] | Hypothesis"
) -> Pieces:
    if isinstance(target, str):
        return read(pieces, target)
    given: Any = getattr(target, "tokens", target)
    tokens: list[str] = list(given)
    if tokens and tokens[-1] == "</s>":
        tokens.pop()
    return spell(tokens, pieces is not None)


def _tensors(model: "Seq2Seq", source: Pieces, target: Pieces, text: str) -> tuple[Tensor, Tensor]:
    """Indices (src_len,) and (tgt_len,), ``</s>`` at the end of both."""
    dictionary = model.task.target_dictionary
    indices = [*(dictionary.index(token) for token in target.tokens), dictionary.eos()]
    return model.codec.source(text), torch.tensor(indices)


def _align(source: Pieces, target: Pieces, alignment: list[list[float]] | None) -> WordAlignment:
    if alignment is None:
        raise S2SError("This model has no attention, and so no alignments.")
    sizes = (len(alignment), len(alignment[0]))
    if sizes != (len(target.tokens) + 1, len(source.tokens) + 1):
        raise S2SError(f"This is no output for {source.text!r}: its alignment has other lengths.")
    return group(source, target, alignment, source.words, target.words)


def group(
    source: Pieces,
    target: Pieces,
    alignment: list[list[float]],
    source_words: Sequence[Span],
    target_words: Sequence[Span],
    *,
    shift: int = 0,
) -> WordAlignment:
    """Sum over the pieces of a source word, mean over those of an output word."""
    weights = np.asarray(alignment)[shift : shift + len(target.tokens), : len(source.tokens)]
    to_source = membership(source.spans, source_words)
    to_target = membership(target.spans, target_words)
    share = to_target / np.maximum(to_target.sum(0, keepdims=True), 1e-12)
    matrix = share.T @ weights @ to_source
    return WordAlignment(
        source=source,
        target=target,
        alignment=alignment,
        source_words=[source.text[begin:end] for begin, end in source_words],
        target_words=[target.text[begin:end] for begin, end in target_words],
        matrix=matrix.tolist(),
        null=(1 - matrix.sum(1)).clip(0, 1).tolist(),
    )


def membership(spans: Sequence[Span], words: Sequence[Span]) -> np.ndarray:
    """Which word each piece belongs to, (pieces, words): its characters' share in each word.

    A piece without characters in any word, a lone space or a byte of a character that is not
    over, belongs to the word that holds its place or follows it, or else to the last word.
    """
    found = np.zeros((len(spans), len(words)))
    if not words:
        return found
    for row, (begin, end) in zip(found, spans, strict=True):
        for place, (first, after) in enumerate(words):
            row[place] = max(0, min(end, after) - max(begin, first))
        if not row.any():
            following = (place for place, (_, after) in enumerate(words) if after > begin)
            row[next(following, len(words) - 1)] = 1
        row /= row.sum()
    return found


def read(pieces: sentencepiece.SentencePieceProcessor | None, text: str) -> Pieces:
    """The tokens that fairseq reads of a text, with their places in it."""
    text = printable(text)
    if pieces is None:
        words = list(re.finditer(r"\S+", text))
        return Pieces(text, [word.group() for word in words], [word.span() for word in words])
    encoded = pieces.encode(text, out_type=str)
    spelled = spell(encoded, True, keep_first_space=True)
    _, origins = pieces.normalize(text, with_offsets=True)  # of each character, and of the end
    tokens, spans = [], []
    for piece, (begin, end) in zip(encoded, spelled.spans, strict=True):
        # fairseq cuts a line at every kind of space, a no-break space inside a piece too.
        for part in re.finditer(r"\S+", piece):
            tokens.append(part.group())
            first = begin if part.start() == 0 else end - (len(piece) - part.start())
            after = end - (len(piece) - part.end())
            spans.append((origins[first], origins[after]))
    return Pieces(text, tokens, spans)


def spell(tokens: Sequence[str], subwords: bool, *, keep_first_space: bool = False) -> Pieces:
    """The text of tokens, with their places in it.

    Args:
        tokens: SentencePiece's pieces, or words
        subwords: whether they are pieces
        keep_first_space: of pieces; words never have one
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    surfaces: list[str] = []
    for token in tokens:
        byte = BYTE.fullmatch(token) if subwords else None
        if byte:
            surfaces.append(decoder.decode(bytes([int(byte[1], 16)])))
            continue
        if broken := decoder.decode(b"", final=True):  # bytes that make no whole character
            surfaces[-1] += broken
        surfaces.append(token.replace(SPACE, " ") if subwords else f" {token}")
    if broken := decoder.decode(b"", final=True):
        surfaces[-1] += broken
    if surfaces and not keep_first_space:
        surfaces[0] = surfaces[0].removeprefix(" ")
    ends = list(accumulate(map(len, surfaces)))
    return Pieces("".join(surfaces), list(tokens), list(pairwise([0, *ends])))
