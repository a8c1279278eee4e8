"""The sentences that models are compared on: a subset of fairseq's binarised data, or two files."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from fairseq.data import Dictionary, data_utils
from sentencepiece import SentencePieceProcessor

from fairseq_plugins._languages import data_languages
from fairseq_plugins._loading import read_dictionary, read_pieces
from fairseq_plugins.errors import S2SError
from scripts import spm

from .style import has_chinese
from .subject import TestSet

logger = logging.getLogger(__name__)

UNKNOWN = "<<unk>>"  # as fairseq writes it in references, so that no model's <unk> matches it
CHARACTERS = ("zh", "cmn", "ja", "jpn")  # languages that put no spaces between words


def infer_languages(folder: Path) -> tuple[str, str] | None:
    """Source and target language by the names of the files, if there are any."""
    if not folder.is_dir():
        raise S2SError(f"There is no folder {folder}: give the output of fairseq-preprocess.")
    return data_languages(folder)


def read_subset(folder: Path, subset: str, languages: tuple[str, str]) -> TestSet:
    """A subset of binarised data, as text again.

    Args:
        folder: of the output of ``fairseq-preprocess``, with a SentencePiece model if it was used
        subset: ``test``, ``test1``, ``valid`` ...
        languages: source and target; the files may be named for either direction

    Raises:
        S2SError: in one sentence, for whatever is missing, broken or uneven
    """
    pieces = read_pieces(folder)
    prefix = _prefix(folder, subset, languages)
    texts = []
    for language in languages:
        dictionary = read_dictionary(folder / f"dict.{language}.txt")
        texts.append(list(_texts(Path(f"{prefix}.{language}"), dictionary, pieces)))
    _warn_of_unknown(texts[1])
    blocks = folder / f"{subset}.blocks"
    numbers = read_blocks(blocks, len(texts[0])) if blocks.is_file() else None
    return _check(TestSet(*languages, *texts, numbers), f"{prefix}.{languages[0]}", languages[1])


def read_blocks(path: Path, count: int) -> list[int]:
    """The number on each line of a file: sentences with the same one share text.

    Raises:
        S2SError: where they are not ``count`` whole numbers
    """
    lines = read_lines(path)
    if len(lines) != count or not all(line.isdecimal() for line in lines):
        raise S2SError(f"{path} is not a whole number for each of {count} sentences: delete it.")
    return [int(line) for line in lines]


def read_text(sources: Path, references: Path, languages: tuple[str, str]) -> TestSet:
    """Two parallel text files.

    Raises:
        S2SError: for files that cannot be read, or are uneven or empty
    """
    texts = [read_lines(path) for path in (sources, references)]
    for path, lines in zip((sources, references), texts, strict=True):
        if empty := next((n for n, line in enumerate(lines, 1) if not line.strip()), None):
            raise S2SError(f"{path}, line {empty} is empty: leave the pair out on both sides.")
    return _check(TestSet(*languages, *texts), str(sources), str(references))


def read_lines(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        S2SError: where it cannot be read
    """
    try:
        return list(spm.read_lines([path]))
    except OSError as error:
        raise S2SError(f"The file {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise S2SError(f"{error}.") from error


def first(test: TestSet, count: int | None) -> TestSet:
    """The first ``count`` sentences, or all."""
    return replace(
        test,
        sources=test.sources[:count],
        references=test.references[:count],
        blocks=test.blocks and test.blocks[:count],
    )


def without_spaces(language: str, texts: Sequence[str]) -> bool:
    """Whether words are not written apart, so that characters are counted; by name, or by look."""
    if language.lower().split("_")[0].split("-")[0] in CHARACTERS:
        return True
    return 2 * sum(has_chinese([text]) for text in texts) > len(texts)


def _prefix(folder: Path, subset: str, languages: tuple[str, str]) -> Path:
    for pair in ("{0}-{1}", "{1}-{0}"):
        prefix = folder / f"{subset}.{pair.format(*languages)}"
        if Path(f"{prefix}.{languages[0]}.idx").is_file():
            return prefix
    found = sorted({path.name.split(".")[0] for path in folder.glob("*.*-*.*.idx")})
    raise S2SError(
        f"There is no subset {subset} from {languages[0]} to {languages[1]} in {folder}; there is "
        f"{', '.join(found) or 'none at all'}."
    )


def _texts(
    path: Path, dictionary: Dictionary, pieces: SentencePieceProcessor | None
) -> Iterable[str]:
    """The lines of one side."""
    try:
        dataset = data_utils.load_indexed_dataset(str(path), dictionary)
        rows = None if dataset is None else [dataset[index] for index in range(len(dataset))]
    except Exception as error:  # fairseq and NumPy raise several kinds for broken files
        raise S2SError(f"The binarised data {path} is damaged: run fairseq-preprocess.") from error
    if rows is None:
        raise S2SError(f"The binarised data {path} is not complete: run fairseq-preprocess.")
    silent = (dictionary.eos(), dictionary.pad(), dictionary.bos())
    for row in rows:
        words = [index for index in row.tolist() if index not in silent]
        unk = dictionary.unk()
        tokens = [UNKNOWN if index == unk else dictionary[index] for index in words]
        yield pieces.decode(tokens) if pieces else " ".join(tokens)


def _warn_of_unknown(references: Sequence[str]) -> None:
    if lost := sum(UNKNOWN in text for text in references):
        logger.warning(
            "%d of %d references have words that the dictionary lacks, which count as wrong: give "
            "the text itself with --sources and --references.",
            *(lost, len(references)),
        )


def _check(test: TestSet, source: str, target: str) -> TestSet:
    if len(test.sources) != len(test.references):
        raise S2SError(
            f"There are {len(test.sources)} sources in {source}, but {len(test.references)} "
            f"references in {target}: they must be parallel."
        )
    if not test.sources:
        raise S2SError(f"There is no sentence in {source}: give a test set that is not empty.")
    return test
