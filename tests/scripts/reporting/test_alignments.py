"""The part of the report that shows where outputs came from."""

import json
from pathlib import Path

import numpy as np
import pytest

from fairseq_plugins import load
from fairseq_plugins.hub import Hypothesis
from scripts.reporting import alignments, heatmap
from scripts.reporting.answering import Settings, answer
from scripts.reporting.section import Chart
from scripts.reporting.subject import Answers, Subject, TestSet

SOURCES = ["1 2", "3 4 5 6", "9 8 7 6 5 4 3 2", "1 2", "5 5 5", "0 1 0 1 0 1", "7 6 5 4 3"]
TEST = TestSet("src", "tgt", SOURCES, SOURCES)


@pytest.fixture(scope="module")
def answers(corpus, checkpoints, tmp_path_factory):
    """Those of a model with attention and of one without."""
    cache = tmp_path_factory.mktemp("cache")
    found = []
    for name in ("s2s_attn", "s2s"):
        path = checkpoints / name / "checkpoint_best.pt"
        model = load(path, data=corpus / "bin")
        subject = Subject(name.upper(), path, model, name, 1, 1, None, None)
        found.append(answer(subject, TEST, Settings(), cache))
    return found


def lengths(*sizes: int) -> Answers:
    """Answers of sources and outputs with so many pieces."""
    found = [Hypothesis("", ["x"], 0, [], [f"{n}"] * size, None) for n, size in enumerate(sizes)]
    return Answers(Subject("m", Path("m"), None, "", 0, 0, None, None), found, 0.0)


def test_every_model_that_attends_has_a_picture_of_each_sentence(answers):
    section = alignments.section(answers, TEST, count=3)
    charts = [part for part in section.parts if isinstance(part, Chart)]
    assert [chart.name for chart in charts] == [f"alignment-{n}-s2s-attn" for n in (1, 2, 3)]
    assert section.data["without attention"] == ["S2S"]
    assert "S2S" in section.text[-1]
    for told, chart in zip(section.data["sentences"], charts, strict=True):
        assert told["source"] in SOURCES and told["source"] in chart.caption
        total = np.sum(told["weights"], axis=1) + told["weights of </s>"]
        assert total == pytest.approx(1, abs=1e-2)
        [best] = answers[0].subject.model.generate([told["source"]], beam=5, nbest=1)
        assert told["output"] == best[0].text
        assert told["output words"] == best[0].text.split()
    json.dumps(section.data)


def test_other_sentences_are_translated_and_drawn(answers):
    section = alignments.section(answers, TEST, sentences=["4 4", "2 3 4"])
    assert [told["source"] for told in section.data["sentences"]] == ["4 4", "2 3 4"]
    assert [part.name for part in section.parts] == [f"alignment-{n}-s2s-attn" for n in (1, 2)]


def test_no_model_that_attends_no_section(answers):
    assert alignments.section(answers[1:], TEST) is None


def test_sentences_are_picked_from_short_to_long_and_none_twice():
    found = alignments.pick([lengths(*range(5, 35))], 4)
    sizes = [list(range(5, 35))[place] for place in found]
    assert sizes == sorted(set(sizes))
    assert len(sizes) == 4
    assert sizes[0] <= 7 and sizes[-1] >= 32
    assert alignments.pick([lengths(5, 6)], 6) == [0, 1]


def test_what_would_not_fit_a_picture_is_not_picked():
    assert alignments.pick([lengths(3, 10, 300, 12)], 6) == [1, 3]
    assert alignments.pick([lengths(2, 300)], 6) == [0, 1]  # but something is


def test_the_same_sentence_is_picked_once():
    same = lengths(8, 8)
    same.hypotheses[1].source_tokens[:] = same.hypotheses[0].source_tokens
    assert alignments.pick([same], 6) == [0]


def test_without_a_font_the_numbers_stay(answers, monkeypatch):
    monkeypatch.setattr(heatmap, "drawable", lambda texts: False)
    monkeypatch.setattr(heatmap, "plain", lambda found: False)
    section = alignments.section(answers, TEST, count=2)
    assert section.parts == [] and len(section.data["sentences"]) == 2
