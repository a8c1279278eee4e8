"""The Responder that asks a trained model: the only file here that imports fairseq_plugins."""

import secrets
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .alignment import words
from .dialog import (
    PLAN_END,
    PLAN_LENGTH,
    SPEAKERS,
    Card,
    Message,
    Reply,
    Settings,
    clean,
    normalise,
    source_text,
)
from .draft import Draft
from .familiar import (
    WORDS_FILE,
    KnownWords,
    begins_a_fallback,
    fallback,
    foreign_share,
    is_outside,
)
from .question import Question
from .ranking import rank, rank_in_both_directions
from .strings import SENTENCES, is_canned, language_of

if TYPE_CHECKING:
    from fairseq_plugins.hub import Seq2Seq, TokenStream

    Growing = tuple[Draft, TokenStream]

LOOK_AHEAD = 6  # tokens of a reply before one of the readings is shown; with a plan, its first


class Seq2SeqResponder:
    """Answers with a model of fairseq_plugins; any number of threads may ask.

    A message may go on with the conversation or begin another topic, and the model does not know
    which: it reads the message both with the earlier turns and alone, and the reading of whose
    reply it is surer is answered. A reply that is shown while it grows must be chosen early, by
    its first LOOK_AHEAD tokens; of a plan the first token tells, which is the theme. Whether turns
    begin with their speaker, and outputs with a plan, the model's dictionaries tell.

    Args:
        model: as ``fairseq_plugins.load`` gives it
        card: what its users are told of it
        reverse: a model from replies to messages, for the reranker; without it the model itself
            judges what is generic
        known: the words of its training; by default from the file beside its dictionaries
    """

    def __init__(
        self,
        model: "Seq2Seq",
        card: Card | None = None,
        *,
        reverse: "Seq2Seq | None" = None,
        known: KnownWords | None = None,
    ) -> None:
        self.model, self.reverse = model, reverse
        self.card = card or Card("model", attends=model.attends)
        path = model.folder / WORDS_FILE if model.folder else None
        self.known = known or (KnownWords.read(path) if path and path.is_file() else None)
        dictionary = model.task.source_dictionary
        self.speakers = all(symbol in dictionary for symbol in SPEAKERS.values())
        self.plans = PLAN_END in model.task.target_dictionary

    def reply(self, dialog: Sequence[Message], settings: Settings) -> Iterator[Reply]:
        """See :class:`chatbot.dialog.Responder`."""
        question = self._ask(dialog, settings)
        if not question.sources:
            yield Reply(SENTENCES[language_of(question.message)]["empty"])
        elif settings.fallback and is_outside(question.unknown):
            yield self._fall_back(question)
        elif settings.mode == "beam" or (settings.mode == "greedy" and settings.diversity):
            yield self._search(question, settings)
        else:
            yield from self._stream(question, settings)

    def close(self) -> None:
        """End the threads of the models."""
        for model in (self.model, self.reverse):
            if model is not None:
                model.close()

    def _ask(self, dialog: Sequence[Message], settings: Settings) -> Question:
        """What there is to answer."""
        started = time.perf_counter()
        message = clean(dialog[-1].text) if dialog else ""
        sources: tuple[str, ...] = ()
        unknown = 0.0
        if normalise(message).strip():
            readings = (self._source(dialog, turns) for turns in (settings.turns, 0))
            sources = tuple(dict.fromkeys(readings))
            unknown = self._unknown_share(message)
        return Question(message, sources, unknown, len(dialog), started)

    def _source(self, dialog: Sequence[Message], turns: int) -> str:
        """What the model reads, slips of the keyboard mended where its words are known."""
        text = source_text(dialog, turns, self.speakers)
        return self.known.spelling.read(text) if self.known is not None else text

    def _unknown_share(self, message: str) -> float:
        """By the words of the training, or else by the pieces of the vocabulary."""
        if self.known is not None:
            return self.known.unknown_share(message)
        return foreign_share(self.model.source_tokens(normalise(message)))

    def _search(self, question: Question, settings: Settings) -> Reply:
        """The best of a beam search over all readings, whole."""
        readings = self._hypotheses(question.sources, settings)
        surest = max(range(len(readings)), key=lambda i: max(map(self._sureness, readings[i])))
        drafts = readings[surest]
        if settings.fallback and _is_lost(question, drafts[0]):
            return self._fall_back(question)
        reply = Reply("", question.sources[surest], attends=self.card.attends)
        return self._whole(question, settings, reply, drafts)

    def _sureness(self, draft: Draft) -> float:
        """How likely a whole output is, or what it is about."""
        return draft.scores[0] if self.plans and draft.scores else draft.score

    def _hypotheses(self, sources: Sequence[str], settings: Settings) -> list[list[Draft]]:
        """The n-best of a beam search for each source."""
        search: dict[str, Any] = {
            "beam": settings.beam,
            "nbest": settings.beam,
            "lenpen": settings.length_penalty,
        }
        bounds = self._bounds(settings)
        found = self.model.generate(list(sources), **search, **bounds)
        return [
            [Draft.of(hypothesis, self.plans, bounds["max_len"]) for hypothesis in hypotheses]
            for hypotheses in found
        ]

    def _stream(self, question: Question, settings: Settings) -> Iterator[Reply]:
        """A reply that grows, then the same with its candidates.

        The candidates are the other samples, or what a beam search finds. Reranked samples are
        shown whole: which of them is the reply, only their ends tell.
        """
        with ExitStack() as held:
            source, growing = self._surest(question, settings, held)
            if settings.fallback:
                draft, stream = growing
                while begins_a_fallback(draft.text) and draft.take(stream):
                    pass
                if _is_lost(question, draft):
                    yield self._fall_back(question)
                    return
            reply = Reply("", source, attends=self.card.attends)
            others: list[Growing] = []
            if settings.mode == "sampling":
                growing[1].close()
                reply = replace(reply, seed=_seed(settings))
                growing, *others = self._samples(reply, settings, held)
            if settings.diversity:
                others.append(growing)
            else:
                reply = yield from self._grow(question, reply, *growing)
            for draft, stream in others:
                draft.take_all(stream)
            rest = sorted((draft for draft, _ in others), key=lambda draft: -draft.score)
            if settings.mode == "greedy" and settings.beam > 1:
                [rest] = self._hypotheses([source], settings)
            drafts = rest if settings.diversity else [growing[0], *rest]
            yield self._whole(question, settings, reply, drafts)

    def _surest(
        self, question: Question, settings: Settings, held: ExitStack
    ) -> "tuple[str, Growing]":
        """The reading whose reply begins with the likeliest tokens; the other is given up."""
        begun = self._begin(question.sources, self._bounds(settings), held)
        enough = 1 if self.plans else LOOK_AHEAD
        for draft, stream in begun:
            while len(draft.pieces) < enough and draft.take(stream):
                pass
        best = max(range(len(begun)), key=lambda i: self._sureness(begun[i][0]))
        for i, (_, stream) in enumerate(begun):
            if i != best:
                stream.close()
        return question.sources[best], begun[best]

    def _samples(self, reply: Reply, settings: Settings, held: ExitStack) -> "list[Growing]":
        """As many samples as there shall be candidates."""
        options = {
            "sampling": True,
            "temperature": settings.temperature,
            "topk": settings.topk,
            "topp": settings.topp,
            "seed": reply.seed,
        }
        return self._begin([reply.source] * settings.beam, options | self._bounds(settings), held)

    def _bounds(self, settings: Settings) -> dict[str, Any]:
        """What every search obeys; a plan takes nothing from the length of the reply."""
        plan = PLAN_LENGTH if self.plans else 0
        return {
            "no_repeat_ngram": settings.no_repeat_ngram,
            "min_len": settings.min_length + plan,
            "max_len": settings.max_length + plan,
        }

    def _begin(
        self, sources: Sequence[str], options: dict[str, Any], held: ExitStack
    ) -> "list[Growing]":
        """A reply to each source, searched for together."""
        streams = self.model.streams(list(sources), **options)
        longest = options["max_len"]
        return [
            (
                Draft(words(self.model.source_tokens(source)), self.plans, longest),
                held.enter_context(closing(stream)),
            )
            for source, stream in zip(sources, streams, strict=True)
        ]

    def _grow(
        self, question: Question, reply: Reply, draft: Draft, stream: "TokenStream"
    ) -> Generator[Reply, None, Reply]:
        """The reply after each token; after several where they come faster than they are shown."""
        shown, more = "", True
        while more:
            if draft.text != shown and not stream.ready:
                reply = self._timed(question, draft.fill(reply))
                yield reply
                shown = draft.text
            more = draft.take(stream)
        reply = self._timed(question, draft.fill(reply))
        if draft.text != shown:  # at once, for the candidates take their time
            yield reply
        return reply

    @staticmethod
    def _timed(question: Question, reply: Reply) -> Reply:
        """The reply with the time that it has taken; the first time remains the first."""
        seconds = question.seconds()
        return replace(reply, seconds=seconds, first_seconds=reply.first_seconds or seconds)

    def _whole(
        self, question: Question, settings: Settings, reply: Reply, drafts: Sequence[Draft]
    ) -> Reply:
        """The reply that the best draft makes, with all of them as candidates; each text once."""
        distinct: dict[str, Draft] = {}
        for draft in drafts:
            if draft.text:
                distinct.setdefault(draft.text, draft)
        drafts = list(distinct.values())[: settings.beam]
        if not reply.seconds:
            reply = self._timed(question, reply)
        if not drafts:
            speechless = SENTENCES[language_of(question.message)]["speechless"]
            return replace(reply, text=speechless, reply_words=(), alignment=None)
        candidates = [draft.candidate() for draft in drafts]
        if settings.diversity:
            ranks = self._rank(question, settings, drafts)
            order = sorted(range(len(drafts)), key=lambda i: -ranks[i])
            candidates = [replace(candidates[i], reranked=ranks[i]) for i in order]
            drafts = [drafts[i] for i in order]
        reply = drafts[0].fill(reply)
        canned = is_canned(reply.text)  # it may have learned them
        return replace(reply, candidates=tuple(candidates), kind="fallback" if canned else "model")

    def _rank(self, question: Question, settings: Settings, drafts: Sequence[Draft]) -> list[float]:
        """The reranker's scores."""
        if self.reverse is None:
            replies = [(draft.pieces, draft.scores) for draft in drafts]
            return rank(self.model, replies, settings.diversity)
        texts = [(normalise(draft.text), draft.scores) for draft in drafts]
        message = normalise(question.message)
        return rank_in_both_directions(self.reverse, message, texts, settings.diversity)

    def _fall_back(self, question: Question) -> Reply:
        """An honest sentence."""
        text = fallback(question.message, question.turns)
        reply = Reply(text, question.sources[0], kind="fallback", attends=self.card.attends)
        return self._timed(question, reply)


def load_responder(path: str | Path, card: Card | None = None) -> Seq2SeqResponder:
    """The responder of a checkpoint.

    Raises:
        ValueError: in one sentence, for a checkpoint that is missing, broken or foreign
    """
    from fairseq_plugins import load  # takes seconds

    return Seq2SeqResponder(load(path), card)


def _is_lost(question: Question, draft: Draft) -> bool:
    """Whether what the model says shows that it knows nothing of the message."""
    return is_canned(draft.text) or is_outside(question.unknown, draft.score)


def _seed(settings: Settings) -> int:
    """The one that was asked for, or any."""
    return secrets.randbelow(2**32) if settings.seed is None else settings.seed
