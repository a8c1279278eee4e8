"""Markdown tables of all results, as GitHub shows them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Any

from . import groups
from .groups import Family, Metric, Source
from .record import Row

LEGEND = (
    "A number is the mean over the seeds, ± their standard deviation; **bold** is the best of its "
    "task, ✓ at least as good as the published number, by whatever distance. Core-minutes are "
    "those of one seed's training. *tok. lc*: tokenised and lower-cased, as the papers on Multi30k "
    "have it. A word's pronunciation is right if it is exactly one of those that are listed. "
    "*Incomplete*: the training was not finished."
)
SPACE = "\u00a0"  # keeps a number on one line
TEXTS = ("task", "model", "command")  # columns that are no numbers
Column = tuple[str, str]  # metric and test set


@dataclass(frozen=True)
class Model:
    """One line of a table: what a model reached on the test sets of one training task."""

    task: str
    name: str
    rows: dict[Column, Row]

    def first(self, key: str) -> Any:
        """A fact that is the same for all numbers of the line."""
        return next((row[key] for row in self.rows.values() if row[key] is not None), None)

    @property
    def label(self) -> str:
        """Its name, and that it is not trained to the end."""
        complete = all(row["complete"] for row in self.rows.values())
        return code(self.name) + ("" if complete else " *incomplete*")

    @property
    def minutes(self) -> str:
        """Of one core, for one seed."""
        minutes = self.first("minutes")
        return "" if minutes is None else f"{minutes:,.{0 if minutes >= 10 else 1}f}"

    @property
    def seeds(self) -> str:
        """Of the trainings; of an ensemble with a plus."""
        seeds = dict.fromkeys(seed for row in self.rows.values() for seed in row["values"])
        return ", ".join(seed.replace("+", " + ") for seed in seeds)


def render(rows: Sequence[Row]) -> str:
    """All tables, group by group, with the legend above and the versions below."""
    parts = [LEGEND]
    for group in groups.GROUPS:
        families = [each for each in groups.FAMILIES if each.group == group]
        tables = [_family(each, found) for each in families if (found := models(each, rows))]
        parts += [f"### {group}", *tables] if tables else []
    return "\n\n".join([*parts, *versions(rows)]) + "\n"


def versions(rows: Sequence[Row]) -> list[str]:
    """A sentence for each set of versions that numbers were made with."""
    made: dict[str, set[str]] = {}
    for row in rows:
        used = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        made.setdefault(used, set()).add(row["task"])
    if len(made) == 1:
        return [f"Made with {next(iter(made))}."]
    return [f"Made with {used}: {', '.join(sorted(tasks))}." for used, tasks in made.items()]


def table(models: Sequence[Model]) -> str:
    """One table. Published numbers have a line; in a table of several tasks they have a column."""
    columns = sorted(
        {column for model in models for column in model.rows},
        key=lambda column: (groups.order(column[0]), column[1]),
    )
    tasks = sorted({model.task for model in models})
    several = len(tasks) > 1
    beside = [c for c in columns if several and any(reference(task, c) for task in tasks)]
    heads = ["task"] * several + ["model", "parameters", "core-minutes", "seeds"]
    heads += [_head(c) for c in columns] + [f"{_head(c)}, published" for c in beside] + ["command"]
    lines = [heads, ["---" if head in TEXTS else "---:" for head in heads]]
    for task in tasks:
        rivals = [model for model in models if model.task == task]
        known = [published(task, column) for column in beside]
        found = [_line(model, rivals, columns, known) for model in rivals]
        found += [] if several else _references(task, columns)
        lines += [[task] * several + line for line in found]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def models(family: Family, rows: Iterable[Row]) -> list[Model]:
    """The models of a family's tasks; ensembles after single models."""
    found: dict[tuple[str, str], Model] = {}
    for row in rows:
        if groups.family(row["task"]) is family:
            task, test = groups.training(row["task"])
            model = found.setdefault((task, row["model"]), Model(task, row["model"], {}))
            model.rows[row["metric"], test] = row
    return sorted(found.values(), key=lambda model: ("ensemble" in model.name, model.name))


def _family(family: Family, models: Sequence[Model]) -> str:
    text = "\n\n".join([table(models), *_notes(models)])
    if family.folded:
        return f"<details markdown><summary>{family.title}</summary>\n\n{text}\n\n</details>"
    return f"**{family.title}**\n\n{text}" if family.title else text


