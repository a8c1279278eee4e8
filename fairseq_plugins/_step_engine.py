"""The thread that owns a model: rows step by step, other work between two steps."""

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import torch
from fairseq.models import FairseqEncoderDecoderModel
from torch import Tensor

from ._row_batch import Layout, RowBatch
from ._word_choice import History, RowOptions, choose
from .errors import S2SError

MAX_TOGETHER = 64  # items of other work that are done at once
PATIENCE = 0.05  # seconds that other work waits for more of its kind while rows are searched for
HELD = 0.001  # seconds that a step waits for more, for each other row: to wake callers takes time
ROWS_TO_JOIN = 2  # for so many that run, one more must wait before any joins: one encoder pass ...
STEPS_TO_JOIN = 6  # ... but no row waits longer than so many steps

logger = logging.getLogger(__name__)


class Busy(S2SError, queue.Full):
    """Too many wait already; whoever knows only the standard library catches ``queue.Full``."""


class Step(NamedTuple):
    """One word of a row.

    Attributes:
        word: its index
        score: its log-probability under the model, whatever it was drawn from
        alignment: where the model looked: one weight for each source token, or None
    """

    word: int
    score: float
    alignment: list[float] | None


class Row(History):
    """A row that is waited for or searched for.

    Attributes:
        found: its steps, some at a time, the last of them ``</s>``; or an error
        left: whether nobody waits for it any more
    """

    def __init__(self, source: Tensor, options: RowOptions) -> None:
        super().__init__(options)
        self.source = source
        self.found: queue.SimpleQueue[list[Step] | Exception] = queue.SimpleQueue()
        self.left = False
        self._held: list[Step] = []
        self._given = -math.inf

    def give(self, step: Step, wait: float) -> None:
        """Hand a step over, with those before it, ``wait`` seconds after the last time."""
        self._held.append(step)
        self.say(step.word)
        now = time.monotonic()
        if now - self._given >= wait:
            self.found.put(self._held)
            self._held, self._given = [], now


class Job:
    """Other work on the model."""

    def __init__(
        self, items: list[Any], function: Callable[[list[Any]], Sequence[Any]], key: Hashable
    ) -> None:
        self.items, self.function, self.key = items, function, key
        self.since = time.monotonic()
        self.future: Future[list[Any]] = Future()

    def is_due(self) -> bool:
        """Whether it should not wait for others any longer."""
        return self.key is None or time.monotonic() - self.since > PATIENCE

    def do(self, jobs: Sequence["Job"]) -> None:
        """Do several jobs of this key in one call; where it fails, each alone."""
        try:
            results = iter(self.function([item for job in jobs for item in job.items]))
            found = [[next(results) for _ in job.items] for job in jobs]
        except BaseException as error:
            if len(jobs) == 1:
                self.future.set_exception(error)
                return
            for job in jobs:  # so that one caller's bad request fails no other's
                job.do([job])
            return
        for job, own in zip(jobs, found, strict=True):
            job.future.set_result(own)


