"""The docstrings' marks of reStructuredText, roles and formulas, as Markdown.

A Griffe extension; ``mkdocs.yml`` names it.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import griffe

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.documenting.formulas import to_html

BLOCK = re.compile(r"^( *)\.\. math::(.*)\n((?:\n|\1 +.*(?:\n|$))*)", re.M)
ROLE = re.compile(r":(math|class|data|func|meth|mod):`([^`]+)`")
SESSION = re.compile(r"^( *)(?:>>>|\.\.\. ).*(?:\n\1(?:>>>|\.\.\. ).*)*", re.M)
TABLE = re.compile(r"^=+ =+\n.*^=+ =+$", re.M | re.S)

Resolve = Callable[[str], str | None]  # a name as it is written -> the path of what it means


class Markdown(griffe.Extension):
    """Rewrites every docstring of the package once all of it is read."""

    def on_package(self, *, pkg: griffe.Module, loader: Any, **kwargs: Any) -> None:
        """See :class:`griffe.Extension`."""
        for item in _objects(pkg):
            if item.docstring is not None:
                item.docstring.value = to_markdown(item.docstring.value, _resolver(item))


def to_markdown(text: str, resolve: Resolve = lambda name: None) -> str:
    """A docstring as Markdown."""
    text = BLOCK.sub(lambda found: _block(found[1], found[2] + " " + found[3]), text)
    text = TABLE.sub(lambda found: f"```text\n{found[0]}\n```", text)
    text = SESSION.sub(_session, text)
    return ROLE.sub(lambda found: _role(found[1], found[2], resolve), text)


def _objects(item: griffe.Object) -> Iterator[griffe.Object]:
    """An object and all that is in it; no name that is only imported."""
    yield item
    for member in item.members.values():
        if not member.is_alias:
            yield from _objects(member)


def _block(indent: str, formula: str) -> str:
    """A formula on lines of its own; a wide space at a line's end breaks it."""
    lines = [line.strip() for line in formula.strip().splitlines()]
    html = to_html(" ".join(lines)).replace(",\u2003", ",<br>").replace(", \u2003", ",<br>")
    return f'{indent}<p class="formula">{html}</p>\n\n'


def _session(found: re.Match[str]) -> str:
    """What is typed at Python's prompt."""
    indent = found[1]
    return f"{indent}```python\n{found[0]}\n{indent}```"


def _role(role: str, text: str, resolve: Resolve) -> str:
    if role == "math":
        html = to_html(text).replace("*", "&#42;").replace("_", "&#95;")
        return f'<span class="formula">{html}</span>'
    path = resolve(text)
    if path is None:
        return f"`{text}`"
    return f'<autoref optional identifier="{path}"><code>{text}</code></autoref>'


def _resolver(item: griffe.Object) -> Resolve:
    """Finds what a name means in an object's docstring: there, or in the class around it."""

    def resolve(name: str) -> str | None:
        first, _, rest = name.partition(".")
        try:
            path = item.resolve(first)
        except griffe.NameResolutionError:
            return name if first == "fairseq_plugins" else None
        return f"{path}.{rest}" if rest else path

    return resolve
