#!/usr/bin/env python3
"""Turn a published data set into parallel text for the recipes.

Usage: scripts/prepare.py CORPUS --data DIR --out DIR [options of that corpus; see CORPUS --help]
       scripts/prepare.py tatoeba --source en --target zh \
           --data "$S2S_DATA/tatoeba_cmn_eng" --out data-bin/tatoeba-en-zh.text

Writes SUBSET.src and SUBSET.tgt for train, valid and test (or test.NAME of several), and for all
but train SUBSET.references.jsonl, every acceptable output of each line as a JSON list, and
corpus.json, which tells what they are. DIR of --out is replaced as a whole, or left as it was where
something is wrong. What each data set is, its licence and its split stand in
scripts/corpora/CORPUS.py.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.corpora import (
    alibi,
    chatterbot,
    cmudict,
    csl,
    dialogsum,
    long_sentences,
    multi30k,
    output,
    scan,
    shapes,
    sigmorphon,
    tatoeba,
    webquestions,
)
from scripts.corpora.corpus import Corpus, CorpusError, Example

READERS = (
    multi30k,
    long_sentences,
    tatoeba,
    sigmorphon,
    cmudict,
    scan,
    dialogsum,
    csl,
    webquestions,
    chatterbot,
    alibi,
)
CORPORA: dict[str, ModuleType] = {m.__name__.rpartition(".")[2]: m for m in (*READERS, shapes)}


def make_parser() -> argparse.ArgumentParser:
    """A command for each corpus, with the options of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="corpus", required=True, metavar="CORPUS")
    for name, module in CORPORA.items():
        about = module.__doc__.split("\n")[0]
        command = commands.add_parser(name, help=about, description=about)
        if module in READERS:
            command.add_argument("--data", type=Path, required=True, help="the data set's folder")
        command.add_argument("--out", type=Path, required=True, help="the folder to write")
        module.add_options(command)
    return parser


def load(name: str, options: dict) -> Corpus:
    """The corpus of that name, with the options that its module knows."""
    module = CORPORA[name]
    if module not in READERS:
        return module.load(**options)
    folder = options.pop("data")
    if not folder.is_dir():
        raise CorpusError(
            f"{folder} is no folder: --data is that of the data set, in $S2S_DATA"
            " (default ../shared/data)"
        )
    return module.load(folder, **options)


def describe(name: str, examples: Sequence[Example]) -> str:
    """How many examples a subset has and how long they are, in one line."""
    sides = {"source": [e.source for e in examples], "target": [e.targets[0] for e in examples]}
    lengths = ", ".join(
        f"{side} {fmean(len(text.split()) for text in texts):.1f} words"
        f" ({fmean(map(len, texts)):.1f} characters)"
        for side, texts in sides.items()
    )
    targets = fmean(len(example.targets) for example in examples)
    return f"{name}: {len(examples):,} examples, {lengths}, {targets:.2f} targets each"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and say what is in them."""
    options = vars(make_parser().parse_args(arguments))
    name, out = options.pop("corpus"), options.pop("out")
    about = {"corpus": name, "options": dict(options), "licence": CORPORA[name].LICENCE}
    try:
        corpus = load(name, options)
        output.write(corpus, out, about)
    except OSError as error:
        print(f"prepare.py: {out} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"prepare.py: {error}.", file=sys.stderr)
        return 1
    for subset, examples in corpus.items():
        print(describe(subset, examples))
    print(f"Licence: {CORPORA[name].LICENCE}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
