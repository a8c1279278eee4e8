"""A corpus as files of parallel text: whole, sound, or not there at all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairseq_plugins.folder import replacing

from ..check_text import TextError, check_parallel
from .corpus import Corpus, CorpusError, Example

OURS = (".src", ".tgt", ".references.jsonl", ".blocks")  # the ends of the names of what is written
TOLD = "corpus.json"  # what the corpus is; a folder without it is not one of ours


def write(corpus: Corpus, folder: Path, about: Mapping[str, Any]) -> None:
    """Write SUBSET.src and SUBSET.tgt of each subset, and SUBSET.references.jsonl of all but train.

    In train, an example has one line for each of its targets; elsewhere one line with the first
    target, and all of them as a JSON list in the references. Where examples share text,
    SUBSET.blocks has the number of each one's block. ``about`` and the numbers of examples come
    into corpus.json. FOLDER is written as a whole.

    Raises:
        CorpusError: for an empty subset, an example without a target, a text that is empty or that
            would not stay one line
        FolderError: for a FOLDER that holds files of another kind
    """
    for name, examples in corpus.items():
        check_examples(name, examples)
    with replacing(folder, foreign) as partial:
        try:
            for name, examples in corpus.items():
                write_subset(partial / name, examples, every_target=name == "train")
        except TextError as error:
            raise CorpusError(str(error).replace(f"{partial}/", "").removesuffix(".")) from None
        told = {**about, "examples": {name: len(examples) for name, examples in corpus.items()}}
        write_lines(partial / TOLD, [json.dumps(told, indent=2, ensure_ascii=False, default=str)])


def foreign(folder: Path) -> str | None:
    """A file that ``write`` did not make, if there is one."""
    found = sorted(path.name for path in folder.iterdir())
    if TOLD not in found:
        return found[0]
    return next((name for name in found if name != TOLD and not name.endswith(OURS)), None)


def check_examples(name: str, examples: Sequence[Example]) -> None:
    """Raise CorpusError for an empty subset and for an example that cannot be written."""
    if not examples:
        raise CorpusError(f"the {name} set is empty")
    for number, example in enumerate(examples, start=1):
        if not example.targets:
            raise CorpusError(f"{name}, example {number}: there is no target")
        for side, text in [("source", example.source)] + [("target", t) for t in example.targets]:
            if not text.strip():
                raise CorpusError(f"{name}, example {number}: the {side} is empty")
            if "\n" in text or "\r" in text:
                raise CorpusError(f"{name}, example {number}: the {side} has a line break")


def write_subset(prefix: Path, examples: Sequence[Example], *, every_target: bool) -> None:
    """Write the files of one subset and check that they are parallel text."""
    chosen = [
        (e.source, t) for e in examples for t in (e.targets if every_target else e.targets[:1])
    ]
    files = [prefix.with_name(f"{prefix.name}.{side}") for side in ("src", "tgt")]
    for file, texts in zip(files, zip(*chosen, strict=True), strict=True):
        write_lines(file, texts)
    if not every_target:
        references = (json.dumps(example.targets, ensure_ascii=False) for example in examples)
        write_lines(prefix.with_name(f"{prefix.name}.references.jsonl"), references)
    blocks = [example.block for example in examples]
    if not every_target and None not in blocks:
        write_lines(prefix.with_name(f"{prefix.name}.blocks"), map(str, blocks))
    check_parallel(files)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Lines of text, in UTF-8."""
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))
