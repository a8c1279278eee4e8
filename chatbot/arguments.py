"""What ``s2s-chat`` may be told: its flags, their bounds, and what does not go together."""

import argparse
import dataclasses
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from .bounds import BOUNDS_LIMITS, Bounds
from .credentials import VARIABLE
from .dialog import LIMITS, MODES, PRESETS, Settings, make_settings
from .strings import LANGUAGES

DEFAULT_MODEL = "checkpoints/chat"
DEFAULT_PORT = 7860

HELP: Mapping[str, str] = {
    "mode": "take the likeliest piece at each step, search, or draw",
    "beam": "hypotheses that a search keeps, and candidates",
    "length_penalty": "of beam search; above 1 favours long replies",
    "temperature": "of sampling; below 1 is more cautious",
    "topk": "of sampling, from so many pieces; 0: all",
    "topp": "of sampling, from the likeliest with this probability in all; 1: all",
    "no_repeat_ngram": "no run of so many pieces twice; 0: off",
    "min_length": "shortest reply in pieces",
    "max_length": "longest reply in pieces",
    "turns": "earlier exchanges to read again",
    "seed": "of sampling",
    "diversity": "weight of the reranker against generic replies; 0: off",
    "fallback": "say so where the message is mostly unknown",
}


BOUNDS_HELP: Mapping[str, str] = {
    "message_length": "characters of a message that are read",
    "waiting": "replies that wait or grow at a time, of the page and of programs each",
    "reply_seconds": "for one reply",
    "requests": "replies in a minute for one address, and for one page; 0: any number",
}


class _Parser(argparse.ArgumentParser):
    """Bad usage is one sentence, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def make_parser() -> argparse.ArgumentParser:
    """All flags; those of the search come from :class:`Settings` and :data:`LIMITS`."""
    parser = _Parser(
        prog="s2s-chat",
        description="Talk with a trained dialogue model: in the browser, or with --terminal.",
    )
    parser.add_argument(
        "--model",
        help=f"checkpoint, or its folder (default: {DEFAULT_MODEL}); with --models a name",
    )
    parser.add_argument("--models", metavar="FOLDER", help="offer every model of this folder")
    _add_where(parser)
    _add_terminal(parser)
    most = parser.add_argument_group("what one visitor may ask of the server")
    for field in dataclasses.fields(Bounds):
        _add_bound(most, field.name, field.default)
    how = parser.add_argument_group("how replies are searched for")
    how.add_argument("--preset", choices=tuple(PRESETS), help="where the flags below start from")
    for field in dataclasses.fields(Settings):
        _add_setting(how, field.name, field.default)
    return parser


def read_arguments(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> tuple[argparse.Namespace, Settings]:
    """The options and the settings; what does not go together ends the program in a sentence."""
    options = parser.parse_args(arguments)
    _check(parser, options)
    return options, _read_settings(parser, options)


def _add_where(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("where")
    kinds = where.add_mutually_exclusive_group()
    kinds.add_argument("--terminal", action="store_true", help="talk here, without a browser")
    kinds.add_argument("--message", metavar="TEXT", help="answer this one message and end")
    kinds.add_argument("--no-page", action="store_true", help="serve programs only, no page")
    where.add_argument(
        "--port",
        type=_number(int, 0, 65535),
        default=DEFAULT_PORT,
        help=f"of the page (default: {DEFAULT_PORT}); 0: any",
    )
    where.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
    where.add_argument(
        "--allow-remote", action="store_true", help="with --host: answer other machines"
    )
    where.add_argument(
        "--share", action="store_true", help="through Gradio's servers, at an address of theirs"
    )
    where.add_argument(
        "--credentials",
        type=Path,
        metavar="FILE",
        help=f"a login: a file that holds USER:PASSWORD; else {VARIABLE}, if that is set",
    )
    where.add_argument(
        "--trusted-proxy",
        type=_network,
        metavar="ADDRESS",
        help="of a proxy before this server, or its network: its X-Forwarded-For tells who asks",
    )


def _add_terminal(parser: argparse.ArgumentParser) -> None:
    here = parser.add_argument_group("with --terminal or --message")
    here.add_argument("--lang", choices=LANGUAGES, help="of the program (default: as the locale)")
    here.add_argument("--json", action="store_true", help="one JSON object for each reply")
    here.add_argument("--json-alignment", action="store_true", help="the same with the alignment")


def _add_setting(group: argparse._ArgumentGroup, name: str, default: Any) -> None:
    """The flag of one field of :class:`Settings`, with the bounds that hold everywhere."""
    flag = f"--{name.replace('_', '-')}"
    text = f"{HELP[name]} (default: {'another each time' if default is None else default})"
    if name == "mode":
        group.add_argument(flag, choices=MODES, help=text)
    elif name in LIMITS:
        low, high = LIMITS[name]
        kind = int if isinstance(low, int) else float
        group.add_argument(flag, type=_number(kind, low, high), help=text)
    else:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)


def _add_bound(group: argparse._ArgumentGroup, name: str, default: Any) -> None:
    """The flag of one field of :class:`Bounds`."""
    low, high = BOUNDS_LIMITS[name]
    kind = _number(int if isinstance(low, int) else float, low, high)
    text = f"{BOUNDS_HELP[name]} (default: {default})"
    group.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, help=text)


def read_bounds(options: argparse.Namespace) -> Bounds:
    """Those that the flags tell."""
    return Bounds(**{each.name: getattr(options, each.name) for each in dataclasses.fields(Bounds)})


def _read_settings(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Settings:
    """The preset, and over it the flags that were given."""
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(Settings)}
    try:
        preset = make_settings(PRESETS[options.preset] if options.preset else {})
        return make_settings(given, preset)
    except ValueError as error:
        parser.error(str(error))


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse flags that do not go together."""
    talks = options.terminal or options.message is not None
    if (options.json or options.json_alignment) and not talks:
        parser.error("--json is for --terminal and --message: programs get JSON at /api/chat")
    if options.allow_remote and _is_loopback(options.host):
        parser.error(f"--allow-remote needs --host: {options.host} answers this machine only")
    if not options.allow_remote and not _is_loopback(options.host):
        parser.error(
            f"argument --host: {options.host!r} is not a loopback address: the chat answers this "
            "machine only (127.0.0.1, ::1 or localhost), unless you add --allow-remote and "
            "--credentials"
        )
    if talks and (options.share or options.credentials):
        parser.error("--share and --credentials are for a server, not for --terminal or --message")


def _is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _network(text: str) -> str:
    """An argument type: an IP address, or a network such as 10.0.0.0/8."""
    try:
        return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no IP address and no network") from None


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[str], float]:
    """An argument type: a number from ``low`` to ``high``."""

    def parse(text: str) -> float:
        noun = "a whole number" if kind is int else "a number"
        value: float | None
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:  # also refuses nan
            raise argparse.ArgumentTypeError(f"{text!r} is not {noun} from {low} to {high}")
        return value

    return parse
