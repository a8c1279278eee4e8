"""A picture of an alignment: source words across, output words down, dark where they belong."""

import logging
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fairseq_plugins.hub import WordAlignment

from .style import chinese_font, has_chinese, style

logger = logging.getLogger(__name__)

NULL = "</s>"
LONGEST = 18  # letters of a label
MANY = 22  # words, from which on cells and letters are smaller
LARGE = (0.36, 11)  # inches of a cell, points of a letter
SMALL = (0.27, 9)
WIDE = 0.6  # of a letter's height its mean width; a Chinese character is as wide as high
INCH = 72  # points
MOST_INCHES = 28  # of all cells together, beyond which they shrink
FILLED = 0.8  # of a cell by a letter, at most


def draw(found: WordAlignment, title: str) -> Figure:
    """One alignment; the last column is what ``</s>`` gets, so that each row sums to 1.

    Args:
        found: at least one word on either side
        title: what it is of

    Raises:
        ValueError: for a text without words
    """
    if not (found.source_words and found.target_words):
        raise ValueError("there is nothing to draw: a text has no words")
    sources, targets = [*found.source_words, NULL], list(found.target_words)
    weights = np.column_stack([np.asarray(found.matrix), found.null])
    cell, points = _scale(max(weights.shape))
    with style():
        figure = Figure(figsize=_size(sources, targets, cell, points), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        _label(axes, sources, targets, points)
        axes.set_title(title, parse_math=False, pad=10)
        _lines(axes, weights.shape)
        bar = figure.colorbar(image, ax=axes, fraction=0.05, shrink=min(1, 9 / len(targets)))
        bar.set_label("attention weight")
        bar.outline.set_visible(False)
        bar.ax.grid(False)
    return figure


def drawable(texts: Sequence[str]) -> bool:
    """Whether this system has a font for the texts; where not, one warning says how to get it."""
    if not has_chinese(texts) or chinese_font():
        return True
    logger.warning(
        "Alignments with Chinese words are not drawn, their numbers are kept: no font here has "
        "the characters; install one (Debian, Ubuntu: apt install fonts-noto-cjk)."
    )
    return False


def plain(found: WordAlignment) -> bool:
    """Whether any system's fonts do for it."""
    return not has_chinese([found.source.text, found.target.text])


def _scale(words: int) -> tuple[float, float]:
    """Inches of a cell, points of a letter."""
    if words <= MANY:
        return LARGE
    cell = min(SMALL[0], MOST_INCHES / words)
    return cell, min(SMALL[1], FILLED * cell * INCH)


def _size(
    sources: Sequence[str], targets: Sequence[str], cell: float, points: float
) -> tuple[float, float]:
    """Inches: the cells, the labels beside them, the title and the colour bar."""
    letter = points / INCH
    left = max(_width(_short(word)) for word in targets) * letter
    top = max(
        len(word) * 1.25 if has_chinese([word]) else _width(word) for word in map(_short, sources)
    )
    width = max(5.0, cell * len(sources) + left + 1.6)
    return width, max(2.8, cell * len(targets) + top * letter + 1.0)


def _width(word: str) -> float:
    """In letters' heights."""
    return sum(1.0 if ord(character) > 0x2E7F else WIDE for character in word)


def _short(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…"


def _label(axes: Axes, sources: Sequence[str], targets: Sequence[str], points: float) -> None:
    """The words; Chinese ones of the source stand upright, the others are turned."""
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xticks(range(len(sources)), map(_upright, sources), fontsize=points)
    axes.set_yticks(range(len(targets)), map(_short, targets), fontsize=points)
    for tick, word in zip(axes.get_xticklabels(), sources, strict=True):
        turned = len(word) > 1 and not has_chinese([word])
        tick.set(rotation=90 if turned else 0, linespacing=1.0)
    for tick in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        tick.set_parse_math(False)  # a word may hold $
    axes.set_xlabel("source")
    axes.set_ylabel("output")


def _upright(word: str) -> str:
    return "\n".join(_short(word)) if has_chinese([word]) else _short(word)


def _lines(axes: Axes, shape: tuple[int, int]) -> None:
    """Thin white lines between cells, a dark one before ``</s>``."""
    rows, columns = shape
    axes.grid(False)
    axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#e6e6e6", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    axes.axvline(columns - 1.5, color="#666666", linewidth=1)
