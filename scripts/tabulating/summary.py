"""One table of all results, a line for each model and task, as the README shows it."""

from collections.abc import Sequence

from . import groups
from .groups import Family
from .record import Row
from .tables import LEGEND, Column, Model, code, models, number, published, reference, versions

HEADS = ("task", "model", "result", "seeds", "core-minutes", "command")
Line = tuple[str, ...]


def render(rows: Sequence[Row]) -> str:
    """The table, with the legend above and the versions below."""
    lines = [HEADS, ("---", "---", "---", "---", "---:", "---")]
    for family in groups.FAMILIES:
        found = [] if family.folded else models(family, rows)
        for task in sorted({model.task for model in found}):
            rivals = [model for model in found if model.task == task]
            lines += [_line(model, rivals, family) for model in rivals]
            lines += _references(task, rivals, family)
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([LEGEND, table, *versions(rows)]) + "\n"


def _line(model: Model, rivals: Sequence[Model], family: Family) -> Line:
    """What a model reached: of each metric a number, or one for each test set."""
    result = [
        f"{_name(columns)} {' / '.join(number(model, rivals, column) for column in columns)}"
        for columns in _headline([model], family)
    ]
    command = code(model.first("command") or "")
    return _task([model]), model.label, "; ".join(result), model.seeds, model.minutes, command


def _references(task: str, rivals: Sequence[Model], family: Family) -> list[Line]:
    """A line for each source of published numbers of a task."""
    told: dict[groups.Source, list[str]] = {}
    for columns in _headline(rivals, family):
        sources = {found[1]: None for column in columns if (found := reference(task, column))}
        for source in sources:
            own = [c for c in columns if (found := reference(task, c)) and found[1] is source]
            numbers = " / ".join(published(task, column) for column in own)
            told.setdefault(source, []).append(f"{_name(columns)} {numbers}")
    return [
        (_task(rivals), f"*published: [{each.name}]({each.url})*", "; ".join(result), "", "", "")
        for each, result in told.items()
    ]


def _task(rivals: Sequence[Model]) -> str:
    """The task with the test sets whose numbers stand side by side."""
    tests = sorted({test for model in rivals for _, test in model.rows})
    return f"{rivals[0].task} {' / '.join(tests)}".strip()


def _headline(rivals: Sequence[Model], family: Family) -> list[list[Column]]:
    """The columns that the README tells, those of one metric together."""
    columns = {column for model in rivals for column in model.rows}
    told = [sorted(each for each in columns if each[0] == name) for name in family.headline]
    return [each for each in told if each]


def _name(columns: Sequence[Column]) -> str:
    """The metric of some columns."""
    return groups.metric(columns[0][0]).name.replace(", %", " (%)")
