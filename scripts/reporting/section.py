"""A part of the page: what every section's function returns, and all that the page knows of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Chart:
    """A figure of the page; it is written as NAME.png and NAME.svg too.

    Attributes:
        name: of its files, lower case with hyphens
        caption: one or two sentences under it: what is seen, and how it was measured
        figure: drawn, with title, axes and units
    """

    name: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class Table:
    """Numbers of the page.

    Attributes:
        caption: what they are, with units
        columns: the head
        rows: a cell is a text or a number that is already rounded as it is to be read
        best: columns (by index) whose best cell is set bold, with ``max`` or ``min``
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]
    best: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        name: its place in ``report.json`` and its anchor, lower case with hyphens
        title: its heading
        text: paragraphs under the heading, plain text: what was done and what came out
        parts: charts and tables, in the order of the page
        data: every number behind them, for ``report.json``
    """

    name: str
    title: str
    text: Sequence[str]
    parts: Sequence[Chart | Table]
    data: Mapping[str, Any]
