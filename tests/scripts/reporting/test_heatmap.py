"""Pictures of alignments."""

import io
import logging
import warnings

import numpy as np
import pytest

from fairseq_plugins._alignment import group, spell
from scripts.reporting import heatmap
from scripts.reporting.style import chinese_font, style


def made_up(sources: int, targets: int, word: str = "word"):
    """An alignment along the diagonal."""
    source = spell([f"\u2581{word}"] * sources, True)
    target = spell([f"\u2581{word}"] * targets, True)
    alignment = np.full((targets + 1, sources + 1), 0.3 / sources)
    for row in range(targets + 1):
        alignment[row, min(row, sources)] = 0.7
    alignment /= alignment.sum(axis=1, keepdims=True)
    return group(source, target, alignment.tolist(), source.words, target.words)


def render(figure) -> bytes:
    written = io.BytesIO()
    with style(), warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph
        figure.savefig(written, format="png")
    return written.getvalue()


def test_it_shows_the_weights_with_what_the_end_gets():
    found = made_up(3, 2)
    figure = heatmap.draw(found, "a title")
    axes, bar = figure.axes
    shown = np.asarray(axes.images[0].get_array())
    assert shown == pytest.approx(np.column_stack([found.matrix, found.null]))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["word"] * 3 + ["</s>"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["word"] * 2
    assert axes.get_title() == "a title"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("source", "output")
    assert bar.get_ylabel() == "attention weight"
    assert axes.images[0].get_clim() == (0, 1)  # the same colours in every picture


def letter_room(figure) -> float:
    """Points of a cell's smaller side for each point of a letter's height, as drawn."""
    figure.draw_without_rendering()
    axes = figure.axes[0]
    box = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    rows, columns = axes.images[0].get_array().shape
    side = 72 * min(box.width / columns, box.height / rows)
    return side / axes.get_yticklabels()[0].get_fontsize()


@pytest.mark.parametrize(("sources", "targets"), [(1, 1), (5, 30), (40, 40), (120, 4)])
def test_letters_fit_their_cells_at_any_size(sources, targets):
    assert letter_room(heatmap.draw(made_up(sources, targets), "t")) >= 1


def test_forty_words_are_written_in_letters_of_nine_points():
    axes = heatmap.draw(made_up(40, 40), "t").axes[0]
    assert axes.get_xticklabels()[0].get_fontsize() == 9


def test_signs_of_formulas_are_letters_like_any_other():
    render(heatmap.draw(made_up(2, 2, word="$x_{$"), "$y^"))


def test_long_words_are_cut():
    label = heatmap.draw(made_up(1, 1, word="a" * 50), "t").axes[0].get_yticklabels()[0]
    assert label.get_text() == "a" * 17 + "…"


@pytest.mark.skipif(chinese_font() is None, reason="needs a Chinese font: fonts-noto-cjk")
def test_chinese_words_stand_upright_and_have_their_glyphs():
    figure = heatmap.draw(made_up(3, 3, word="朋友"), "句子")
    axes = figure.axes[0]
    label = axes.get_xticklabels()[0]
    assert (label.get_text(), label.get_rotation()) == ("朋\n友", 0)
    render(figure)


def test_without_a_chinese_font_one_sentence_names_a_package(monkeypatch, caplog):
    monkeypatch.setattr(heatmap, "chinese_font", lambda: None)
    with caplog.at_level(logging.WARNING):
        assert heatmap.drawable(["plain", "text"])
        assert not caplog.records
        assert not heatmap.drawable(["plain", "朋友"])
    [record] = caplog.records
    assert "fonts-noto-cjk" in record.getMessage()


def test_nothing_is_not_drawn():
    with pytest.raises(ValueError, match="no words"):
        heatmap.draw(made_up(1, 0), "t")
