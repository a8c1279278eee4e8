"""A reply in the making: from a model's tokens to what a reader sees."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import TYPE_CHECKING

from .alignment import END, Word, between_words, words
from .dialog import PLAN_END, Candidate, Reply, clean

if TYPE_CHECKING:
    from fairseq_plugins.hub import Hypothesis, Token


@dataclass
class Draft:
    """The tokens so far of one output.

    Where a model begins its output with a plan (``scripts/prepare_chat.py``), the reply is what
    follows it; the plan's tokens count for the score alone.

    Attributes:
        source_words: what the model read, the columns of the alignment
        plans: whether the output begins with a plan
        longest: how many tokens the search allows before ``</s>``, the plan's too
        pieces: the tokens, perhaps with ``</s>``
        scores: their log-probabilities
        weights: one row of the alignment for each; empty without attention
        raw: the text as the model gives it
    """

    source_words: Sequence[Word]
    plans: bool = False
    longest: float = math.inf
    pieces: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    weights: list[Sequence[float]] = field(default_factory=list)
    raw: str = ""
    _rows: dict[tuple[int, ...], tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, hypothesis: "Hypothesis", plans: bool = False, longest: float = math.inf
    ) -> "Draft":
        """A whole output."""
        return cls(
            words(hypothesis.source_tokens),
            plans,
            longest,
            list(hypothesis.tokens),
            list(hypothesis.token_scores),
            list(hypothesis.alignment or ()),
            hypothesis.text,
        )

    def take(self, tokens: "Iterator[Token]") -> bool:
        """Take in the next token; False where there is none."""
        token = next(tokens, None)
        if token is None:
            return False
        self.pieces.append(token.piece)
        self.scores.append(token.score)
        self.raw = token.text
        if token.alignment is not None:
            self.weights.append(token.alignment)
        return True

    def take_all(self, tokens: "Iterator[Token]") -> None:
        """Take in whatever comes."""
        while self.take(tokens):
            pass

    @property
    def text(self) -> str:
        """What it says."""
        return clean(self.raw.partition(PLAN_END)[2] if self.plans else self.raw)

    @property
    def plan(self) -> str:
        """What it is about, as far as it says so: ``<THEME> piece``."""
        if not self.plans:
            return ""
        return " ".join(self.raw.partition(PLAN_END)[0].replace(">", "> ").split())

    @property
    def start(self) -> int:
        """The number of tokens before the reply."""
        if not self.plans:
            return 0
        return self.pieces.index(PLAN_END) + 1 if PLAN_END in self.pieces else len(self.pieces)

    @property
    def score(self) -> float:
        """Mean log-probability per token."""
        return fmean(self.scores)

    @property
    def tokens(self) -> int:
        """Their number, without ``</s>``."""
        return sum(piece != END for piece in self.pieces[self.start :])

    @property
    def unfinished(self) -> bool:
        """Whether it is as long as it may be, where a search ends it with ``</s>`` as well."""
        return sum(piece != END for piece in self.pieces) >= self.longest

    def candidate(self) -> Candidate:
        """All of it."""
        rows = words(self.pieces[self.start :])
        return Candidate(
            text=self.text,
            score=self.score,
            reply_words=tuple(word.text for word in rows),
            alignment=self._align(rows) if self.weights else None,
            tokens=self.tokens,
            plan=self.plan,
            unfinished=self.unfinished,
            total=math.fsum(self.scores),
        )

    def fill(self, reply: Reply) -> Reply:
        """The reply with what the draft has."""
        found = self.candidate()
        return replace(
            reply,
            text=found.text,
            source_words=tuple(word.text for word in self.source_words),
            reply_words=found.reply_words,
            alignment=found.alignment,
            tokens=found.tokens,
            plan=found.plan,
            unfinished=found.unfinished,
        )

    def _align(self, rows: Sequence[Word]) -> tuple[tuple[float, ...], ...]:
        """The alignment between words; a row is made once, and again where its word has grown."""
        weights = self.weights[self.start :]
        for word in rows:
            if word.positions not in self._rows:
                [row] = between_words(weights, [word], self.source_words)
                self._rows[word.positions] = row
        return tuple(self._rows[word.positions] for word in rows)
