"""Peak memory of a step: how far the resident size rises above what it was before."""

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def why_not() -> str | None:
    """Why the peak cannot be measured here, or None."""
    if not sys.platform.startswith("linux"):
        return "peak memory is measured on Linux only"
    try:
        CLEAR.write_text("5")
    except OSError as error:
        return f"{CLEAR} cannot be written: {error.strerror}"
    return None


def resident(field: str) -> float:
    """``VmRSS``, the resident size now, or ``VmHWM``, its peak, in MB."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"{STATUS} does not tell {field}")


def rise_of(step: Callable[[], object]) -> float:
    """By how many MB the resident size rises above its present one while ``step`` runs.

    What the allocator kept of earlier steps is given back first, and the kernel's peak is set
    to the present size (``clear_refs`` 5, proc(5)).
    """
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc's
        libc.malloc_trim(0)
    CLEAR.write_text("5")
    before = resident("VmRSS")
    step()
    return max(resident("VmHWM") - before, 0.0)


def peak_of(step: Callable[[], object], first: Callable[[], object] = lambda: None) -> float:
    """:func:`rise_of` in a forked child, so that all steps start from one and the same heap.

    The child runs ``first`` before that, a small step: else the pages of the libraries' code, which
    every child maps anew, would count (some 27 MB in a step that makes 220).

    Within one process the holes that earlier steps left in the heap change the rise of the same
    step by half (measured: 840 to 1,390 MB; in children 1,010 to 1,120 MB). The caller should not
    have run large steps before.

    Raises:
        RuntimeError: where the step fails in the child
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            first()
            os.write(writing, f"{rise_of(step):.1f}".encode())
            status = 0
        finally:
            os._exit(status)  # past every exit handler of the parent
    os.close(writing)
    with open(reading, encoding="ascii") as pipe:
        answer = pipe.read()
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise RuntimeError("a step failed in the process that measures its memory")
    return float(answer)
