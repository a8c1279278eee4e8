#!/usr/bin/env python3
"""Take letters and phones apart into a base and its marks: small vocabularies for small data.

Usage: scripts/marks.py < tokens > pieces      "<ita> é t͡s" becomes "▁<ita> ▁e ◌́ ▁t ◌͡ s"

Each token is written in Unicode's NFD and cut into its code points, the first with "▁" before it.
So a letter is the same piece with an accent and without, a phone the same long and short, in every
language of a corpus; a Korean syllable is its jamo. Tokens in angle brackets, such as a language's
name, stay whole. ``fairseq-generate --remove-bpe sentencepiece`` puts the tokens together again.
"""

import argparse
import os
import sys
import unicodedata

START = "\u2581"  # SentencePiece's sign: here a token begins


def split(line: str) -> str:
    """The pieces of a line's tokens, with spaces between them."""
    return " ".join(piece for token in line.split() for piece in _pieces(token))


def _pieces(token: str) -> list[str]:
    if token.startswith("<") and token.endswith(">") and len(token) > 2:
        return [START + token]
    first, *marks = unicodedata.normalize("NFD", token)
    return [START + first, *marks]


def main(argv: list[str] | None = None) -> int:
    """Split standard input, line by line."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args(argv)
    number = 0
    try:
        for line in sys.stdin.buffer:
            number += 1
            sys.stdout.buffer.write(f"{split(line.decode('utf-8'))}\n".encode())
        sys.stdout.flush()
    except UnicodeDecodeError:
        print(f"marks.py: line {number} of the input is no UTF-8: convert it.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"marks.py: the pieces cannot be written: {error.strerror}.", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's last flush
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
