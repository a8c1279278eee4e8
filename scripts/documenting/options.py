"""The options of models, losses and tasks as tables, read from their dataclasses."""

import dataclasses
import inspect
import logging
import typing
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from scripts.documenting.docstrings import to_markdown

PACKAGE = "fairseq_plugins."

Row = tuple[str, str, str, str]  # option, values, default, help


def registered() -> dict[str, dict[str, type]]:
    """The dataclasses of this package by their registered names: of models, criterions, tasks."""
    logging.getLogger("fairseq").setLevel(logging.ERROR)
    import fairseq.criterions
    import fairseq.models
    import fairseq.tasks

    import fairseq_plugins.criterions
    import fairseq_plugins.models
    import fairseq_plugins.tasks  # noqa: F401

    found = {
        "models": fairseq.models.MODEL_DATACLASS_REGISTRY,
        "criterions": fairseq.criterions.CRITERION_DATACLASS_REGISTRY,
        "tasks": fairseq.tasks.TASK_DATACLASS_REGISTRY,
    }
    return {
        kind: {name: each for name, each in registry.items() if each.__module__.startswith(PACKAGE)}
        for kind, registry in found.items()
    }


def write(kind: str) -> str:
    """Markdown of all options of a kind."""
    classes = registered()[kind]
    if kind == "models":
        return "\n".join([*_subjects(classes.values()), *_architectures(classes)])
    return "\n".join(_registered(classes))


def _subjects(classes: Iterable[type]) -> Iterator[str]:
    """Each group of options once, where it is defined."""
    groups: dict[type, None] = {}
    for each in classes:
        groups |= dict.fromkeys(_groups(each))
    for group in groups:
        heading = inspect.getdoc(group) or ""
        yield f"\n### {group.__name__}\n\n{to_markdown(heading).splitlines()[0]}\n"
        yield from _table(_row(field) for field in _new_fields(group))


def _architectures(classes: dict[str, type]) -> Iterator[str]:
    """What each named architecture changes."""
    yield "\n## Architectures\n"
    yield "Each with what it changes in the defaults of the configuration that it is made from.\n"
    for name, each in classes.items():
        base = each.__mro__[1]
        yield f"\n### `--arch {name}`\n\n{to_markdown(inspect.getdoc(each) or '')}\n"
        if not base.__module__.startswith(PACKAGE) or base.__module__.endswith("_options"):
            continue
        before = {field.name: field for field in dataclasses.fields(base)}
        rows = [
            (_flag(field.name), _default(before[field.name]), _default(field))
            for field in dataclasses.fields(each)
            if field.name in before and _default(field) != _default(before[field.name])
        ]
        if rows:
            yield f"| option | `{base.__name__}` | `{name}` |\n|---|---|---|"
            yield from (f"| {' | '.join(row)} |" for row in rows)


def _registered(classes: dict[str, type]) -> Iterator[str]:
    """Each name with the options that it adds to fairseq's."""
    for name, each in classes.items():
        rows = [_row(field) for group in _groups(each) for field in _new_fields(group)]
        yield f"\n### `{name}`\n\n{to_markdown(inspect.getdoc(each) or '')}\n"
        yield from _table(rows) if rows else ["It adds no options to fairseq's.\n"]


def _groups(each: type) -> list[type]:
    """The classes of this package, from the most general, that define options of their own."""
    own = [base for base in reversed(each.__mro__) if base.__module__.startswith(PACKAGE)]
    return [group for group in own if _new_fields(group)]


def _new_fields(group: type) -> list[dataclasses.Field[Any]]:
    """The options that no base class has."""
    known = {field.name for base in group.__mro__[1:] for field in _fields(base)}
    return [field for field in _fields(group) if field.name not in known]


def _fields(each: type) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(each) if dataclasses.is_dataclass(each) else ()


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield "| option | values | default | |\n|---|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _row(field: dataclasses.Field[Any]) -> Row:
    told = _cell(field.metadata.get("help") or "")
    return _flag(field.name), _values(field.type), _default(field), told


def _flag(name: str) -> str:
    return f"`--{name.replace('_', '-')}`"


def _values(kind: Any) -> str:
    """What a user may write."""
    if kind is bool:
        return "flag"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{each.value}`" for each in kind)
    plain = [each for each in typing.get_args(kind) if each is not type(None)] or [kind]
    return ", ".join(getattr(each, "__name__", str(each)) for each in plain)


def _default(field: dataclasses.Field[Any]) -> str:
    default = field.default
    if default is dataclasses.MISSING or default is None or default is False:
        return ""
    if isinstance(default, Enum):
        default = default.value
    text = str(default)
    if text.startswith("${"):
        return f"that of {_flag(text[2:-1].rpartition('.')[2])}"
    return f"`{text}`"


def _cell(text: str) -> str:
    """A text inside a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "&#42;")
