"""What models make of a test set; kept, so that the next report does not search again."""

import gzip
import hashlib
import json
import logging
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

import fairseq_plugins
from fairseq_plugins.hub import Hypothesis, Seq2Seq
from scripts import spm

from .subject import Answers, Subject, TestSet

logger = logging.getLogger(__name__)

CHUNK = 4000  # tokens of the sources that are searched for together
DIGITS = 5  # of a number that is kept
BESIDE = "report-cache"  # the folder beside a checkpoint


@dataclass(frozen=True)
class Settings:
    """How outputs are searched for.

    Attributes:
        beam: hypotheses kept
        lenpen: length penalty; above 1 favours long outputs
    """

    beam: int = 5
    lenpen: float = 1.0


def answer(
    subject: Subject, test: TestSet, settings: Settings, cache: Path | None = None
) -> Answers:
    """The best hypothesis for each source.

    Args:
        subject: the model
        test: the sentences
        settings: of the search
        cache: the folder that keeps what was found; by default ``report-cache`` beside the
            checkpoint, or nothing is kept where that folder cannot be written

    Raises:
        S2SError: for a source that the model cannot read
    """
    folder = cache if cache is not None else subject.path.parent / BESIDE
    path = folder / f"{key(subject, test.sources, settings)}.json.gz"
    found = _read(path)
    if found is None:
        found = _search(subject, test.sources, settings)
        _write(path, *found)
    return Answers(subject, *found)


def key(subject: Subject, sources: Sequence[str], settings: Settings) -> str:
    """The name of what a model finds: another checkpoint, text or setting has another name."""
    digest = hashlib.sha256()
    with subject.path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    task, pieces = subject.model.task, subject.model.pieces
    for dictionary in (task.source_dictionary, task.target_dictionary):
        digest.update("\n".join(dictionary.symbols).encode())
    digest.update(pieces.serialized_model_proto() if pieces else b"")
    told = [fairseq_plugins.__version__, asdict(settings), list(sources)]
    digest.update(json.dumps(told).encode())
    return digest.hexdigest()[:32]


def max_len(longest: int) -> int:
    """The bound on an output's tokens: fairseq's 200, more for sources of over 90 pieces."""
    return max(200, 2 * longest + 20)


def _search(
    subject: Subject, sources: Sequence[str], settings: Settings
) -> tuple[list[Hypothesis], float]:
    """The hypotheses, and the seconds that the searches took."""
    lengths = [len(subject.model.source_tokens(source)) for source in sources]
    results: dict[int, Hypothesis] = {}
    seconds = 0.0
    with tqdm(total=len(sources), desc=f"{subject.name}: search", unit=" sentences") as bar:
        for places in chunks(lengths):
            texts = [sources[place] for place in places]
            begun = time.perf_counter()
            found = _generate(subject.model, texts, settings, max(lengths[i] for i in places))
            seconds += time.perf_counter() - begun
            results.update(zip(places, found, strict=True))
            bar.update(len(places))
    return [results[place] for place in range(len(sources))], round(seconds, 3)


def _generate(
    model: Seq2Seq, texts: Sequence[str], settings: Settings, longest: int
) -> list[Hypothesis]:
    found = model.generate(texts, **asdict(settings), max_len=max_len(longest))
    return [_rounded(best) for best, *_ in found]


def chunks(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places in groups of similar length, the longest first, of about :data:`CHUNK` tokens."""
    chunk: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if chunk and (len(chunk) + 1) * lengths[chunk[0]] > CHUNK:
            yield chunk
            chunk = []
        chunk.append(place)
    if chunk:
        yield chunk


def _rounded(found: Hypothesis) -> Hypothesis:
    """As it is kept, so that a second report has the same numbers."""
    rows = found.alignment
    return replace(
        found,
        score=round(found.score, DIGITS),
        token_scores=[round(score, DIGITS) for score in found.token_scores],
        alignment=rows and [[round(weight, DIGITS) for weight in row] for row in rows],
    )


def _read(path: Path) -> tuple[list[Hypothesis], float] | None:
    """What was kept, if it is there and whole."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            kept: dict[str, Any] = json.load(file)
        return [Hypothesis(**fields) for fields in kept["hypotheses"]], float(kept["seconds"])
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, AttributeError):
        return None


def _write(path: Path, hypotheses: Sequence[Hypothesis], seconds: float) -> None:
    kept = {"seconds": seconds, "hypotheses": [asdict(each) for each in hypotheses]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(kept, ensure_ascii=False).encode("utf-8")
        spm.write_atomically(path, gzip.compress(content, mtime=0))
    except OSError as error:
        logger.warning("The outputs are not kept for the next report: %s.", error)
