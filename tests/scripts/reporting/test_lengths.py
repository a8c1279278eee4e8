"""Ranges of length hold every sentence once, and each is a corpus of its own."""

import numpy as np
import pytest
import sacrebleu

from scripts.reporting import lengths
from scripts.reporting.subject import TestSet

from .texts import answers, make_test, spoilt

RNG = np.random.default_rng(1)
SHAPES = {
    "captions": RNG.poisson(9, 1000) + 4,
    "joined": RNG.integers(5, 110, 2000),
    "few": RNG.integers(3, 30, 60),
    "a hundred": RNG.integers(3, 30, 100),
    "equal": np.full(500, 7),
    "two": np.repeat([3, 80], [480, 20]),
    "one": np.array([4]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_sentence_is_in_one_bucket_and_none_is_nearly_empty(shape):
    found = lengths.buckets(SHAPES[shape])
    for length in SHAPES[shape]:
        assert sum(low <= length <= high for low, high in found) == 1
    sizes = [sum(low <= length <= high for length in SHAPES[shape]) for low, high in found]
    assert len(found) == 1 or min(sizes) >= lengths.FEWEST
    assert len(found) <= lengths.MOST


def test_long_sentences_have_round_edges():
    found = lengths.buckets(SHAPES["joined"])
    assert len(found) >= 8
    assert all(high % 5 == 0 for _, high in found[1:-1])


def test_buckets_grow_wider_where_sentences_are_rare():
    found = lengths.buckets(SHAPES["captions"])
    assert found[-1][1] - found[-1][0] > found[2][1] - found[2][0]


def test_words_or_characters_are_counted():
    assert lengths.measure(["a b  c", ""], "words").tolist() == [3, 0]
    assert lengths.measure(["你好 吗"], "characters").tolist() == [3]


def test_a_point_is_the_corpus_score_of_its_sentences():
    test = make_test([5] * 60 + [12] * 60 + [20] * 60)
    texts = spoilt(test.references, every=5)
    data = lengths.section([answers("a", texts), answers("b", test.references)], test).data
    assert [bucket["sentences"] for bucket in data["buckets"]] == [60, 60, 60]
    expected = sacrebleu.corpus_bleu(texts[60:120], [test.references[60:120]]).score
    point = data["scores"]["BLEU"]["a"][1]
    assert point["score"] == pytest.approx(expected, abs=0.01)
    assert point["low"] <= point["score"] <= point["high"]
    assert data["scores"]["BLEU"]["b"][2]["score"] == 100


def test_charts_have_all_models_titles_and_units():
    test = make_test([5] * 60 + [12] * 60)
    found = lengths.section([answers("a", test.references), answers("b", test.references)], test)
    charts = [part for part in found.parts if hasattr(part, "figure")]
    assert [chart.name for chart in charts] == ["length-bleu", "length-chrf"]
    for chart in charts:
        axes, below = chart.figure.axes
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
        assert axes.get_title() and "%" in axes.get_ylabel()
        assert below.get_xlabel() == "source length (words)"
        assert [text.get_text() for text in below.texts] == ["60", "60"]
        assert axes.lines[0].get_xdata().tolist() == [5, 12]


def test_chinese_sources_are_measured_in_characters():
    test = TestSet("zh", "en", ["你好吗我很好"] * 3, ["a b c d"] * 3)
    found = lengths.section([answers("a", test.references)], test)
    assert found.data["unit"] == "characters"
    assert found.data["buckets"][0]["mean length"] == 6
