#!/usr/bin/env python3
"""Name unknown words by their place in the source, so that a pointer-generator can copy them.

Usage:
    scripts/mark_unknown.py vocabulary --size 10000 --markers 200 --output dict.txt FILE [FILE ...]
    scripts/mark_unknown.py mark --dict dict.txt --source train.src --source-output marked.src \\
        [--target train.tgt --target-output marked.tgt]
    scripts/mark_unknown.py restore --source test.src --generated out.txt --output words.txt

``vocabulary`` counts the words of all files and writes a dictionary that ends in the markers
<unk-0>, <unk-1>, ...; ``fairseq-preprocess --joined-dictionary --srcdict`` takes it. ``mark``
writes a source word outside the dictionary as the marker of its first position (0 is the first
word), and the same word of the target likewise. A position that has no marker, and an unknown word
of the target alone, stay as they are: fairseq makes them <unk>. ``restore`` puts the words of the
unmarked source back into what was generated, line by line: keep that source.

A word is whatever stands between spaces, a SentencePiece piece as well. The convention is that of
fairseq's examples/pointer_generator.
"""

import argparse
import contextlib
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.check_text import check_file, check_parallel

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # fairseq's dictionary begins with these four
MARKER = re.compile(r"<unk-(0|[1-9][0-9]*)>")


class Vocabulary(NamedTuple):
    """The words that a dictionary holds, and how many markers, counted from 0."""

    words: frozenset[str]
    markers: int


def marker(position: int) -> str:
    """The marker of a source position, counted from 0."""
    return f"<unk-{position}>"


def frequent_words(paths: Iterable[Path], size: int) -> list[tuple[str, int]]:
    """The ``size`` most frequent words and their counts; equals in the order of their letters."""
    counts: Counter[str] = Counter()
    for path in paths:
        check_file(path)
        for words in read_words(path):
            counts.update(words)
    for symbol in SPECIAL:
        del counts[symbol]
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:size]


def read_vocabulary(path: Path) -> Vocabulary:
    """The words and markers of a fairseq dictionary file.

    Raises:
        ValueError: where a line is not "word count", or the markers are not 0, 1, 2, ...
    """
    check_file(path)
    words, markers = set(SPECIAL), set()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            entry = line.rstrip().removesuffix(" #fairseq:overwrite")
            word, _, count = entry.rpartition(" ")
            if not word or not count.isdecimal():
                raise ValueError(f'{path}, line {number}: not a "word count" of a dictionary.')
            (markers if MARKER.fullmatch(word) else words).add(word)
    if not markers or markers != {marker(n) for n in range(len(markers))}:
        raise ValueError(
            f"{path} has {len(markers)} markers, but needs {marker(0)}, {marker(1)} and so on "
            "without a gap: make it with mark_unknown.py vocabulary."
        )
    return Vocabulary(frozenset(words), len(markers))


def find_markers(source: Sequence[str], vocabulary: Vocabulary) -> dict[str, str]:
    """The marker of each unknown source word that has one, by its first position."""
    markers: dict[str, str] = {}
    for position, word in enumerate(source[: vocabulary.markers]):
        if word not in vocabulary.words:
            markers.setdefault(word, marker(position))
    return markers


def restore(generated: Iterable[str], source: Sequence[str]) -> list[str]:
    """Generated words with the source's words in place of their markers.

    Raises:
        ValueError: for a marker that points past the source
    """
    words = []
    for word in generated:
        match = MARKER.fullmatch(word)
        if match and int(match[1]) >= len(source):
            raise ValueError(f"{word} points past the source, which has {len(source)} words")
        words.append(source[int(match[1])] if match else word)
    return words


