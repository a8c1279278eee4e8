#!/usr/bin/env python3
"""Train a SentencePiece model with a fairseq dictionary beside it, and encode text with it.

Usage:
    scripts/spm.py train --prefix DIR/spm --vocab-size 8000 FILE [FILE ...]
    scripts/spm.py encode --model DIR/spm.model < text > pieces

``train`` writes PREFIX.model and PREFIX.dict.txt, which ``fairseq-preprocess --srcdict`` takes.
The settings suit Chinese and English alike: punctuation is left as it is (``identity``), rare
characters fall back to bytes, digits stand alone.
"""

import argparse
import io
import os
import sys
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path

import sentencepiece

BREAK = "\t"  # in training text: no piece goes across it
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # fairseq's dictionary begins with these four


def train(
    sentences: Iterable[str],
    prefix: Path,
    vocab_size: int,
    *,
    coverage: float = 0.9995,
    symbols: Iterable[str] = (),
) -> None:
    """Train a unigram model on ``sentences`` and write it and its dictionary.

    Args:
        vocab_size: at most so many pieces; fewer where the text does not hold that many
        coverage: share of the text's characters that are pieces of their own
        symbols: pieces that are never split, such as a separator of turns

    Raises:
        ValueError: where the text cannot give a model, with SentencePiece's reason
    """
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            vocab_size=vocab_size,
            model_type="unigram",
            character_coverage=coverage,
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="identity",
            hard_vocab_limit=False,
            user_defined_symbols=list(symbols),
            pretokenization_delimiter=BREAK,
            bos_id=0,
            pad_id=1,
            eos_id=2,
            unk_id=3,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ValueError(f"SentencePiece cannot train on this text: {error}") from error
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    prefix.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(prefix.with_name(prefix.name + ".model"), model.getvalue())
    write_dictionary(prefix.with_name(prefix.name + ".dict.txt"), processor)


def write_dictionary(
    path: Path,
    processor: sentencepiece.SentencePieceProcessor,
    only: Container[str] | None = None,
) -> None:
    """Write the fairseq dictionary of a model's pieces, or of those of them that ``only`` has."""
    pieces = (processor.id_to_piece(index) for index in range(processor.get_piece_size()))
    lines = (
        f"{piece} 1\n"
        for piece in pieces
        if piece not in SPECIAL and (only is None or piece in only)
    )
    write_atomically(path, "".join(lines).encode("utf-8"))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole or as it was.

    Raises:
        OSError: naming it, where it cannot be written; nothing is left beside it
    """
    partial = path.with_name(path.name + ".tmp")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise type(error)(f"{path} cannot be written: {error.strerror}") from None


def read_lines(paths: Iterable[Path]) -> Iterable[str]:
    """The lines of several UTF-8 files, without a byte-order mark and without their ends.

    Only a line feed (with or without a carriage return before it) ends a line.

    Raises:
        ValueError: naming the line that is no UTF-8
        OSError: where a file cannot be read
    """
    for path in paths:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    raise ValueError(f"{path}, line {number} is no UTF-8: convert it") from None
                yield text.removesuffix("\n").removesuffix("\r")


def encode(processor: sentencepiece.SentencePieceProcessor) -> None:
    """Standard input as pieces, line by line.

    Raises:
        ValueError: naming the line that is no UTF-8
    """
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            text = line.decode("utf-8").removesuffix("\n")
        except UnicodeDecodeError:
            raise ValueError(f"line {number} of the input is no UTF-8: convert it") from None
        sys.stdout.buffer.write(" ".join(processor.encode(text, out_type=str)).encode() + b"\n")
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """Run one of the two commands."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    to_train = commands.add_parser("train", help="train a model and write a dictionary")
    to_train.add_argument("files", nargs="+", type=Path)
    to_train.add_argument("--prefix", required=True, type=Path)
    to_train.add_argument("--vocab-size", required=True, type=int)
    to_train.add_argument("--coverage", type=float, default=0.9995)
    to_encode = commands.add_parser("encode", help="encode standard input, line by line")
    to_encode.add_argument("--model", required=True, type=Path)
    args = parser.parse_args(argv)
    try:
        if args.command == "train":
            train(read_lines(args.files), args.prefix, args.vocab_size, coverage=args.coverage)
        else:
            processor = sentencepiece.SentencePieceProcessor(model_file=str(args.model))
            encode(processor)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 1
    except (OSError, ValueError, RuntimeError) as error:
        print(f"spm.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
