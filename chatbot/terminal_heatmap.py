"""An alignment as text: shades of block characters, in columns that fit the terminal."""

import unicodedata
from collections.abc import Iterator, Sequence

SHADES = ((0.75, "█"), (0.5, "▓"), (0.25, "▒"), (0.1, "░"))  # from this weight on
LEGEND = "  ".join(f"{shade} {weight:.0%}" for weight, shade in reversed(SHADES))
LONGEST = 14  # columns of the terminal for a label
GAP = " "


def draw(
    rows: Sequence[str], columns: Sequence[str], weights: Sequence[Sequence[float]], width: int
) -> str:
    """The weights (rows, columns) as lines of at most ``width`` cells of a terminal.

    Where the columns do not fit side by side, the rest follows below.
    """
    rows = [shorten(label) for label in rows]
    columns = [shorten(label) for label in columns]
    margin = max(map(display_width, rows), default=0)
    widths = [max(2, display_width(label)) for label in columns]
    blocks = []
    for span in _spans(widths, width - margin):
        heads = GAP.join(pad(columns[i], widths[i]) for i in span)
        lines = [GAP.join((" " * margin, heads))]
        for label, row in zip(rows, weights, strict=True):
            cells = GAP.join(shade(row[i]) * widths[i] for i in span)
            lines.append(GAP.join((pad(label, margin, right=True), cells)))
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(blocks)


def shade(weight: float) -> str:
    """The block character of a weight; nothing below a tenth."""
    return next((shade for least, shade in SHADES if weight >= least), " ")


def display_width(text: str) -> int:
    """How many cells of a terminal a text takes: Chinese two for each character."""
    return sum(_cells(char) for char in text)


def pad(text: str, width: int, right: bool = False) -> str:
    """A text with spaces up to ``width`` cells, after it or before it."""
    spaces = " " * (width - display_width(text))
    return spaces + text if right else text + spaces


def shorten(text: str, longest: int = LONGEST) -> str:
    """A text of at most ``longest`` cells."""
    if display_width(text) <= longest:
        return text
    kept = ""
    for char in text:
        if display_width(kept) + _cells(char) >= longest:
            break
        kept += char
    return f"{kept}…"


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _spans(widths: Sequence[int], room: int) -> Iterator[range]:
    """Runs of columns that fit side by side, each of one at least."""
    start, used = 0, 0
    for i, width in enumerate(widths):
        if i > start and used + len(GAP) + width > room:
            yield range(start, i)
            start, used = i, 0
        used += len(GAP) + width
    if start < len(widths):
        yield range(start, len(widths))
