"""Pairs of models: what is equal is not different, what is clearly better is."""

from dataclasses import replace

import numpy as np
import pytest
import sacrebleu

from scripts.reporting import significance

from .texts import answers, make_test, spoilt

TEST = make_test([5, 9, 12, 7, 8, 15, 6, 11, 10, 13] * 10)
GOOD = answers("good", spoilt(TEST.references, every=9))
BAD = answers("bad", spoilt(TEST.references, every=3))
AS_GOOD = answers("as good", GOOD.texts)


def test_the_sign_is_the_seconds_over_the_first():
    [pair] = significance.compare([BAD, GOOD], TEST)
    scores = [sacrebleu.corpus_bleu(each.texts, [TEST.references]).score for each in (BAD, GOOD)]
    assert (pair["first"], pair["second"]) == ("bad", "good")
    assert abs(pair["BLEU"]["difference"] - (scores[1] - scores[0])) < 0.02
    assert pair["BLEU"]["p"] < 0.01 and pair["chrF"]["p"] < 0.01


def test_equal_outputs_do_not_differ():
    [pair] = significance.compare([GOOD, AS_GOOD], TEST)
    assert pair["BLEU"] == pair["BLEU"] | {"difference": 0, "p": 1.0}
    assert pair["chrF"]["p"] == 1.0


def test_p_is_below_a_level_as_often_as_the_level_says_where_nothing_differs():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(400):
        differences = rng.normal(size=60)
        drawn = rng.choice(differences, size=(500, 60)).mean(axis=1)
        found.append(significance.p_value(differences.mean(), drawn))
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.09  # give or take two standard errors
    assert 0.4 < np.mean(np.array(found) < 0.5) < 0.6


def test_sentences_that_share_text_are_drawn_together():
    """Ten copies of a test set hold no more evidence than it does."""
    pair = [answers(str(n), spoilt_sentences(n)) for n in (3, 4)]
    copies = [replace(each, hypotheses=[*each.hypotheses] * 10) for each in pair]
    test = replace(TEST, sources=TEST.sources * 10, references=TEST.references * 10)
    blocks = [*range(len(TEST.sources))] * 10
    [alone] = significance.compare(pair, TEST)
    [together] = significance.compare(copies, replace(test, blocks=blocks))
    [apart] = significance.compare(copies, test)
    assert together["chrF"]["p"] == pytest.approx(alone["chrF"]["p"], abs=0.001)
    assert apart["chrF"]["p"] < 0.01 < alone["chrF"]["p"]


def spoilt_sentences(every: int) -> list[str]:
    wrong = spoilt(TEST.references, every=2)
    return [wrong[n] if n % every == 0 else good for n, good in enumerate(TEST.references)]


def test_every_pair_has_a_row():
    first = significance.section([BAD, GOOD, AS_GOOD], TEST)
    [table] = first.parts
    assert [row[:2] for row in table.rows] == [
        ["bad", "good"],
        ["bad", "as good"],
        ["good", "as good"],
    ]
    assert table.rows[0][3].endswith("*") and not table.rows[2][3].endswith("*")
    assert "Bonferroni" in " ".join(first.text)
