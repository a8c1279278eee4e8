"""A trained model with its dictionaries, ready to answer: imported after fairseq's repairs."""

import sys
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.tasks.translation import TranslationTask
from sentencepiece import SentencePieceProcessor
from torch import Tensor
from tqdm import tqdm

from ._alignment import WordAlignment, align
from ._search_settings import SearchSettings, check_drawing
from ._texts import TextCodec, check_list, check_pairs
from ._token_stream import TokenStream
from ._whole_texts import Output, Request, embed, force, search
from ._word_choice import RowOptions
from .errors import S2SError
from .hypothesis import Hypothesis, check_settings
from .models import S2SModel
from .modules.bridge import ZeroBridge
from .stepwise import StepBatcher

PART = 256  # texts of a long input that are searched for in one go


class Seq2Seq:
    """A trained model with its dictionaries; made by :func:`hub.load`.

    Any number of threads may use it at a time: one thread of its own, begun when it is first
    asked for something, does all the work, and does together what can be done together. The
    weights are packed for generation: a model that is to be trained on is fairseq's business.

    Attributes:
        folder: of the dictionaries, and of whatever else stands beside them
        attends: whether the model has attention, and so gives alignments
        batcher: the model's thread
    """

    def __init__(
        self,
        model: S2SModel,
        task: TranslationTask,
        pieces: SentencePieceProcessor | None,
        folder: Path | None = None,
    ) -> None:
        self.model = model
        self.task = task
        self.pieces = pieces
        self.folder = folder
        self.codec = TextCodec(*self.dictionaries, pieces, model.encoder.max_positions())
        self.attends = hasattr(model.decoder, "attention")
        self.batcher = StepBatcher(model)

    def encode(self, text: str) -> list[str]:
        """Text -> pieces, or words where the model has no SentencePiece model."""
        return self.codec.encode(text)

    def decode(self, tokens: Sequence[str]) -> str:
        """Pieces -> text."""
        return self.codec.decode(tokens)

    def source_tokens(self, text: str) -> list[str]:
        """The pieces that the model reads: unknown ones as ``<unk>``, ``</s>`` at the end."""
        dictionary = self.task.source_dictionary
        return [dictionary[index] for index in self.codec.source(text).tolist()]

    def generate(
        self,
        texts: Sequence[str],
        *,
        beam: int = 5,
        nbest: int = 1,
        sampling: bool = False,
        topk: int = -1,
        topp: float = -1.0,
        temperature: float = 1.0,
        lenpen: float = 1.0,
        no_repeat_ngram: int = 0,
        min_len: int = 1,
        max_len: int = 200,
        seed: int | None = None,
        prefix: Sequence[str] | None = None,
        constraints: Sequence[Sequence[str]] | None = None,
        ordered: bool = False,
        progress: bool | None = None,
    ) -> list[list[Hypothesis]]:
        """The ``nbest`` outputs for each text, best first, by fairseq's own search.

        Searches with equal settings that wait at the same time are done in one batch, but for
        sampling.

        Args:
            texts: any number of texts, in any order
            beam: hypotheses kept; with ``sampling`` the number of samples
            sampling: draw tokens instead of searching, from all or the ``topk`` likeliest, or
                from the likeliest whose probabilities sum to ``topp``
            temperature: divides the logits
            lenpen: above 1 favours long outputs
            no_repeat_ngram: no n-gram of this size occurs twice; 0 for no such rule
            min_len, max_len: bounds on the number of tokens
            seed: of the sampling; another each time where none is given
            prefix: how each output begins, a text for each
            constraints: phrases that each output holds, texts for each (Hokamp and Liu 2017, Post
                and Vilar 2018; fairseq's constrained search, which wants a beam that is larger
                than the number of their pieces)
            ordered: the phrases come in the order in which they are given
            progress: a bar on standard error; by default for a long input, in a terminal

        Raises:
            S2SError: for settings out of range, a text that is too long, a phrase that the
                vocabulary cannot write, a text to which nothing can be said within the bounds
            Busy: where too many wait
        """
        settings = SearchSettings(
            beam=beam,
            nbest=nbest,
            sampling=sampling,
            topk=topk,
            topp=topp,
            temperature=temperature,
            lenpen=lenpen,
            no_repeat_ngram=no_repeat_ngram,
            min_len=min_len,
            max_len=max_len,
            seed=seed,
            constraints=("ordered" if ordered else "unordered") if constraints else None,
        )
        vocabulary = len(self.task.target_dictionary)
        settings.check(self.model.max_decoder_positions() - 1, vocabulary)
        requests = self.codec.requests(texts, prefix, constraints)
        settings.check_requests(requests)
        config = settings.config(vocabulary)
        found = self._in_parts(
            requests,
            lambda requests: search(self.model, self.task, config, requests, seed),
            settings.key,
            progress,
        )
        return [[self.codec.hypothesis(each) for each in outputs[:nbest]] for outputs in found]

    def _in_parts(
        self,
        requests: Sequence[Request],
        function: Callable[[list[Request]], Sequence[list[Output]]],
        key: Hashable,
        progress: bool | None,
    ) -> list[list[Output]]:
        """What ``function`` finds; a long input in parts, between which others have their turn.

        With sampling one part is all, since the draws depend on what is drawn together.
        """
        if len(requests) <= PART or key is None:
            return self.batcher.run_together(requests, function, key) if requests else []
        order = sorted(range(len(requests)), key=lambda place: len(requests[place].source))
        results: dict[int, list[Output]] = {}
        shown = sys.stderr.isatty() if progress is None else progress
        with tqdm(total=len(order), unit=" texts", disable=not shown) as bar:
            for start in range(0, len(order), PART):
                places = order[start : start + PART]
                found = self.batcher.run_together([requests[i] for i in places], function, key)
                results.update(zip(places, found, strict=True))
                bar.update(len(places))
        return [results[place] for place in range(len(requests))]

    def embed(self, texts: Sequence[str]) -> Tensor:
        """The semantic vector C of each text: what the bridge makes of the encoder's states.

        Args:
            texts: any number of texts

        Returns:
            (texts, decoder_dim), float32, on the CPU: the first state of the decoder's top layer,
            or the context of ``--bridge summary``

        Raises:
            S2SError: for a model whose decoder starts with 0 (``--bridge zero``), or a text that is
                too long
            Busy: where too many wait
        """
        if isinstance(self.model.decoder.bridge, ZeroBridge):
            raise S2SError(
                "This model has no semantic vector: its decoder starts with 0 (--bridge zero)."
            )
        sources = [self.codec.source(text) for text in check_list(texts)]
        if not sources:
            return torch.zeros(0, self.model.decoder.bridge.decoder_dim)
        vectors = self.batcher.run_together(
            sources, lambda sources: embed(self.model, sources), "embed"
        )
        return torch.stack(vectors)

    def stream(self, text: str, **options: Any) -> TokenStream:
        """One output, token by token: the likeliest token each time, or a drawn one.

        Greedy search gives what ``generate(beam=1)`` gives. Closing or dropping the stream ends
        the work on it.

        Args:
            text: the input
            options: see :meth:`streams`

        Raises:
            S2SError: for settings out of range, or a text that is too long
            Busy: where too many wait
        """
        [stream] = self.streams([text], **options)
        return stream

    def streams(
        self,
        texts: Sequence[str],
        *,
        sampling: bool = False,
        topk: int = -1,
        topp: float = -1.0,
        temperature: float = 1.0,
        no_repeat_ngram: int = 0,
        min_len: int = 1,
        max_len: int = 200,
        seed: int | None = None,
    ) -> list[TokenStream]:
        """Several outputs that begin together; see :meth:`stream`.

        Args:
            texts: the inputs
            sampling: draw tokens, from all or the ``topk`` likeliest, and from the likeliest
                whose probabilities sum to ``topp``
            temperature: divides the logits that are drawn from
            no_repeat_ngram: no n-gram of this size occurs twice; 0 for no such rule
            min_len, max_len: bounds on the number of tokens
            seed: of the draws, which depend on nothing else than it and the text's place

        Raises:
            S2SError: for settings out of range, or a text that is too long
            Busy: where too many wait
        """
        check_settings(
            topk=topk,
            topp=topp,
            temperature=temperature,
            no_repeat_ngram=no_repeat_ngram,
            min_len=min_len,
            max_len=max_len,
        )
        check_drawing(sampling, topk, topp)
        sources = [self.codec.source(text) for text in check_list(texts)]
        options = [
            RowOptions(
                sampling=sampling,
                temperature=temperature,
                topk=max(0, topk),
                topp=topp if topp > 0 else 1.0,
                seed=None if seed is None else f"{seed} {place}",
                min_len=min_len,
                max_len=max_len,
                no_repeat_ngram=no_repeat_ngram,
            )
            for place in range(len(texts))
        ]
        rows = self.batcher.stream(sources, options)
        return [TokenStream(row, self.task.target_dictionary, self.decode) for row in rows]

    def score(
        self, pairs: Sequence[tuple[str, "str | Sequence[str] | Hypothesis"]]
    ) -> list[list[float]]:
        """Log-probability of each token of given outputs, ``</s>`` the last.

        They are the ``token_scores`` of :meth:`generate` where the output is one of its own.

        Args:
            pairs: of an input and an output; an output is a text, or its tokens, with or without
                ``</s>``, or a hypothesis of :meth:`generate`

        Raises:
            S2SError: for a text that is too long
            Busy: where too many wait
        """
        pairs = check_pairs(pairs)
        if not pairs:
            return []
        tensors = [
            (self.codec.source(source), self.codec.target(target)) for source, target in pairs
        ]
        return self.batcher.run_together(tensors, lambda pairs: force(self.model, pairs), "score")

    def align(
        self, pairs: Sequence[tuple[str, "str | Sequence[str] | Hypothesis"]]
    ) -> list[WordAlignment]:
        """Which words of an input each word of an output came from, by the model's attention.

        Args:
            pairs: of an input and an output; an output is a text, or its tokens, with or without
                ``</s>``, or a hypothesis of :meth:`generate` for this input, whose alignment is
                then that of the search; the others are read by the model, word by word

        Raises:
            S2SError: for a model without attention, a hypothesis of another input, or a text that
                is too long
            Busy: where too many wait
        """
        pairs = check_pairs(pairs)
        return align(self, pairs)

    @property
    def dictionaries(self) -> tuple[Dictionary, Dictionary]:
        """Of the source and of the target."""
        return self.task.source_dictionary, self.task.target_dictionary

    def indices(self, source: str, target: str) -> tuple[Tensor, Tensor]:
        """A pair as the model reads it: (src_len,) and (tgt_len,), each with ``</s>``."""
        return self.codec.source(source), self.codec.target(target)

    def close(self) -> None:
        """End the model's thread; whoever waits gets an S2SError, and whoever asks later too."""
        self.batcher.close()
