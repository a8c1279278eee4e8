"""The Responder that asks a trained model: the only file here that imports fairseq_plugins."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .alignment import between_words, words
from .dialog import SPEAKERS, Candidate, Message, Reply, Settings, clean, normalise, source_text
from .strings import SENTENCES, language_of

if TYPE_CHECKING:
    from fairseq_plugins.hub import Hypothesis, Seq2Seq


class Seq2SeqResponder:
    """Answers with a model of fairseq_plugins, one reply at a time (the model is not thread-safe).

    A message may go on with the conversation or begin another topic, and the model does not know
    which: it reads the message both with the earlier turns and alone, and the reply that it is
    surer of is given. With ``sampling`` the reply is the likeliest of ``beam`` samples
    (sample-and-rank, Adiwardana et al. 2020). Whether turns begin with their speaker, the model's
    dictionary tells.
    """

    def __init__(self, model: "Seq2Seq") -> None:
        self.model = model
        dictionary = model.task.source_dictionary
        self.speakers = all(symbol in dictionary for symbol in SPEAKERS.values())
        self._lock = threading.Lock()

    def reply(self, dialog: Sequence[Message], settings: Settings) -> Iterator[Reply]:
        """See :class:`chatbot.dialog.Responder`."""
        started = time.perf_counter()
        message = clean(dialog[-1].text) if dialog else ""
        sentences = SENTENCES[language_of(message)]
        if not normalise(message).strip():
            yield Reply(sentences["empty"])
            return
        readings = (source_text(dialog, turns, self.speakers) for turns in (settings.turns, 0))
        sources = list(dict.fromkeys(readings))
        with self._lock:
            found = self.model.generate(sources, **_search(settings))
        source, candidates = max(
            zip(sources, map(_distinct, found), strict=True),
            key=lambda reading: _surest(reading[1]),
        )
        if not candidates:
            yield Reply(sentences["speechless"], source, seconds=time.perf_counter() - started)
            return
        best = next(iter(candidates.values()))
        rows, columns = words(best.tokens), words(best.source_tokens)
        yield Reply(
            text=next(iter(candidates)),
            source=source,
            source_words=tuple(word.text for word in columns),
            reply_words=tuple(word.text for word in rows),
            alignment=between_words(best.alignment, rows, columns) if best.alignment else None,
            candidates=tuple(Candidate(text, each.score) for text, each in candidates.items()),
            tokens=sum(token != "</s>" for token in best.tokens),
            seconds=time.perf_counter() - started,
        )


def load_responder(path: str | Path) -> Seq2SeqResponder:
    """The responder of a checkpoint.

    Raises:
        ValueError: in one sentence, for a checkpoint that is missing, broken or foreign
    """
    from fairseq_plugins import load  # takes seconds

    return Seq2SeqResponder(load(path))


def describe(model: "Seq2Seq") -> str:
    """A model in one line: its cells, its size, its vocabulary, its device."""
    parameters = list(model.model.parameters())
    modules = dict(model.model.named_modules())
    kinds = " ".join(type(module).__name__ for module in modules.values())
    cell = "/".join(kind for kind in ("LSTM", "GRU") if kind in kinds) or "RNN"
    attends = any(name.endswith("attention") for name in modules)
    facts = (
        f"{cell} + attention" if attends else cell,
        f"{sum(parameter.numel() for parameter in parameters) / 1e6:.1f}M parameters",
        f"{len(model.task.target_dictionary):,} subwords",
        parameters[0].device.type.upper(),
    )
    return " · ".join(facts)


def _search(settings: Settings) -> dict[str, Any]:
    """The settings as arguments of ``generate``, where -1 stands for no limit."""
    search = {
        "beam": settings.beam,
        "nbest": settings.beam,
        "lenpen": settings.length_penalty,
        "no_repeat_ngram": settings.no_repeat_ngram,
        "max_len": settings.max_length,
    }
    if settings.mode == "sampling":
        search |= {
            "sampling": True,
            "temperature": settings.temperature,
            "topk": settings.topk or -1,
            "topp": settings.topp if settings.topp < 1.0 else -1.0,
            "seed": settings.seed,
        }
    return search


def _surest(candidates: "dict[str, Hypothesis]") -> float:
    """The best score among candidates."""
    return max((each.score for each in candidates.values()), default=-math.inf)


def _distinct(hypotheses: "Sequence[Hypothesis]") -> "dict[str, Hypothesis]":
    """The hypotheses by text, best first, without the empty ones."""
    distinct: dict[str, Hypothesis] = {}
    for hypothesis in hypotheses:
        text = clean(hypothesis.text)
        if text:
            distinct.setdefault(text, hypothesis)
    return distinct