def _notes(models: Sequence[Model]) -> list[str]:
    """A list of what a reader must know of the table's lines, if there is anything."""
    sources = _sources(models)
    notes = [f"- published: [{each.name}]({each.url}), {each.system}" for each in sources]
    notes.append(f"- test examples: {_examples(models)}")
    notes += [
        f"- {code(model.name)}, {row['task']}: {_text(row['note'])}"
        for model in models
        for row in model.rows.values()
        if row.get("note")
    ]
    return ["\n".join(dict.fromkeys(notes))]


def _examples(models: Sequence[Model]) -> str:
    """How many examples each test set of a table has."""
    rows = [row for model in models for row in model.rows.values()]
    counts = {row["task"]: f"{row['examples']:,}" for row in rows}
    if len(set(counts.values())) == 1:
        return next(iter(counts.values())) + (" each" if len(counts) > 1 else "")
    return ", ".join(f"{task} {count}" for task, count in sorted(counts.items()))


def _head(column: Column) -> str:
    name, test = column
    return " ".join(filter(None, [_text(groups.metric(name).name), test]))


def _line(
    model: Model, rivals: Sequence[Model], columns: Sequence[Column], known: Sequence[str]
) -> list[str]:
    parameters = model.first("parameters")
    return [
        model.label,
        "" if parameters is None else f"{parameters:,}",
        model.minutes,
        model.seeds,
        *[number(model, rivals, column) for column in columns],
        *known,
        code(model.first("command") or ""),
    ]


def number(model: Model, rivals: Sequence[Model], column: Column) -> str:
    """A number with its spread, bold and marked where it is the best and reaches the published."""
    row = model.rows.get(column)
    if row is None:
        return ""
    metric = groups.metric(column[0])
    text = f"{row['value']:.{metric.digits}f}"
    if len(rivals) > 1 and metric.best and _is_best(row, rivals, column, metric):
        text = f"**{text}**"
    if len(row["values"]) > 1:
        text += f"{SPACE}±{SPACE}{stdev(row['values'].values()):.{metric.digits}f}"
    return text + (f"{SPACE}✓" if _reaches(row, metric) else "")


def _is_best(row: Row, rivals: Sequence[Model], column: Column, metric: Metric) -> bool:
    values = [other.rows[column]["value"] for other in rivals if column in other.rows]
    best = max(values) if metric.best == "max" else min(values)
    return round(row["value"], metric.digits) == round(best, metric.digits)


def _reaches(row: Row, metric: Metric) -> bool:
    found = groups.PUBLISHED.get((row["task"], row["metric"]))
    if not found or not row["complete"]:
        return False
    return row["value"] >= found[0] if metric.best == "max" else row["value"] <= found[0]


def reference(task: str, column: Column) -> tuple[float, Source] | None:
    """A published number and where it stands, if there is one."""
    metric, test = column
    return groups.PUBLISHED.get((f"{task}-{test}" if test else task, metric))


def _sources(models: Sequence[Model]) -> list[Source]:
    """Of the published numbers beside these models, each once."""
    columns = [(model.task, column) for model in models for column in model.rows]
    return list(dict.fromkeys(found[1] for pair in columns if (found := reference(*pair))))


def published(task: str, column: Column) -> str:
    """A published number; empty where there is none."""
    found = reference(task, column)
    return f"*{found[0]:.{groups.metric(column[0]).digits}f}*" if found else ""


def _references(task: str, columns: Sequence[Column]) -> list[list[str]]:
    """A line for each source of published numbers of a task."""
    known = {column: found for column in columns if (found := reference(task, column))}
    lines = []
    for source in dict.fromkeys(source for _, source in known.values()):
        own = [column for column, found in known.items() if found[1] is source]
        numbers = [published(task, column) if column in own else "" for column in columns]
        lines.append([f"*published: {source.name}*", "", "", "", *numbers, ""])
    return lines


def code(text: str) -> str:
    """A text as code."""
    return f"`{_text(text, code=True)}`" if text else ""


def _text(text: str, code: bool = False) -> str:
    """A text that breaks no table and is no markup of its own."""
    text = " ".join(text.split()).replace("|", "\\|")
    return text.replace("`", "'") if code else text.replace("<", "&lt;")
