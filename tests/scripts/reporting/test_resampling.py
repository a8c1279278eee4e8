"""Counts of sentences sum to sacreBLEU's corpus scores, and the bootstrap is the plain one."""

import numpy as np
import pytest
import sacrebleu

from scripts.reporting import resampling
from scripts.reporting.subject import TestSet

from .texts import make_test, spoilt

TEST = make_test([5, 9, 12, 7, 8, 15, 6, 11, 10, 13])
TEXTS = spoilt(TEST.references, every=4)
CHINESE = TestSet("en", "zh", ["a", "b"], ["我们今天去公园散步。", "他不喜欢吃苹果和香蕉。"])


def corpus_scores(texts, references, **options):
    return {
        "BLEU": sacrebleu.corpus_bleu(texts, [references], **options).score,
        "chrF": sacrebleu.corpus_chrf(texts, [references]).score,
    }


@pytest.mark.parametrize("name", ["BLEU", "chrF"])
def test_the_whole_is_sacrebleus_score(name):
    metric = resampling.metrics(TEST)[name]
    counts = resampling.count(metric, TEXTS, TEST.references)
    expected = corpus_scores(TEXTS, TEST.references)[name]
    assert resampling.score(metric, counts) == pytest.approx(expected)


def test_chinese_is_counted_by_character():
    texts = ["我们今天去公园。", "他不喜欢苹果和香蕉。"]
    metric = resampling.metrics(CHINESE)["BLEU"]
    found = resampling.score(metric, resampling.count(metric, texts, CHINESE.references))
    expected = sacrebleu.corpus_bleu(texts, [CHINESE.references], tokenize="zh").score
    assert found == pytest.approx(expected)
    assert resampling.tokenizer(TEST) == "13a"


@pytest.mark.parametrize("name", ["BLEU", "chrF"])
def test_each_sample_is_the_score_of_the_sentences_that_were_drawn(name):
    metric = resampling.metrics(TEST)[name]
    counts = resampling.count(metric, TEXTS, TEST.references)
    found = resampling.resample(metric, counts, samples=5, seed=3)
    rng = np.random.default_rng(3)
    for score in found:
        drawn = rng.integers(10, size=10)
        texts = [TEXTS[place] for place in drawn]
        references = [TEST.references[place] for place in drawn]
        assert score == pytest.approx(corpus_scores(texts, references)[name])


def test_the_interval_is_that_of_sacrebleus_own_bootstrap():
    references = TEST.references * 20
    texts = spoilt(TEST.references * 10, every=3) + spoilt(TEST.references * 10, every=5)
    metric = resampling.metrics(TEST)["chrF"]
    expected = metric.corpus_score(texts, [references], n_bootstrap=1000)
    found = resampling.measured(metric, resampling.count(metric, texts, references))
    assert found["score"] == pytest.approx(expected.score, abs=0.01)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(expected._ci, rel=0.15)


def test_one_sentence_leaves_nothing_to_draw():
    metric = resampling.metrics(TEST)["BLEU"]
    found = resampling.measured(metric, resampling.count(metric, TEXTS[:1], TEST.references[:1]))
    assert found["low"] == found["score"] == found["high"]
