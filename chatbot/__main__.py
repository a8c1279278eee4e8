"""``python -m chatbot``, ``s2s-chat``: arguments, wiring, launch."""

import argparse
import io
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from .arguments import DEFAULT_MODEL, make_parser, read_arguments, read_bounds
from .credentials import HOW, read_credentials
from .dialog import Settings, Shelf

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: its threads sleep when idle


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chat; returns the exit status. Bad input ends in one sentence on stderr."""
    parser = make_parser()
    options, settings = read_arguments(parser, arguments)
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
    except ModuleNotFoundError as error:
        install = "run pip install 'gradio>=6.31,<7' for the page, which brings the others"
        return _fail(parser, ValueError(f"The package {error.name} is missing: {install}."))
    except (ValueError, OSError) as error:  # S2SError is a ValueError
        return _fail(parser, error)


def open_shelf(options: argparse.Namespace) -> Shelf:
    """The models that the options name, of which the default one is loaded.

    Raises:
        ValueError: where there is none, or the default one cannot be loaded
    """
    from .shelf import ModelShelf, find_models

    if options.models is not None:
        shelf = ModelShelf(find_models(options.models), options.model)
    else:
        path = Path(options.model or DEFAULT_MODEL)
        folder = path.parent if path.suffix == ".pt" else path
        shelf = ModelShelf({folder.resolve().name or "model": path})
    shelf.open()
    return shelf


def _talk(options: argparse.Namespace, settings: Settings) -> int:
    """In a terminal, or one message only; neither gradio nor fastapi is imported."""
    from .terminal import Talk, converse, respond
    from .terminal_strings import preferred

    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a broken byte is no reason to stop
    talk = Talk(
        open_shelf(options),
        settings,
        sys.stdout,
        language=options.lang or preferred(os.environ),
        as_json=options.json or options.json_alignment,
        with_alignment=options.json_alignment,
        bounds=read_bounds(options),
    )
    if options.message is not None:
        return 0 if respond(talk, options.message) else 1
    converse(talk, sys.stdin)
    return 0


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    """The page and the routes for programs, until SIGINT or SIGTERM."""
    from .server import Harden, bind, serve

    credentials = read_credentials(options.credentials, os.environ)
    if credentials is None and (options.allow_remote or options.share):
        what = "--share" if options.share else "--allow-remote"
        raise ValueError(f"{what} needs a login: {HOW}.")
    with bind(options.host, options.port) as listener:  # first, so that a taken port shows at once
        with _ended_by_sigterm():
            shelf = open_shelf(options)
            from .api import build_api
            from .api_work import Desk

            desk = Desk(read_bounds(options))
            app = build_api(shelf, settings, desk)
            if credentials is not None:
                from .gate import Gate

                app.add_middleware(Gate, credentials=credentials)
            if options.no_page:
                app.add_middleware(Harden)
            else:
                from .ui import mount

                app = mount(app, shelf, settings, desk.bounds, desk.rate)
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{host}:{listener.getsockname()[1]}"
        if options.allow_remote:
            print(
                f"Warning: {address} is not encrypted: put a proxy with TLS before it.",
                file=sys.stderr,
                flush=True,
            )
        if options.share:
            from .sharing import share

            print(f"Shared at {share(options.host, listener.getsockname()[1])}", flush=True)
        what = ", for programs only" if options.no_page else ""

        def on_ready() -> None:
            print(f"Chat at {address}{what} (Ctrl-C ends it)", flush=True)

        serve(app, listener, on_ready, options.trusted_proxy)
    return 0


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """While no server listens to it: SIGTERM, which process 1 of a container would not notice."""

    def end(number: int, frame: object) -> NoReturn:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(parser: argparse.ArgumentParser, error: Exception) -> int:
    sentence = " ".join(str(error).split()) or type(error).__name__
    print(f"{parser.prog}: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
