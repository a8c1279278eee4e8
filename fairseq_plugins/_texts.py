"""Text as a model reads and writes it: pieces, symbols, indices."""

from collections.abc import Iterable, Sequence, Sized
from typing import Any, TypeVar

import torch
from fairseq.data import Dictionary
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from ._pieces import check_length, decode, encode
from ._whole_texts import Output, Request
from .errors import S2SError
from .hypothesis import Hypothesis

Element = TypeVar("Element")
Pair = TypeVar("Pair", bound=tuple[str, Any])


def check_text(text: str) -> str:
    """The text; S2SError for anything else."""
    if not isinstance(text, str):
        raise S2SError(f"A text must be a str, but {text!r:.60} is none.")
    return text


def check_list(texts: Sequence[Element]) -> Sequence[Element]:
    """The list; S2SError for one text in its place, which would be read letter by letter."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise S2SError(f"{texts!r:.60} stands where a list is to stand: put it in brackets, [...].")
    return texts


def check_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of a text and an output; S2SError for what is no list of such."""
    found = list(check_list(pairs))
    for pair in found:
        if isinstance(pair, str) or not isinstance(pair, Sized) or len(pair) != 2:
            raise S2SError(f"{pair!r:.60} is no pair: give (input, output) for each.")
        check_text(pair[0])
    return found


class TextCodec:
    """Between text and indices.

    Args:
        source: the source dictionary
        target: the target dictionary
        pieces: the SentencePiece model, or None where the model reads words
        longest: source that the model can read, in symbols
    """

    def __init__(
        self,
        source: Dictionary,
        target: Dictionary,
        pieces: SentencePieceProcessor | None,
        longest: int,
    ) -> None:
        self.source_dictionary, self.target_dictionary = source, target
        self.pieces = pieces
        self.longest = longest

    def encode(self, text: str) -> list[str]:
        """Text -> pieces, or words where the model has no SentencePiece model."""
        return encode(self.pieces, text)

    def decode(self, tokens: Sequence[str]) -> str:
        """Pieces -> text."""
        return decode(self.pieces, tokens)

    def source(self, text: str) -> Tensor:
        """Text -> indices (src_len,).

        Raises:
            S2SError: for what is no text, or too long
        """
        check_text(text)
        line = " ".join(self.encode(text))
        source = self.source_dictionary.encode_line(line, add_if_not_exist=False, append_eos=True)
        check_length(len(source), self.longest)
        return source.long()

    def target(self, target: str | Sequence[str] | Hypothesis) -> Tensor:
        """Text, tokens with or without ``</s>``, or a hypothesis -> indices (tgt_len,).

        Raises:
            S2SError: for what is none of them
        """
        dictionary = self.target_dictionary
        if isinstance(target, str):
            tokens = self.encode(target)
        else:
            given: Any = getattr(target, "tokens", target)
            tokens = [check_text(token) for token in check_list(given)]
        if tokens and tokens[-1] == dictionary.eos_word:
            tokens.pop()
        return torch.tensor([*(dictionary.index(token) for token in tokens), dictionary.eos()])

    def phrase(self, text: str) -> Tensor:
        """A constraint -> indices (phrase_len,).

        Raises:
            S2SError: for one that is empty, or that the vocabulary cannot write
        """
        check_text(text)
        phrase = self.target(text)[:-1]
        if not len(phrase) or any(index < self.target_dictionary.nspecial for index in phrase):
            raise S2SError(
                f"The phrase {text!r} cannot be written with this model's vocabulary: use other "
                "words."
            )
        return phrase

    def requests(
        self,
        texts: Sequence[str],
        prefixes: Sequence[str] | None,
        constraints: Sequence[Sequence[str]] | None,
    ) -> list[Request]:
        """What is to be searched for.

        Raises:
            S2SError: where there is no prefix, or no list of constraints, for each text
        """
        check_list(texts)
        for name, given in (("prefix", prefixes), ("constraints", constraints)):
            if isinstance(given, str) or (given is not None and len(given) != len(texts)):
                raise S2SError(f"{name} needs an entry for each of the {len(texts)} texts.")
        requests = []
        for place, text in enumerate(texts):
            prefix = self.target(check_text(prefixes[place]) if prefixes else "")[:-1]
            phrases = [] if constraints is None else check_list(constraints[place])
            held = tuple(map(self.phrase, phrases))
            requests.append(Request(self.source(text), prefix, held, text))
        return requests

    def hypothesis(self, found: Output) -> Hypothesis:
        """fairseq's output for one text."""
        source, target = self.source_dictionary, self.target_dictionary
        ends = (target.bos_word, target.eos_word, target.pad_word)
        tokens = [target[index] for index in found.tokens]
        return Hypothesis(
            text=self.decode([token for token in tokens if token not in ends]),
            tokens=tokens,
            score=found.score,
            token_scores=found.token_scores,
            source_tokens=[source[index] for index in found.source],
            alignment=found.alignment,
        )
