"""The command ``s2s``: what concerns trained models. Training is fairseq's own commands."""

import argparse
import dataclasses
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .errors import S2SError
from .package import PRECISIONS

if TYPE_CHECKING:
    from .hub import Seq2Seq
    from .runner import OnnxModel


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="s2s", description="RNN sequence-to-sequence models for fairseq."
    )
    parser.add_argument("--version", action="version", version=f"fairseq-s2s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    user_dir = commands.add_parser(
        "user-dir",
        help="print the folder for fairseq's --user-dir",
        description='Print the folder to name: fairseq-train --user-dir "$(s2s user-dir)" ...',
    )
    user_dir.set_defaults(run=print_user_dir)

    generate = commands.add_parser(
        "generate", help="answer or translate standard input, line by line"
    )
    add_model(generate)
    generate.add_argument("--beam", type=int, default=5)
    generate.add_argument(
        "--onnx", action="store_true", help="an exported model by onnxruntime, without torch"
    )
    generate.add_argument(
        "--precision", choices=PRECISIONS, help="of the graphs, with --onnx (fp32)"
    )
    generate.set_defaults(run=run_generate)

    export = commands.add_parser(
        "export",
        help="write a trained model as one folder without pickles",
        description="Write weights, configuration, dictionaries, SentencePiece model and a model "
        "card into one folder, which the chat and load() take as they take a checkpoint.",
    )
    add_model(export)
    export.add_argument("out", help="the folder; an earlier export there is replaced")
    export.add_argument("--onnx", action="store_true", help="with graphs for onnxruntime")
    export.add_argument(
        "--int8", action="store_true", help="with graphs whose weights have 8 bits, too"
    )
    export.add_argument(
        "--torch", action="store_true", help="with the same graphs for torch.export.load (.pt2)"
    )
    export.add_argument("--trained-on", metavar="TEXT", help="for the model card: the data")
    export.add_argument("--licence", metavar="TEXT", help="for the model card")
    export.set_defaults(run=run_export)

    check = commands.add_parser(
        "check",
        help="check a trained model against the laws that it must obey",
        description="Ask a model, with its dictionaries and your data, whether it computes what it "
        "should. The status is 1 where a law is broken.",
    )
    add_model(check)
    check.add_argument("--subset", help="of the binarised data (valid, if it is there)")
    check.add_argument(
        "--texts", nargs=2, metavar="FILE", help="source and target text instead, line by line"
    )
    check.add_argument("--source-lang", "-s", help="where neither model nor data tell it")
    check.add_argument("--target-lang", "-t")
    check.add_argument("--limit", type=int, default=200, help="pairs to read (200)")
    check.add_argument("--json", action="store_true", help="the table as JSON")
    check.set_defaults(run=run_check)
    return parser


def add_model(parser: argparse.ArgumentParser) -> None:
    """Which model."""
    parser.add_argument("model", help="a checkpoint, a folder that holds one, or an exported model")
    parser.add_argument("--data", help="folder of the dictionaries; by default the model's")
    parser.add_argument(
        "--user-dir", metavar="FOLDER", help="a package of your own that registers the model"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``s2s``; bad input is one sentence on standard error and status 1."""
    args = build_parser().parse_args(argv)
    try:
        return args.run(args) or 0
    except S2SError as error:
        print(f"s2s: {error}", file=sys.stderr)
        return 1


def print_user_dir(args: argparse.Namespace) -> None:
    """Print this package's folder."""
    print(Path(__file__).parent)


def run_generate(args: argparse.Namespace) -> None:
    """Write the best output for each line of standard input."""
    model: Seq2Seq | OnnxModel
    if args.onnx:
        from . import runner

        if args.data is not None:
            raise S2SError("--onnx reads an exported model, which has its dictionaries in it.")
        model = runner.load(args.model, precision=args.precision or "fp32")
    else:
        if args.precision is not None:
            raise S2SError("--precision is that of the graphs: give --onnx beside it.")
        import_own(args.user_dir)
        from .hub import load  # torch and fairseq: seconds to import

        model = load(args.model, data=args.data)
    for text in input_lines():
        [[best]] = model.generate([text], beam=args.beam)
        print(best.text, flush=True)


def input_lines() -> Iterator[str]:
    """The lines of standard input, as they come.

    Raises:
        S2SError: at a line whose bytes are no text
    """
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # else the lines before are lost, too
    for number, line in enumerate(sys.stdin, start=1):
        if any("\ud800" <= character <= "\udfff" for character in line):
            raise S2SError(
                f"Line {number} of standard input is no text in {sys.stdin.encoding}: convert it."
            )
        yield line.rstrip("\n")


def import_own(folder: str | None) -> None:
    """Register the models of a user's package, as fairseq's commands do."""
    if folder is None:
        return
    from . import hub  # noqa: F401  (fairseq, repaired)

    if not Path(folder, "__init__.py").is_file():
        raise S2SError(f"--user-dir {folder} is no package: it has no __init__.py.")
    from fairseq.utils import import_user_module

    import_user_module(argparse.Namespace(user_dir=folder))


def run_export(args: argparse.Namespace) -> None:
    """Write a package."""
    import_own(args.user_dir)
    from .export import export

    package = export(
        args.model,
        args.out,
        data=args.data,
        onnx=args.onnx,
        int8=args.int8,
        torch=args.torch,
        trained_on=args.trained_on,
        licence=args.licence,
    )
    size = sum(path.stat().st_size for path in package.folder.iterdir())
    print(f"{package.folder} has the model: {size / 2**20:.1f} MiB")


def run_check(args: argparse.Namespace) -> int:
    """Print the table; 1 where a law is broken."""
    import_own(args.user_dir)
    from .checking import check
    from .checking.program import write_table

    if args.limit < 1:
        raise S2SError(f"--limit is {args.limit}, but must be above 0.")
    if args.source_lang and not args.target_lang:
        raise S2SError("--source-lang needs --target-lang beside it.")
    if args.target_lang and not args.source_lang:
        raise S2SError("--target-lang needs --source-lang beside it.")
    languages = (args.source_lang, args.target_lang) if args.source_lang else None
    findings = check(
        args.model,
        data=args.data,
        subset=args.subset,
        texts=args.texts,
        languages=languages,
        limit=args.limit,
    )
    if args.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    else:
        write_table(findings, sys.stdout)
    return int(any(finding.holds is False for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
