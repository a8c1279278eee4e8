"""The command line of ``scripts/report.py``."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from scripts.options import above_zero

LANGUAGES = ("en", "zh")
DIALOGUE_HELP = (
    "examine replies in en or zh: decoding settings are chosen on the subset valid of --data and "
    "confirmed on SUBSET (by default that of --subset)"
)
SECTIONS = ("overview", "lengths", "significance", "curves", "alignments", "dialogue")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; ends the program where they do not fit together."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if (options.sources is None) != (options.references is None):
        parser.error("--sources and --references go together")
    if options.data is None and options.sources is None:
        parser.error("name what to compare on: --data, or --sources and --references")
    if (options.source_lang is None) != (options.target_lang is None):
        parser.error("--source-lang and --target-lang go together")
    if options.sections == ["significance"] and len(options.models) < 2:
        parser.error("significance compares models: name two or more")
    if options.dialogue and options.data is None:
        parser.error("--dialogue needs --data, with a subset valid")
    if "dialogue" in (options.sections or ()) and not options.dialogue:
        parser.error("name the language of the replies: --dialogue en, --dialogue zh")
    return options


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="report.py", description="One page that compares several trained models."
    )
    add = parser.add_argument
    add(
        "--models",
        nargs="+",
        required=True,
        metavar="[NAME=]PATH",
        help="checkpoints, or folders with checkpoint_best.pt; a folder's train.log gives curves",
    )
    add("--data", type=Path, metavar="FOLDER", help="binarised data, with dictionaries")
    add("--subset", default="test", help="of the data (test)")
    add("--sources", type=Path, metavar="FILE", help="text to answer, instead of a subset")
    add("--references", type=Path, metavar="FILE", help="a right answer for each line of it")
    add("--source-lang", metavar="LANG", help="where neither data nor models tell it")
    add("--target-lang", metavar="LANG")
    add("--out", type=Path, required=True, metavar="FOLDER", help="for the report")
    add("--title", help="of the page")
    add("--sections", nargs="+", choices=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS))
    add("--sentences", type=Path, metavar="FILE", help="to draw alignments of, one a line")
    add("--dialogue", nargs="+", type=_replies, metavar="LANG[=SUBSET]", help=DIALOGUE_HELP)
    add("--messages", type=above_zero, default=300, metavar="N", help="of --dialogue (300)")
    add("--limit", type=above_zero, metavar="N", help="only the first N sentences")
    add("--beam", type=above_zero, default=5, metavar="N")
    add("--lenpen", type=_finite, default=1.0, metavar="X", help="length penalty (1)")
    add("--cache", type=Path, metavar="FOLDER", help="for outputs (report-cache beside each model)")
    return parser


def _replies(text: str) -> tuple[str, str | None]:
    """``LANG[=SUBSET]`` -> language and subset."""
    language, _, subset = text.partition("=")
    if language not in LANGUAGES:
        raise argparse.ArgumentTypeError(f"{language} is none of {', '.join(LANGUAGES)}")
    return language, subset or None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return number
