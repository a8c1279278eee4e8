"""The command ``s2s``: what concerns the plugin itself. Training is fairseq's own commands."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .errors import S2SError


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``s2s``; bad input is one sentence on standard error and status 1."""
    parser = argparse.ArgumentParser(
        prog="s2s", description="RNN sequence-to-sequence models for fairseq."
    )
    parser.add_argument("--version", action="version", version=f"fairseq-s2s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "user-dir",
        help="print the folder for fairseq's --user-dir",
        description='Print the folder to name: fairseq-train --user-dir "$(s2s user-dir)" ...',
    )
    translate = commands.add_parser(
        "generate", help="answer or translate standard input, line by line"
    )
    translate.add_argument("model", help="a checkpoint, or a folder that holds one")
    translate.add_argument("--data", help="folder of the dictionaries; by default the model's")
    translate.add_argument("--beam", type=int, default=5)
    args = parser.parse_args(argv)
    try:
        if args.command == "user-dir":
            print(Path(__file__).parent)
        else:
            generate(args.model, args.data, args.beam)
    except S2SError as error:
        print(f"s2s: {error}", file=sys.stderr)
        return 1
    return 0


def generate(path: str, data: str | None, beam: int) -> None:
    """Write the best output for each line of standard input."""
    from .hub import load  # torch and fairseq: seconds to import

    model = load(path, data=data)
    for line in sys.stdin:
        [[best]] = model.generate([line.rstrip("\n")], beam=beam)
        print(best.text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
