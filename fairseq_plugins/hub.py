"""The door for Python users: ``load`` a trained model once, use it as often as you like.

>>> from fairseq_plugins import load
>>> model = load("checkpoints/chat")
>>> model.generate(["hello", "how are you"], beam=5)[0][0].text
>>> for token in model.stream("hello"):
...     print(token.text)
"""

import logging
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import torch

from .errors import S2SError

try:
    with warnings.catch_warnings():  # fairseq scripts two functions, which torch 2.15 deprecates
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.script` is deprecated")
        import fairseq  # noqa: F401
except ImportError as error:
    raise S2SError(
        "fairseq is not installed: run pip install 'fairseq-s2s[fairseq]', or, on Python 3.10, "
        "your own fairseq 0.12.2."
    ) from error

from . import compat

compat.apply()

from fairseq.dataclass.configs import GenerationConfig  # noqa: E402
from fairseq.tasks.translation import TranslationTask  # noqa: E402
from torch import Tensor  # noqa: E402

from ._alignment import WordAlignment, align  # noqa: E402
from ._loading import build, find_languages, read_dictionary, read_pieces  # noqa: E402
from ._token_stream import Token, TokenStream  # noqa: E402
from ._whole_texts import Output, force, search  # noqa: E402
from ._word_choice import RowOptions  # noqa: E402
from .checkpoint import find_checkpoint, read_checkpoint  # noqa: E402
from .models import S2SModel  # noqa: E402
from .stepwise import Busy, StepBatcher  # noqa: E402
from .tasks import TranslationS2SConfig, TranslationS2STask  # noqa: E402

__all__ = ["Busy", "Hypothesis", "Seq2Seq", "Token", "TokenStream", "WordAlignment", "load"]

logging.getLogger("fairseq.tasks").setLevel(logging.WARNING)  # else four lines for each batch


@dataclass(frozen=True)
class Hypothesis:
    """One output for one input.

    Attributes:
        text: the output as text
        tokens: its pieces, ``</s>`` at the end
        score: mean log-probability per token (natural logarithm, length penalty applied)
        token_scores: log-probability of each token
        source_tokens: the input's pieces, ``</s>`` at the end
        alignment: (tokens, source_tokens), each row sums to 1; None without attention
    """

    text: str
    tokens: list[str]
    score: float
    token_scores: list[float]
    source_tokens: list[str]
    alignment: list[list[float]] | None


def load(
    path: str | Path,
    *,
    data: str | Path | None = None,
    languages: tuple[str, str] | None = None,
    device: str | torch.device = "cpu",
    precision: str | None = None,
) -> "Seq2Seq":
    """Load a model that was trained by ``fairseq-train`` with an architecture of this package.

    Args:
        path: a checkpoint, or a folder with ``checkpoint_best.pt`` or ``checkpoint_last.pt``
        data: the folder of the dictionaries ``dict.LANG.txt`` and, where the text was encoded
            with it, of the SentencePiece model ``*.model``; by default the checkpoint's own
        languages: source and target; needed only where neither checkpoint nor data tell
        device: where the model runs
        precision: of the matrix products on a CPU, ``"fp32"``, ``"bf16"`` or ``"int8"``; by default
            what the model was trained with, ``--decode-precision``

    Raises:
        S2SError: in one sentence, for whatever is missing, broken, unsafe or does not fit
    """
    path = find_checkpoint(path)
    checkpoint = read_checkpoint(path)
    folder = Path(data) if data is not None else path.parent
    source, target = languages or find_languages(checkpoint, folder)
    task = TranslationS2STask(
        TranslationS2SConfig(source_lang=source, target_lang=target),
        read_dictionary(folder / f"dict.{source}.txt"),
        read_dictionary(folder / f"dict.{target}.txt"),
    )
    model = build(checkpoint, task, precision).to(device)
    model.make_generation_fast_(need_attn=True)
    return Seq2Seq(model, task, read_pieces(folder), folder)


class Seq2Seq:
    """A trained model with its dictionaries; made by :func:`load`.

    Any number of threads may use it at a time: one thread of its own, begun when it is first
    asked for something, does all the work, and does together what can be done together. The
    weights are packed for generation: a model that is to be trained on is fairseq's business.

    Attributes:
        folder: of the dictionaries, and of whatever else stands beside them
        attends: whether the model has attention, and so gives alignments
    """

    def __init__(
        self,
        model: S2SModel,
        task: TranslationTask,
        pieces: sentencepiece.SentencePieceProcessor | None,
        folder: Path | None = None,
    ) -> None:
        self.model = model
        self.task = task
        self.pieces = pieces
        self.folder = folder
        self.attends = hasattr(model.decoder, "attention")
        self._starting = threading.Lock()
        self._batcher: StepBatcher | None = None

    def encode(self, text: str) -> list[str]:
        """Text -> pieces, or words where the model has no SentencePiece model."""
        text = text.encode("utf-8", "replace").decode("utf-8")  # no lone surrogates
        return self.pieces.encode(text, out_type=str) if self.pieces else text.split()

    def decode(self, tokens: Sequence[str]) -> str:
        """Pieces -> text."""
        return self.pieces.decode(list(tokens)) if self.pieces else " ".join(tokens)

    def source_tokens(self, text: str) -> list[str]:
        """The pieces that the model reads: unknown ones as ``<unk>``, ``</s>`` at the end."""
        dictionary = self.task.source_dictionary
        return [dictionary[index] for index in self._source(text).tolist()]

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

        Raises:
            S2SError: for settings out of range, or a text that is too long
            Busy: where too many wait
        """
        _check_settings(
            beam=beam, nbest=nbest, min_len=min_len, max_len=max_len, temperature=temperature
        )
        sources = [self._source(text) for text in texts]
        if not sources:
            return []
        config = GenerationConfig(
            beam=beam,
            nbest=nbest,
            sampling=sampling,
            sampling_topk=topk,
            sampling_topp=topp,
            temperature=temperature,
            lenpen=lenpen,
            no_repeat_ngram_size=no_repeat_ngram,
            min_len=min_len,
            max_len_a=0,
            max_len_b=max_len,
        )
        together = (beam, nbest, temperature, lenpen, no_repeat_ngram, min_len, max_len)
        found = self.batcher.run_together(
            sources,
            lambda sources: search(self.model, self.task, config, sources, seed),
            None if sampling else ("search", together),
        )
        return [[self._hypothesis(each) for each in outputs[:nbest]] for outputs in found]

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
        _check_settings(min_len=min_len, max_len=max_len, temperature=temperature)
        sources = [self._source(text) for text in texts]
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

    def score(self, pairs: Sequence[tuple[str, str | Sequence[str]]]) -> list[list[float]]:
        """Log-probability of each token of given outputs, ``</s>`` the last.

        They are the ``token_scores`` of :meth:`generate` where the output is one of its own.

        Args:
            pairs: of an input and an output; an output is a text, or its tokens, with or without
                ``</s>``

        Raises:
            S2SError: for a text that is too long
            Busy: where too many wait
        """
        if not pairs:
            return []
        tensors = [(self._source(source), self._target(target)) for source, target in pairs]
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
        return align(self, pairs)

    @property
    def batcher(self) -> StepBatcher:
        """The model's thread."""
        with self._starting:
            if self._batcher is None:
                self._batcher = StepBatcher(self.model)
            return self._batcher

    def close(self) -> None:
        """End the model's thread; whoever waits gets an S2SError, and whoever asks later too."""
        self.batcher.close()

    def _source(self, text: str) -> Tensor:
        """Text -> indices (src_len,)."""
        line = " ".join(self.encode(text))
        source = self.task.source_dictionary.encode_line(
            line, add_if_not_exist=False, append_eos=True
        )
        longest = self.model.encoder.max_positions()
        if len(source) > longest:
            raise S2SError(
                f"A text of {len(source)} pieces is longer than this model can read ({longest}): "
                "shorten it."
            )
        return source.long()

    def _target(self, target: str | Sequence[str]) -> Tensor:
        """Text or tokens -> indices (tgt_len,)."""
        dictionary = self.task.target_dictionary
        tokens = self.encode(target) if isinstance(target, str) else list(target)
        if tokens and tokens[-1] == dictionary.eos_word:
            tokens.pop()
        return torch.tensor([*(dictionary.index(token) for token in tokens), dictionary.eos()])

    def _hypothesis(self, found: Output) -> Hypothesis:
        """fairseq's output for one row of a batch."""
        source_dict, target_dict = self.task.source_dictionary, self.task.target_dictionary
        ends = (target_dict.bos_word, target_dict.eos_word, target_dict.pad_word)
        tokens = [target_dict[index] for index in found.tokens]
        return Hypothesis(
            text=self.decode([token for token in tokens if token not in ends]),
            tokens=tokens,
            score=found.score,
            token_scores=found.token_scores,
            source_tokens=[source_dict[index] for index in found.source],
            alignment=found.alignment,
        )


def _check_settings(**settings: float) -> None:
    """Refuse what no search can run with."""
    for name, value in settings.items():
        if value <= 0:
            raise S2SError(f"{name} is {value}, but must be above 0.")
    if settings.get("nbest", 1) > settings.get("beam", 1):
        raise S2SError(f"nbest ({settings['nbest']}) must not be above beam ({settings['beam']}).")
    if settings["min_len"] > settings["max_len"]:
        raise S2SError(
            f"min_len ({settings['min_len']}) must not be above max_len ({settings['max_len']})."
        )
