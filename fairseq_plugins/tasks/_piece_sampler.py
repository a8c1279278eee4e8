"""One sentence's pieces -> other pieces of the same text; no task, no data set."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

from fairseq.data import Dictionary
from torch import Tensor

from ..errors import S2SError
from ._piece_model import PieceModel, read_piece_model
from ._segmentation import SPACE, BPEDropout, NBestSampling, Segmentation, UnigramSampling

MAX_NBEST = 512  # SentencePiece's own limit


class PieceSampler:
    """Draws other pieces of the same text: subword regularisation, BPE-dropout.

    The surfaces of the stored pieces are the text as the model sees it, so nothing is decoded.
    What is no normal piece of the model (``<unk>``, a byte, a symbol such as ``<sep>``) stays where
    it is, and only pieces of the dictionary are drawn: the text remains the same.

    Args:
        path: the SentencePiece model that the sentences were encoded with
        dictionary: their fairseq dictionary
        alpha: of a unigram model the smoothing, of a BPE model the probability of leaving out a
            merge; see :class:`UnigramSampling`, :class:`BPEDropout`
        nbest: a unigram model draws from so many segmentations, 2 to 512; -1 from all
        longest: a drawing of more tokens is dropped for the stored pieces

    Raises:
        S2SError: for a missing or unfit model, and for settings that nothing is drawn with
    """

    def __init__(
        self,
        path: str | Path,
        dictionary: Dictionary,
        *,
        alpha: float = 0.1,
        nbest: int = -1,
        longest: int = 1024,
    ) -> None:
        self.model = read_piece_model(path)
        self.dictionary = dictionary
        self.longest = longest
        known = {piece: score for piece, score in self.model.scores.items() if piece in dictionary}
        self.segmentation = _segmentation(self.model, known, alpha, nbest)
        self._symbol = {piece: dictionary.index(piece) for piece in known}
        self._piece = {symbol: piece for piece, symbol in self._symbol.items()}

    def sample(self, tokens: Tensor, seed: int) -> Tensor:
        """Other pieces of the same text; the same for the same seed, on every machine.

        Args:
            tokens: (length,), indices of the dictionary, with or without ``</s>`` at the end
            seed: any integer from 0 on

        Returns:
            (other length,) of the same kind
        """
        rng = Random(seed)
        drawn: list[int] = []
        for run in self._runs(tokens.tolist()):
            drawn += self._redraw(run, rng)
        return tokens.new_tensor(drawn) if len(drawn) <= self.longest else tokens

    def is_best(self, tokens: Tensor) -> bool | None:
        """Whether the model itself writes this text so; None where the text is not known."""
        symbols = [symbol for symbol in tokens.tolist() if symbol != self.dictionary.eos()]
        pieces = [self.dictionary[symbol] for symbol in symbols]
        processor = self.model.processor
        if any(processor.piece_to_id(piece) == processor.unk_id() for piece in pieces):
            return None
        return processor.encode(processor.decode(pieces), out_type=str) == pieces

    def _redraw(self, run: list[int], rng: Random) -> list[int]:
        """Other symbols of a run's text, or the run itself where there are none."""
        if run[0] not in self._piece:
            return run
        drawn = self.segmentation.draw("".join(self._piece[symbol] for symbol in run), rng)
        if drawn is None or not all(piece in self._symbol for piece in drawn):
            return run
        return [self._symbol[piece] for piece in drawn]

    def _runs(self, symbols: list[int]) -> Iterator[list[int]]:
        """The parts that are drawn apart: each kept symbol, and words or all between those."""
        run: list[int] = []
        for symbol in symbols:
            piece = self._piece.get(symbol)
            begins_word = piece is not None and piece.startswith(SPACE)
            begins_run = piece is None or (begins_word and self.segmentation.by_word)
            if run and (begins_run or run[0] not in self._piece):
                yield run
                run = []
            run.append(symbol)
        if run:
            yield run


def _segmentation(
    model: PieceModel, scores: dict[str, float], alpha: float, nbest: int
) -> Segmentation:
    """How pieces with these scores are drawn."""
    if alpha < 0 or (model.kind == "bpe" and alpha > 1):
        highest = " and at most 1, the probability of leaving out a merge"
        raise S2SError(
            f"The sampling's alpha is {alpha}, but must be at least 0"
            f"{highest if model.kind == 'bpe' else ''}."
        )
    if nbest != -1 and not 2 <= nbest <= MAX_NBEST:
        raise S2SError(
            f"The sampling's nbest is {nbest}, but must be -1 (all segmentations) or between 2 and "
            f"{MAX_NBEST}."
        )
    if not scores or model.kind not in ("unigram", "bpe"):
        raise S2SError(
            f"The SentencePiece model {model.path} is of kind {model.kind!r} and shares "
            f"{len(scores)} pieces with the dictionary: sampling needs a unigram or BPE model that "
            "the data was encoded with."
        )
    if model.kind == "bpe":
        return BPEDropout(model.scores, alpha)
    if nbest > 0:
        return NBestSampling(model.processor, scores, alpha, nbest)
    return UnigramSampling(scores, alpha)
