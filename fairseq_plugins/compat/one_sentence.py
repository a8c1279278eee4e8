"""Fault: a mistake of the user ends fairseq's commands with a traceback of twenty lines.

fairseq raises bare exceptions and wraps what it catches, for instance in trainer.py: "Cannot load
model parameters ...; please ensure that the architectures match". With this hook an uncaught
``S2SError``, also one that fairseq wrapped, ends the command with its sentence on stderr and
status 1. ``S2S_TRACEBACK=1`` shows the traceback. Every other exception goes to the previous hook.
"""

import os
import sys
from types import TracebackType

from ..errors import S2SError


def raised_by_fairseq(error: BaseException) -> bool:
    """Whether the statement that raised an exception is fairseq's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    return str(module).partition(".")[0] in ("fairseq", "fairseq_cli")


def find_sentence(error: BaseException | None) -> S2SError | None:
    """Return the S2SError that ``error`` is, was raised from, or was made of by fairseq.

    What a user's own handler of an S2SError raises is another fault, and not hidden.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, S2SError):
            return error
        seen.add(id(error))
        after = raised_by_fairseq(error) and not error.__suppress_context__
        error = error.__cause__ or (error.__context__ if after else None)
    return None


def needed() -> bool:
    """Whether the hook is still missing; no fairseq brings one."""
    return not getattr(sys.excepthook, "prints_s2s_errors", False)


def apply() -> None:
    """Install the hook before the present one; hydra hands exceptions to no hook unless told."""
    if not needed():
        return
    previous = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        found = find_sentence(error)
        if found is None or os.environ.get("S2S_TRACEBACK") == "1":
            previous(kind, error, trace)
        else:
            sys.stderr.write(f"{found}\n")

    hook.prints_s2s_errors = True  # type: ignore[attr-defined]
    sys.excepthook = hook
    if "fairseq_cli.hydra_train" in sys.modules:
        os.environ.setdefault("HYDRA_FULL_ERROR", "1")