class Engine:
    """What the thread works on. It knows no :class:`StepBatcher`, so that one can be dropped.

    ``changed`` guards the queues; rows and batch belong to the thread.
    """

    def __init__(self, model: FairseqEncoderDecoderModel, max_rows: int, max_waiting: int) -> None:
        self.model, self.max_rows, self.max_waiting = model, max_rows, max_waiting
        self.pad = model.decoder.dictionary.pad()
        self.eos = model.decoder.dictionary.eos()
        self.changed = threading.Condition()
        self.waiting: deque[Row] = deque()
        self.jobs: deque[Job] = deque()
        self.closed = False
        self.layout: Layout | None = None
        self.rows: list[Row] = []
        self.batch: RowBatch | None = None
        self._gathering = 0  # steps since rows wait to join those that run

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Let rows wait; all or none, and any number where no others wait."""
        with self.changed:
            if len(self.waiting) + len(rows) > self.max_waiting:
                self.waiting = deque(_staying(self.waiting))
            self._check(len(self.waiting), len(rows))
            self.waiting.extend(rows)
            self.changed.notify()

    def add_job(self, job: Job) -> None:
        """Let other work wait."""
        with self.changed:
            self._check(len(self.jobs), 1)
            self.jobs.append(job)
            self.changed.notify()

    def _check(self, waiting: int, more: int) -> None:
        if self.closed:
            raise S2SError("The model has been closed.")
        if waiting and waiting + more > self.max_waiting:
            raise Busy(
                f"The model is busy: {waiting} requests are waiting already, and with {more} more "
                f"there would be more than {self.max_waiting}: ask again later."
            )

    def close(self) -> None:
        """Let the thread end after its step."""
        with self.changed:
            self.closed = True
            self.changed.notify()

    @torch.inference_mode()
    def run(self) -> None:
        """Work until closed."""
        try:
            device = next(self.model.parameters()).device
            if device.type == "cuda":
                torch.cuda.set_device(device)  # of this thread: else kernels run on the first one
            while self.turn():
                pass
        finally:
            self._abandon()

    def turn(self) -> bool:
        """Join, one step, one job; False once closed."""
        with self.changed:
            while not (self.waiting or self.jobs or self.rows or self.closed):
                self.changed.wait()
            if self.closed:
                return False
            joining = self._next_rows()
            jobs = self._next_jobs(alone=not (self.rows or joining))
        self._guarded(self._leave)
        if self.rows:
            self._guarded(self._advance)
        if joining:
            self._guarded(lambda: self._join(joining), joining)
        if jobs:
            jobs[0].do(jobs)
        return True

    def _next_rows(self) -> list[Row]:
        """The waiting rows that have a place now, once they are worth an encoder pass."""
        if len(self.waiting) < len(self.rows) / ROWS_TO_JOIN and self._gathering < STEPS_TO_JOIN:
            self._gathering += bool(self.waiting)
            return []
        self._gathering = 0
        free = self.max_rows - len(self.rows)
        taken = [self.waiting.popleft() for _ in range(min(free, len(self.waiting)))]
        return _staying(taken)

    def _next_jobs(self, alone: bool) -> list[Job]:
        """The first job, and those that can be done with it; where rows run, when it is due."""
        if not self.jobs or not (alone or self.jobs[0].is_due()):
            return []
        jobs = [self.jobs.popleft()]
        if jobs[0].key is None:
            return jobs
        size = len(jobs[0].items)
        others: deque[Job] = deque()
        for job in self.jobs:
            if job.key == jobs[0].key and size + len(job.items) <= MAX_TOGETHER:
                jobs.append(job)
                size += len(job.items)
            else:
                others.append(job)
        self.jobs = others
        return jobs

    def _guarded(self, function: Callable[[], None], joining: Sequence[Row] = ()) -> None:
        """What the model raises goes to the rows concerned: those that join, else all that run."""
        try:
            function()
        except Exception as error:
            logger.exception("A step of the search failed")
            for row in joining or self.rows:
                row.found.put(error)
            if not joining:
                self.rows, self.batch = [], None

    def _leave(self) -> None:
        """Drop the rows that nobody waits for."""
        staying = _staying(self.rows)
        if len(staying) < len(self.rows):
            self._keep([place for place, row in enumerate(self.rows) if row in staying])

    def _keep(self, places: list[int]) -> None:
        self.rows = [self.rows[place] for place in places]
        if self.rows:
            assert self.batch is not None  # rows that run have one
            self.batch.keep(places)
        else:
            self.batch = None

    def _advance(self) -> None:
        """One step of all rows that run."""
        assert self.batch is not None  # rows that run have one
        places = self._step(self.batch, self.rows)
        if len(places) < len(self.rows):
            self._keep(places)

    def _join(self, rows: list[Row]) -> None:
        """The first step of new rows, then a place among the others."""
        if self.layout is None:
            self.layout = Layout(self.model)
        batch = RowBatch.encode(self.layout, [row.source for row in rows])
        places = self._step(batch, rows)
        if not places:
            return
        batch.keep(places)
        rows = [rows[place] for place in places]
        if self.batch is None:
            self.batch, self.rows = batch, rows
        else:
            self.batch.join(batch)
            self.rows = self.rows + rows

    def _step(self, batch: RowBatch, rows: Sequence[Row]) -> list[int]:
        """Find a word for each row and hand it over; returns the places of those that go on."""
        last = [row.words[-1] if row.words else self.eos for row in rows]
        lprobs, alignment = batch.step(last)
        words, scores = choose(lprobs, rows, self.pad, self.eos)
        wait = HELD * max(0, len(self.rows) - 1)
        alignments = [None] * len(rows) if alignment is None else alignment.tolist()
        going_on = []
        found = zip(rows, words.tolist(), scores.tolist(), alignments, strict=True)
        for place, (row, word, score, weights) in enumerate(found):
            seen = None if weights is None else weights[: batch.lengths[place]]
            ends = word == self.eos
            row.give(Step(word, score, seen), 0.0 if ends else wait)
            if not ends:
                going_on.append(place)
        return going_on

    def _abandon(self) -> None:
        """Whoever waits gets an error."""
        with self.changed:
            self.closed = True
            rows, jobs = [*self.rows, *self.waiting], list(self.jobs)
            self.rows, self.batch = [], None
            self.waiting.clear()
            self.jobs.clear()
        for row in rows:
            row.found.put(S2SError("The model has been closed."))
        for job in jobs:
            job.future.set_exception(S2SError("The model has been closed."))


def _staying(rows: Iterable[Row]) -> list[Row]:
    """The rows that somebody waits for; the streams of the others end."""
    staying = []
    for row in rows:
        if row.left:
            row.found.put([])
        else:
            staying.append(row)
    return staying
