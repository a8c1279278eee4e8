"""The figure: speed and peak memory of a training step against the sentences' length."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from .shapes import LENGTHS, TOKENS
from .sizes import BenchmarkError

# Ours in warm colours and full lines, the others in grey and broken ones.
STYLES: dict[str, tuple[str, str, str, str]] = {
    "s2s": ("s2s, LSTM, no attention", "#f2a65a", "-", "v"),
    "s2s_attn_lstm_bf16": ("s2s_attn, LSTM, --cpu-bf16", "#8c2d62", "-", "D"),
    "s2s_attn_readout_attention": ("s2s_attn, LSTM, attention at readout", "#d95f8a", "-", "^"),
    "s2s_attn_gru": ("s2s_attn, GRU", "#e8743b", "-", "s"),
    "s2s_attn_lstm": ("s2s_attn, LSTM", "#c1272d", "-", "o"),
    "fairseq_lstm": ("fairseq lstm", "#1f2a44", "-", "o"),
    "joeynmt_lstm": ("JoeyNMT 2.3.0, LSTM", "#6b7a99", "--", "s"),
    "opennmt_lstm": ("OpenNMT-py 3.5.1, LSTM", "#9aa5b8", ":", "^"),
}
THICK = ("s2s_attn_lstm", "fairseq_lstm")
GROWTH = {"target": ("-", "o"), "source": ("--", "s")}
PANELS = (
    ("tokens_per_second", "target tokens per second of CPU", "Speed: higher is better"),
    ("peak_mb", "MB above the model and its optimiser", "Peak memory: lower is better"),
)


def points(record: Mapping[str, Any], system: str, field: str) -> tuple[list[int], list[float]]:
    """Lengths and the median over the runs of a field of their summaries."""
    lengths, values = [], []
    for length in LENGTHS:
        entries = [run["summary"].get(system, {}).get(f"len{length}", {}) for run in record["runs"]]
        given = [entry[field] for entry in entries if field in entry]
        if given:
            lengths.append(length)
            values.append(median(given))
    return lengths, values


def cost(record: Mapping[str, Any], system: str, side: str) -> tuple[list[int], list[float]]:
    """Lengths of one side and the median over the runs of the microseconds per target token."""
    costs = [run["growth"].get(system, {}).get(side, {}) for run in record["runs"]]
    lengths = [length for length in LENGTHS if any(str(length) in each for each in costs)]
    given = ([each[str(n)] for each in costs if str(n) in each] for n in lengths)
    return lengths, [median(values) for values in given]


def draw(record: Mapping[str, Any], path: Path) -> None:
    """Speed and memory over one row of names, and what a token costs, written to ``path``.

    Raises:
        BenchmarkError: without Matplotlib, or where no run has these shapes
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise BenchmarkError("--figure needs Matplotlib: run scripts/setup_peers.sh.") from None
    mpl.use("agg")
    from matplotlib import pyplot as plt

    present = [name for name in STYLES if points(record, name, PANELS[0][0])[0]]
    if not present:
        raise BenchmarkError("No run has measured len25 to len200, of which the figure is made.")
    figure, axes = plt.subplots(1, 3, figsize=(15, 5.4), dpi=130)
    for panel, (field, label, title) in zip(axes[:2], PANELS, strict=True):
        for name in present:
            text, colour, line, marker = STYLES[name]
            width = 2.6 if name in THICK else 1.5
            lengths, values = points(record, name, field)
            panel.plot(
                lengths, values, line, color=colour, marker=marker, lw=width, ms=5, label=text
            )
        dress(panel, label, title)
    draw_cost(axes[2], record)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False, fontsize=9.5)
    figure.suptitle(
        f"Training step, {TOKENS:,} tokens of equal length, one CPU core, equal dimensions",
        fontsize=12,
        color="#1f2a44",
    )
    figure.tight_layout(rect=(0, 0.15, 1, 0.99), w_pad=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)


def draw_cost(panel: Any, record: Mapping[str, Any]) -> None:
    """What a target token costs while one side grows and the other stays at 50."""
    for system in THICK:
        text, colour, *_ = STYLES[system]
        for side, (line, marker) in GROWTH.items():
            lengths, values = cost(record, system, side)
            label = f"{text}: {side} grows"
            panel.plot(lengths, values, line, color=colour, marker=marker, ms=5, label=label)
    dress(panel, "microseconds of CPU per target token", "Cost of a token: lower is better")
    panel.set_xscale("linear")
    panel.set_xticks(LENGTHS, [str(length) for length in LENGTHS])
    panel.set_xlabel("length of one side, the other 50 (tokens)")
    panel.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(0.02, 1.02))
    panel.set_ylim(top=1.35 * panel.get_ylim()[1])


def dress(panel: Any, label: str, title: str) -> None:
    """Axes, ticks and grid of one panel."""
    panel.set_xscale("log", base=2)
    panel.set_xticks(LENGTHS, [str(length) for length in LENGTHS])
    panel.minorticks_off()
    panel.set_ylim(bottom=0)
    panel.set_xlabel("source length = target length (tokens)")
    panel.set_ylabel(label)
    panel.set_title(title, loc="left", fontsize=11)
    panel.grid(axis="y", color="#e3e6ec", lw=0.8)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
