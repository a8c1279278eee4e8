"""Greedy search and sampling word by word, for many callers at a time.

One thread owns the model. At each step all rows that are being searched for go through the decoder
together; who asks meanwhile joins at the next step, and who is done or has gone leaves. Between two
steps the same thread does all other work on the model, so that no two threads ever use it.

A process that forks goes on with its thread; its child, which has none, gets one of its own.
"""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

from fairseq.models import FairseqEncoderDecoderModel
from torch import Tensor

from ._step_engine import Busy, Engine, Job, Row, Step
from ._word_choice import RowOptions
from .errors import S2SError

__all__ = ["Busy", "RowOptions", "Step", "StepBatcher", "Stream"]

MAX_ROWS = 64  # that are searched for together; more only make every step longer
MAX_WAITING = 256  # rows, or pieces of other work, that wait for their turn

Result = TypeVar("Result")
Item = TypeVar("Item")


class Stream(Iterator[Step]):
    """The words of one row as they are found, ``</s>`` the last.

    :meth:`close` ends the search for them, and so does dropping the stream. Errors of the model
    are raised here.
    """

    def __init__(self, batcher: "StepBatcher", row: Row, eos: int) -> None:
        self._batcher = batcher  # lives as long as its streams
        self._row, self._eos = row, eos
        self._process = os.getpid()
        self._steps: deque[Step] = deque()
        self._over = False

    def __next__(self) -> Step:
        if self._over:
            raise StopIteration
        if not self._steps:
            self._wait()
        step = self._steps.popleft()
        self._over = self._over or step.word == self._eos
        return step

    def _wait(self) -> None:
        """For at least one step."""
        if os.getpid() != self._process:
            raise S2SError("The process has forked since this stream was begun: begin it again.")
        found = self._row.found.get()
        if isinstance(found, list) and found:
            self._steps.extend(found)
            return
        self._over = True
        raise StopIteration if isinstance(found, list) else found

    @property
    def ready(self) -> bool:
        """Whether what comes next is there already: a word, or the end."""
        return self._over or bool(self._steps) or not self._row.found.empty()

    def close(self) -> None:
        """Give the row back; what was found but not taken is lost."""
        self._over = self._row.left = True
        self._steps.clear()

    def __del__(self) -> None:
        self.close()


class StepBatcher:
    """The model's thread, which begins with the first request.

    It ends with :meth:`close`, with the last reference, with the program.

    Args:
        model: in evaluation mode; nobody else may use it any more
        max_rows: that are searched for together
        max_waiting: that wait for a place, before more are refused
    """

    def __init__(
        self,
        model: FairseqEncoderDecoderModel,
        *,
        max_rows: int = MAX_ROWS,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._prepare(Engine(model, max_rows, max_waiting))
        _batchers.add(self)

    def _prepare(self, engine: Engine) -> None:
        """A thread that has not begun."""
        self._engine = engine
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=engine.run, name="s2s-steps", daemon=True)
        self._end = weakref.finalize(self, _end, engine, self._thread)

    def _begin(self) -> None:
        """The thread, unless it has begun."""
        with self._starting:
            if self._thread.ident is None and not self._engine.closed:
                self._thread.start()

    def renew(self) -> None:
        """In a child of the process, where the thread is not, and its locks may be held for ever.

        Whoever waits there is in the parent.
        """
        old = self._engine
        self._end.detach()
        self._prepare(Engine(old.model, old.max_rows, old.max_waiting))
        self._engine.closed = old.closed

    def stream(self, sources: Sequence[Tensor], options: Sequence[RowOptions]) -> list[Stream]:
        """Search for one row for each source (src_len,), ``</s>`` at its end; they join together.

        Raises:
            Busy: where too many wait
            S2SError: after :meth:`close`
        """
        rows = [Row(*each) for each in zip(sources, options, strict=True)]
        self._begin()
        self._engine.add_rows(rows)
        return [Stream(self, row, self._engine.eos) for row in rows]

    def run(self, function: Callable[[], Result]) -> Result:
        """Call ``function`` in the model's thread, and wait for what it returns or raises."""
        return self.run_together([None], lambda items: [function()])[0]

    def run_together(
        self,
        items: Sequence[Item],
        function: Callable[[list[Item]], Sequence[Result]],
        key: Hashable = None,
    ) -> list[Result]:
        """Call ``function`` in the model's thread with ``items``, for one result each.

        Whatever waits with an equal ``key`` that is not None is done in the same call: the items
        of all callers go into the function of one of them.

        Raises:
            Busy: where too much waits
            S2SError: after :meth:`close`
        """
        job = Job(list(items), function, key)
        self._begin()
        if threading.current_thread() is self._thread:
            job.do([job])
        else:
            self._engine.add_job(job)
        return job.future.result()

    def close(self) -> None:
        """End the thread; whoever waits gets an S2SError."""
        self._end()


def _end(engine: Engine, thread: threading.Thread) -> None:
    """Close, and wait for the thread; the last reference may have been dropped in it."""
    engine.close()
    if thread.is_alive() and threading.current_thread() is not thread:
        thread.join()


_batchers: "weakref.WeakSet[StepBatcher]" = weakref.WeakSet()


def _after_fork() -> None:
    """In the child."""
    for batcher in list(_batchers):
        batcher.renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)
