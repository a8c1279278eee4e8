"""One model examined."""

import pytest
from numpy.testing import assert_allclose

from scripts.diagnosing import diagnosis
from scripts.diagnosing.diagnosis import _Bleu2, gather
from scripts.diagnosing.pairs import part
from scripts.reporting import resampling
from scripts.scoring.ruler import Ruler

from .talkers import make_pairs


@pytest.mark.parametrize(
    "language, texts", [("en", make_pairs(40)), ("zh", make_pairs(40, step=5))]
)
def test_bleu_2_with_intervals_is_the_rulers(language, texts) -> None:
    replies = [f"{reference} indeed" for reference in reversed(texts.references)]
    metric = _Bleu2(language).metric
    counts = resampling.count(metric, replies, texts.references)
    expected = Ruler(language).bleu(replies, texts.references)["bleu-2"]
    assert 0 < expected < 100
    assert resampling.score(metric, counts) == pytest.approx(expected, abs=0.006)
    low, high = _Bleu2(language).interval(replies, texts)
    assert low < expected < high


def test_the_gain_over_itself_is_nothing_and_changes_sign() -> None:
    pairs = make_pairs(30)
    worse = [text.rsplit(" ", 1)[0] for text in pairs.references]
    bleu = _Bleu2("en")
    assert bleu.gain(worse, worse, pairs) == (0, 0)
    low, high = bleu.gain(worse, pairs.references, pairs)
    assert 0 < low <= high
    assert_allclose(bleu.gain(pairs.references, worse, pairs), (-high, -low))


def test_the_parts_count_where_the_proposal_is_nearer() -> None:
    pairs = make_pairs(50)
    material = gather(pairs, pairs, "en", 50, seed=1)
    dull = ["yes"] * 50
    good = list(pairs.references)
    assert diagnosis._parts_nearer(material, dull, good) == 5
    assert diagnosis._parts_nearer(material, good, dull) == 0
    assert diagnosis._parts_nearer(material, good, good) == 0
    half = [(good if n % 5 < 2 else dull)[n] for n in range(50)]
    assert diagnosis._parts_nearer(material, dull, half) == 2


def test_without_the_brevity_penalty_what_is_said_counts_alone() -> None:
    pairs = part(make_pairs(30), range(6, 7))  # one reference of nine words
    reply = " ".join(pairs.references[0].split()[:4])
    assert _Bleu2("en").plain([reply], pairs) == pytest.approx(100)
    # with a word that is not there: of 5 words 4, of 4 pairs 3 are in the reference
    assert _Bleu2("en").plain([f"{reply} sideways"], pairs) == pytest.approx(
        100 * (4 / 5 * 3 / 4) ** 0.5
    )
    assert _Bleu2("en").plain(["sideways"], pairs) == 0


def test_few_messages_have_no_parts() -> None:
    pairs = make_pairs(9)
    material = gather(pairs, pairs, "en", 50, seed=1)
    assert diagnosis._folds(material.test) == 0
    assert diagnosis._parts_nearer(material, ["yes"] * 9, list(pairs.references)) == 0
