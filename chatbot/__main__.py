"""``python -m chatbot``, ``s2s-chat``: arguments, wiring, launch."""

import argparse
import dataclasses
import io
import ipaddress
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from .dialog import Settings

if TYPE_CHECKING:
    from .responder import Seq2SeqResponder

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads sleep when idle

DEFAULT_MODEL = "checkpoints/chat"
DEFAULT_PORT = 7860
MAX_THREADS = 4  # more do not make a small model faster


class _Parser(argparse.ArgumentParser):
    """Bad usage is one sentence, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chat; returns the exit status. Bad input ends in one sentence on stderr."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    settings = Settings(
        **{field.name: getattr(options, field.name) for field in dataclasses.fields(Settings)}
    )
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    try:
        if options.message is not None or options.terminal:
            return _talk(options, settings)
        return _serve(options, settings)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:  # S2SError is a ValueError
        return _fail(parser, error)


def _talk(options: argparse.Namespace, settings: Settings) -> int:
    """In a terminal, or one message only; gradio is not imported."""
    from .terminal import converse, respond

    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a broken byte is no reason to stop
    responder = _load(options.model)
    if options.message is not None:
        return 0 if respond(responder, options.message, settings, sys.stdout) else 1
    converse(responder, settings, source=sys.stdin, sink=sys.stdout)
    return 0


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    """The page, until SIGINT or SIGTERM."""
    from .server import bind, serve

    with bind(options.host, options.port) as listener:  # first, so that a taken port shows at once
        responder = _load(options.model)
        from .responder import describe
        from .ui import build_app, build_demo

        app = build_app(build_demo(responder, settings, describe(responder.model)))
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{listener.getsockname()[1]}"
        serve(app, listener, lambda: print(f"Chat at {address} (Ctrl-C ends it)", flush=True))
    return 0


def _load(path: str) -> "Seq2SeqResponder":
    """The responder, with the process set up for it."""
    from .responder import load_responder

    try:
        responder = load_responder(path)
    finally:
        logging.getLogger().setLevel(logging.WARNING)  # fairseq sets it to DEBUG
    import torch

    torch.set_num_threads(max(1, min(MAX_THREADS, (os.cpu_count() or 1) // 2)))
    return responder


def _fail(parser: argparse.ArgumentParser, error: Exception) -> int:
    sentence = " ".join(str(error).split()) or type(error).__name__
    print(f"{parser.prog}: {sentence}", file=sys.stderr)
    return 1


def _make_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="s2s-chat",
        description="Talk with a trained dialogue model: in the browser, or with --terminal.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="checkpoint, or its folder")
    where = parser.add_argument_group("where")
    where.add_argument("--port", type=_number(int, 0, 65535), default=DEFAULT_PORT, help="0: any")
    where.add_argument("--host", type=_loopback, default="127.0.0.1", help="loopback address")
    where.add_argument("--terminal", action="store_true", help="talk here, without a browser")
    where.add_argument("--message", metavar="TEXT", help="answer this one message and end")
    how = parser.add_argument_group("how replies are searched for")
    how.add_argument("--mode", choices=("beam", "sampling"), help="search or draw")
    how.add_argument("--beam", type=_number(int, 1, 50), help="hypotheses, or samples to rank")
    how.add_argument(
        "--length-penalty", type=_number(float, 0, 10), help="above 1 favours long replies"
    )
    how.add_argument("--temperature", type=_number(float, 0.01, 10), help="of sampling")
    how.add_argument("--topk", type=_number(int, 0, 100_000), help="of sampling; 0: all")
    how.add_argument("--topp", type=_number(float, 0.01, 1), help="of sampling; 1: all")
    how.add_argument(
        "--no-repeat-ngram", type=_number(int, 0, 20), help="no such n-gram twice; 0: off"
    )
    how.add_argument("--max-length", type=_number(int, 1, 500), help="longest reply in tokens")
    how.add_argument("--turns", type=_number(int, 0, 20), help="earlier exchanges to read again")
    how.add_argument("--seed", type=_number(int, 0, 2**63 - 1), help="of sampling")
    parser.set_defaults(**dataclasses.asdict(Settings()))
    return parser


def _number(kind: type, low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number from ``low`` to ``high``."""

    def parse(text: str) -> float:
        noun = "a whole number" if kind is int else "a number"
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:  # also refuses nan
            raise argparse.ArgumentTypeError(f"{text!r} is not {noun} from {low} to {high}")
        return value

    return parse


def _loopback(text: str) -> str:
    """An argument type: an address that only this machine can reach."""
    try:
        is_loopback = text == "localhost" or ipaddress.ip_address(text).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a loopback address: the chat has no login yet, so it answers "
            "this machine only (127.0.0.1, ::1 or localhost)"
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