def read_words(path: Path) -> Iterator[list[str]]:
    """The words of each line.

    Raises:
        ValueError: for a word that looks like a marker; nobody could tell it from one
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            words = line.split()
            for word in words:
                if MARKER.fullmatch(word):
                    raise ValueError(f"{path}, line {number}: the text holds the marker {word}.")
            yield words


@contextlib.contextmanager
def whole_files(outputs: Sequence[Path], inputs: Sequence[Path]) -> Iterator[list[TextIO]]:
    """Files to write that appear only when all is written; until then nothing is touched.

    Raises:
        ValueError: where an output is an input or another output
    """
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise ValueError(f"{path} is to be read or written already: choose another output.")
        taken.add(path.resolve())
    partial = [path.with_name(path.name + ".tmp") for path in outputs]
    try:
        with contextlib.ExitStack() as stack:
            yield [
                stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
                for path in partial
            ]
        for path, output in zip(partial, outputs, strict=True):
            os.replace(path, output)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)


def write_vocabulary(files: Sequence[Path], size: int, markers: int, output: Path) -> None:
    """The command ``vocabulary``."""
    if size < 1 or markers < 1:
        raise ValueError(f"--size ({size}) and --markers ({markers}) must be at least 1.")
    with whole_files([output], files) as (dictionary,):
        for word, count in frequent_words(files, size):
            print(word, count, file=dictionary)
        for position in range(markers):
            print(marker(position), 0, file=dictionary)


def write_marked(dictionary: Path, texts: Sequence[Path], outputs: Sequence[Path]) -> None:
    """The command ``mark``, for a source file alone or with its target file."""
    vocabulary = read_vocabulary(dictionary)
    check_parallel(texts)
    with whole_files(outputs, [dictionary, *texts]) as files:
        for lines in zip(*map(read_words, texts), strict=True):
            markers = find_markers(lines[0], vocabulary)
            for words, file in zip(lines, files, strict=True):
                print(*(markers.get(word, word) for word in words), file=file)


def write_restored(source: Path, generated: Path, output: Path) -> None:
    """The command ``restore``."""
    check_parallel([source, generated])
    with (
        whole_files([output], [source, generated]) as (file,),
        generated.open(encoding="utf-8") as lines,
    ):
        for number, (line, words) in enumerate(zip(lines, read_words(source), strict=True), 1):
            try:
                print(*restore(line.split(), words), file=file)
            except ValueError as error:
                raise ValueError(f"{generated}, line {number}: {error}.") from None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of one of the three commands."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    to_count = commands.add_parser("vocabulary", help="write a dictionary that ends in markers")
    to_count.add_argument("files", metavar="FILE", nargs="+", type=Path)
    to_count.add_argument(
        "--size", required=True, type=int, help="words, besides fairseq's four symbols and markers"
    )
    to_count.add_argument(
        "--markers", required=True, type=int, help="source positions that can be named"
    )
    to_count.add_argument("--output", required=True, type=Path)
    to_mark = commands.add_parser("mark", help="write unknown source words as markers")
    to_mark.add_argument("--dict", required=True, type=Path)
    to_mark.add_argument("--source", required=True, type=Path)
    to_mark.add_argument("--source-output", required=True, type=Path)
    to_mark.add_argument("--target", type=Path)
    to_mark.add_argument("--target-output", type=Path)
    to_restore = commands.add_parser("restore", help="put the words back for their markers")
    to_restore.add_argument("--source", required=True, type=Path, help="without markers")
    to_restore.add_argument("--generated", required=True, type=Path)
    to_restore.add_argument("--output", required=True, type=Path)
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> None:
    """Run one of the three commands."""
    if args.command == "vocabulary":
        write_vocabulary(args.files, args.size, args.markers, args.output)
    elif args.command == "restore":
        write_restored(args.source, args.generated, args.output)
    elif (args.target is None) != (args.target_output is None):
        raise ValueError(
            f"--target ({args.target}) and --target-output ({args.target_output}) need each other."
        )
    else:
        texts = [args.source, args.target] if args.target else [args.source]
        outputs = [args.source_output, args.target_output] if args.target else [args.source_output]
        write_marked(args.dict, texts, outputs)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; what is wrong with its input is one sentence."""
    try:
        run(parse(argv))
    except (OSError, ValueError) as error:
        print(f"mark_unknown.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
