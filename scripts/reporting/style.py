"""How every figure looks: sizes, colours, and fonts that have Chinese characters."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib import font_manager

# Okabe and Ito (2008), "Color universal design": told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# The open fonts with Chinese that systems have, in this order.
CHINESE = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Noto Serif CJK SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "Arial Unicode MS",
)


def chinese_font() -> str | None:
    """A font of this system that has Chinese characters, or None."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in CHINESE if name in installed), None)


def has_chinese(texts: Iterable[str]) -> bool:
    """Whether a text needs such a font."""
    return any("\u3000" <= character <= "\u9fff" for text in texts for character in text)


@contextmanager
def style() -> Iterator[None]:
    """Draw inside this: ``with style(): figure, axes = plt.subplots(...)``."""
    fonts = [font for font in ("DejaVu Sans", chinese_font()) if font]
    settings = {
        "font.family": fonts,
        "font.size": 11,
        "axes.titlesize": 13,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
        "grid.color": "#dddddd",
        "legend.frameon": False,
        "figure.dpi": 110,
        "savefig.dpi": 160,
        "svg.fonttype": "path",  # the same on a machine without these fonts
    }
    with matplotlib.rc_context(settings):
        yield
