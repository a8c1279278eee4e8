"""Reading model and data, asking every law, and the table."""

import logging
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from fairseq.data import data_utils
from tqdm import tqdm

from .._loading import Opened, build, open_model
from .._whole_texts import Pair
from ..errors import S2SError
from ..hub import Seq2Seq, prepare
from ..model_card import stored_loss
from . import fit, laws
from .subject import Finding, Subject, random_pairs, spread

LIMIT = 200  # pairs
VALID = "valid"

logging.getLogger("fairseq.data.data_utils").setLevel(logging.WARNING)  # else a line for each file


def check(
    path: str | Path,
    *,
    data: str | Path | None = None,
    subset: str | None = None,
    texts: tuple[str | Path, str | Path] | None = None,
    languages: tuple[str, str] | None = None,
    limit: int = LIMIT,
) -> list[Finding]:
    """Ask every law of a trained model.

    Args:
        path: a checkpoint, a folder that holds one, or an exported model
        data: the folder of the binarised data, or of the dictionaries alone
        subset: of the data; by default ``valid``, if it has that
        texts: two files of text instead, a pair in each line
        languages: source and target, where nothing tells them
        limit: pairs that are read

    Raises:
        S2SError: for a model or data that cannot be read
    """
    if subset is not None and texts is not None:
        raise S2SError("The pairs are those of a subset or of two texts: leave one of them out.")
    opened = open_model(path, data, languages)
    prepared = prepare(opened, precision="fp32")  # the laws' tolerance is not that of 8 bits
    try:
        pairs = _read_texts(prepared, *texts) if texts else _read_subset(opened, subset or VALID)
        if subset is not None and not pairs:
            task = opened.task.cfg
            raise S2SError(
                f"There is no subset {subset} of {task.source_lang} and {task.target_lang} in "
                f"{opened.folder}, or it is empty: name another one, or the folder of the "
                "binarised data."
            )
        subject = Subject(
            build(opened.checkpoint, opened.task, "fp32").eval(),
            prepared,
            spread(pairs, limit) or random_pairs(*prepared.dictionaries, 32),
            bool(pairs),
            None if texts else subset or VALID,
            stored_loss(opened.checkpoint.path),
            opened.checkpoint.path.parent,
            (opened.task.cfg.source_lang, opened.task.cfg.target_lang),
        )
        every = tqdm((*fit.LAWS, *laws.LAWS), unit=" laws", leave=False, disable=None)
        return [_ask(law, subject) for law in every]
    finally:
        prepared.close()


def _ask(law: Callable[[Subject], Finding], subject: Subject) -> Finding:
    """What a law finds; a model that breaks down under it does not hold it."""
    try:
        return law(subject)
    except Exception as error:
        told = " ".join(str(error).split())[:200]
        name = law.__name__.replace("_", " ")
        return Finding(name, False, f"the model breaks down: {type(error).__name__}: {told}")


def _read_subset(opened: Opened, subset: str) -> list[Pair]:
    """The pairs of a subset of binarised data; none where the folder has no such files."""
    task = opened.task
    languages = (task.cfg.source_lang, task.cfg.target_lang)
    sides = []
    for language, dictionary in zip(
        languages, (task.source_dictionary, task.target_dictionary), strict=True
    ):
        for pair in ("-".join(languages), "-".join(reversed(languages))):
            prefix = str(opened.folder / f"{subset}.{pair}.{language}")
            found = data_utils.load_indexed_dataset(prefix, dictionary)
            if found is not None:
                sides.append(found)
                break
    if len(sides) < 2:
        return []
    source, target = sides
    if len(source) != len(target):
        raise S2SError(
            f"The subset {subset} in {opened.folder} has {len(source)} sources and {len(target)} "
            "targets: binarise the data again."
        )
    return [(source[place].long(), target[place].long()) for place in range(len(source))]


def _read_texts(model: Seq2Seq, source: str | Path, target: str | Path) -> list[Pair]:
    """The pairs of two files."""
    sides = []
    for path in (source, target):
        try:
            sides.append(_lines(Path(path).read_bytes().decode("utf-8-sig")))
        except (OSError, UnicodeError) as error:
            raise S2SError(f"{path} cannot be read as text in UTF-8: {error}.") from error
    if len(sides[0]) != len(sides[1]) or not sides[0]:
        raise S2SError(
            f"{source} has {len(sides[0])} lines and {target} {len(sides[1])}: a pair needs one of "
            "each, and there must be some."
        )
    return [model.indices(*texts) for texts in zip(*sides, strict=True)]


def _lines(text: str) -> list[str]:
    """A text's lines; nothing but a line feed ends one, as for fairseq."""
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n") if text]


def write_table(findings: Sequence[Finding], file: TextIO) -> None:
    """One line for each law."""
    words = {True: "holds", False: "BROKEN", None: "-"}
    width = max(_width(finding.law) for finding in findings)
    for finding in findings:
        law = finding.law + " " * (width - _width(finding.law))
        print(f"{law}  {words[finding.holds]:6}  {finding.detail}", file=file)


def _width(text: str) -> int:
    """In columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
