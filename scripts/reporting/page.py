"""Sections -> one HTML page that needs nothing beside it, figures as files, numbers as JSON."""

import base64
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import matplotlib

from .section import Chart, Section, Table
from .style import style

MADE_BY = "scripts/report.py"
DRAWN = (105, 52)  # CSS pixels for an inch of a figure: at most, and at least (a phone scrolls)
JOINER = "\u2060"  # keeps a range of numbers on one line
NUMERIC = re.compile(r"[–\-+−]?[\d.,]+( ?[*%])?|[\d.,]+–[\d.,]+|[\d.,]+ \([\d.,]+–[\d.,]+\)|–|")


def write(
    built: Path,
    title: str,
    sections: Sequence[Section],
    facts: Mapping[str, str],
    data: Mapping[str, Any],
) -> None:
    """Write page, figures and numbers.

    Args:
        built: the folder
        title: of the page
        sections: in their order
        facts: what the page's last part tells of itself, text by text
        data: what ``report.json`` holds besides the sections' numbers
    """
    (built / "figures").mkdir()
    shown = [_section(section, built / "figures") for section in sections]
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    page = environment.from_string(template).render(
        title=title, sections=shown, facts=facts, made_by=MADE_BY
    )
    (built / "index.html").write_text(page, encoding="utf-8")
    numbers = {section.name: section.data for section in sections}
    told = {"made_by": MADE_BY, "title": title, **data, "sections": numbers}
    text = json.dumps(_finite(told), indent=2, ensure_ascii=False, allow_nan=False)
    (built / "report.json").write_text(f"{text}\n", encoding="utf-8")


def foreign(out: Path) -> str | None:
    """The name of something in a folder that is not of an earlier report, if there is one."""
    try:
        made_by = json.loads((out / "report.json").read_text(encoding="utf-8"))["made_by"]
    except (OSError, ValueError, KeyError, TypeError):
        made_by = None
    found = sorted(path.name for path in out.iterdir())
    if made_by != MADE_BY:
        return found[0]
    figures = sorted(path.name for path in (out / "figures").glob("*"))
    others = [name for name in found if name not in {"index.html", "report.json", "figures"}]
    others += [name for name in figures if not name.endswith((".png", ".svg"))]
    return others[0] if others else None


def _section(section: Section, figures: Path) -> dict[str, Any]:
    """A section as the template takes it."""
    parts = [
        _chart(part, figures) if isinstance(part, Chart) else _table(part) for part in section.parts
    ]
    return {"name": section.name, "title": section.title, "text": section.text, "parts": parts}


def _chart(chart: Chart, figures: Path) -> dict[str, Any]:
    """Write a figure; its SVG goes into the page."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", chart.name):
        raise ValueError(f"{chart.name!r} is no name for a figure's file")
    svg = io.BytesIO()
    name = _free(figures, chart.name)
    with style(), matplotlib.rc_context({"svg.hashsalt": name}):
        chart.figure.savefig(figures / f"{name}.png", metadata={"Software": MADE_BY})
        chart.figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": MADE_BY})
    (figures / f"{name}.svg").write_bytes(svg.getvalue())
    titles = [axes.get_title() for axes in chart.figure.axes if axes.get_title()]
    most, least = (round(chart.figure.get_figwidth() * pixels) for pixels in DRAWN)
    image = base64.b64encode(svg.getvalue()).decode("ascii")
    return {
        "title": titles[0] if titles else name,
        "caption": chart.caption,
        "image": f"data:image/svg+xml;base64,{image}",
        "most": most,
        "least": least,
    }


def _free(figures: Path, name: str) -> str:
    """The name, with a number where another figure has it: names of models may be alike."""
    names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(each for each in names if not (figures / f"{each}.png").exists())


def _table(table: Table) -> dict[str, Any]:
    """A table with its best cells found and its numbers known."""
    best = {column: _best(table, column, which) for column, which in table.best.items()}
    rows = [
        [
            {
                "text": _text(cell),
                "number": _is_number(cell),
                "best": best.get(place) is not None and best[place] == _leading(cell),
            }
            for place, cell in enumerate(row)
        ]
        for row in table.rows
    ]
    columns = [
        {"text": name, "number": place > 0 and all(row[place]["number"] for row in rows)}
        for place, name in enumerate(table.columns)
    ]
    return {"image": None, "caption": table.caption, "columns": columns, "rows": rows}


def _best(table: Table, column: int, which: str) -> float | None:
    values = [value for row in table.rows if (value := _leading(row[column])) is not None]
    return {"max": max, "min": min}[which](values) if values else None


def _leading(cell: str | float) -> float | None:
    """A cell's number, or the one that its text begins with, ``34.1 (32.5-35.7)``."""
    found = re.match(r"[+\-]?\d+(\.\d+)?", str(cell))
    return float(found[0]) if found else None


def _text(cell: str | float) -> str:
    if isinstance(cell, str):
        return cell.replace("–", f"–{JOINER}")
    return f"{cell:,}" if isinstance(cell, int) and cell >= 10_000 else str(cell)


def _is_number(cell: str | float) -> bool:
    return not isinstance(cell, str) or NUMERIC.fullmatch(cell) is not None


def _finite(value: Any) -> Any:
    """The same with None for what JSON has no number for."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
