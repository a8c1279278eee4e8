"""Aligners without a neural net, trained on the same text as a model, to compare it with.

``systran-align`` (Python wheels of fast_align, IBM model 2 reparametrised: Dyer et al. 2013) gives
one alignment of both directions, symmetrised by itself. ``eflomal`` (Östling and Tiedemann 2016,
IBM model 1, then HMM and fertilities, sampled) gives both directions, which are symmetrised here.
eflomal is under the GPL: it is only called as a program, ``eflomal-align``, where a user has
installed it. Neither is needed for anything else: pip install systran-align (or eflomal).
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.alignment.quality import Link
from scripts.alignment.symmetric import grow_diag_final_and, intersect
from scripts.alignment.words import plain

TOOLS = ("systran-align", "eflomal")

Pair = tuple[Sequence[str], Sequence[str]]  # words of the source, words of the target
Alignments = dict[str, list[set[Link]]]  # by their kind, one set for each pair


class AlignerError(ValueError):
    """Why no alignment was made, in one sentence."""


def tokenize(lines: Iterable[str], language: str) -> list[list[str]]:
    """Lower-cased words as the gold alignments have them, by Moses' rules.

    Raises:
        AlignerError: where sacremoses is not installed
    """
    try:
        from sacremoses import MosesTokenizer
    except ImportError:
        raise AlignerError("sacremoses is not installed: run pip install sacremoses") from None
    moses = MosesTokenizer(language)
    return [moses.tokenize(plain(line).lower(), escape=False) for line in lines]


def choose(wanted: Sequence[str] | None = None) -> list[str]:
    """The tools that are wanted, or all that are installed.

    Raises:
        AlignerError: where a wanted one is not installed, or none is
    """
    for name in wanted or ():
        if name not in TOOLS:
            raise AlignerError(f"there is no aligner {name} here: choose {' or '.join(TOOLS)}")
        if not installed(name):
            raise AlignerError(f"{name} is not installed: run pip install {name}")
    found = list(wanted or filter(installed, TOOLS))
    if not found:
        raise AlignerError(f"no statistical aligner is installed: run pip install {TOOLS[0]}")
    return found


def installed(name: str) -> bool:
    """Whether one of TOOLS can be used."""
    if name == "eflomal":
        return _eflomal() is not None
    return importlib.util.find_spec("systran_align") is not None


def align(training: Sequence[Pair], wanted: Sequence[Pair], tool: str) -> Alignments:
    """Train on both, as unsupervised aligners are, and align the wanted pairs.

    Args:
        training: pairs of tokenised sentences
        wanted: the pairs whose links are returned
        tool: one of TOOLS

    Raises:
        AlignerError: where the tool fails, or a wanted sentence is empty
    """
    if not all(source and target for source, target in wanted):
        raise AlignerError("a sentence that is to be aligned is empty")
    pairs = [*wanted, *(pair for pair in training if pair[0] and pair[1])]
    with tempfile.TemporaryDirectory() as folder:
        run = _run_eflomal if tool == "eflomal" else _run_systran
        return run(pairs, len(wanted), Path(folder))


def _run_systran(pairs: Sequence[Pair], wanted: int, folder: Path) -> Alignments:
    """The settings are those that fast_align's authors recommend: -d -o -v."""
    import systran_align

    text, forward, backward = (str(folder / name) for name in ("text", "forward", "backward"))
    lines = (f"{' '.join(source)} ||| {' '.join(target)}\n" for source, target in pairs)
    Path(text).write_text("".join(lines), encoding="utf-8")
    systran_align.generate_alignment_probabilities(
        text,
        forward,
        backward,
        favor_diagonal=True,
        optimize_tension=True,
        variational_bayes=True,
    )
    aligner = systran_align.Aligner(forward, backward)
    found = (aligner.align(list(s), list(t))["alignments"] for s, t in pairs[:wanted])
    return {"symmetrised": [set(links) for links in found]}


def _run_eflomal(pairs: Sequence[Pair], wanted: int, folder: Path) -> Alignments:
    names = ("source", "target", "forward", "backward")
    source, target, forward, backward = (folder / name for name in names)
    for path, side in ((source, 0), (target, 1)):
        path.write_text("".join(f"{' '.join(p[side])}\n" for p in pairs), encoding="utf-8")
    command = [_eflomal(), "-s", source, "-t", target, "-f", forward, "-r", backward]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode or not (forward.is_file() and backward.is_file()):
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise AlignerError(f"eflomal-align failed: {last}")
    there, back = (_read_links(path, wanted) for path in (forward, backward))
    both = list(zip(there, back, strict=True))
    return {
        "forward": there,
        "backward": back,
        "intersected": [intersect(*each) for each in both],
        "symmetrised": [grow_diag_final_and(*each) for each in both],
    }


def _read_links(path: Path, wanted: int) -> list[set[Link]]:
    """The first lines of a file in the Pharaoh format, ``0-0 1-2``, source first."""
    with path.open(encoding="utf-8") as lines:
        texts = [line.split() for line, _ in zip(lines, range(wanted), strict=False)]
    if len(texts) != wanted:
        raise AlignerError(f"eflomal-align aligned {len(texts)} of {wanted} sentences")
    return [{tuple(map(int, link.split("-"))) for link in links} for links in texts]


def _eflomal() -> str | None:
    """The program, beside this Python or on the path."""
    beside = Path(sys.executable).with_name("eflomal-align")
    return str(beside) if beside.is_file() else shutil.which("eflomal-align")
