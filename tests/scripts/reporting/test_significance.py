"""Pairs of models: what is equal is not different, what is clearly better is."""

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


def test_every_pair_has_a_row_and_the_environment_changes_nothing(monkeypatch):
    first = significance.section([BAD, GOOD, AS_GOOD], TEST)
    monkeypatch.setenv("SACREBLEU_SEED", "7")
    assert significance.section([BAD, GOOD, AS_GOOD], TEST) == first
    [table] = first.parts
    assert [row[:2] for row in table.rows] == [
        ["bad", "good"],
        ["bad", "as good"],
        ["good", "as good"],
    ]
    assert table.rows[0][3].endswith("*") and not table.rows[2][3].endswith("*")
    assert "Bonferroni" in " ".join(first.text)
