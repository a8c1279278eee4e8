"""Maximum mutual information: a reply to this message goes before one that fits them all."""

import pytest

from chatbot.ranking import (
    FIRST_TOKENS,
    against_language_model,
    both_directions,
    rank,
    rank_in_both_directions,
)

GENERIC = [-0.1, -0.2, -0.3]
SPECIAL = [-0.4, -0.5, -0.6]


def test_without_weight_the_order_is_that_of_the_likelihood():
    for scores in (GENERIC, SPECIAL):
        assert against_language_model(scores, [-9.0] * 3, 0.0) == pytest.approx(scores[1])
        assert both_directions(scores, [-9.0] * 3, 0.0) == pytest.approx(scores[1])


def test_what_is_likely_anyway_loses_more_the_larger_the_weight():
    def gap(weight):
        generic = against_language_model(GENERIC, [-0.2] * 3, weight)
        return against_language_model(SPECIAL, [-2.0] * 3, weight) - generic

    assert gap(0.0) == pytest.approx(-0.3)
    assert gap(0.5) == pytest.approx(-0.3 + 0.5 * 1.8)
    assert gap(1.0) > gap(0.5) > 0 > gap(0.1)


def test_only_the_first_tokens_count_against_a_reply():
    scores = [-0.5] * (FIRST_TOKENS + 4)
    common = [-1.0] * FIRST_TOKENS
    one, other = ([*common, *[end] * 4] for end in (-0.01, -9.0))
    assert against_language_model(scores, one, 0.7) == against_language_model(scores, other, 0.7)


def test_in_both_directions_the_weight_moves_from_one_to_the_other():
    assert both_directions([-1.0], [-3.0], 1.0) == -3.0
    assert both_directions([-1.0], [-3.0], 0.25) == pytest.approx(-1.5)


def test_a_long_reply_is_not_at_a_disadvantage():
    for length in (1, 7, 30):
        assert against_language_model([-0.5] * length, [-1.0] * length, 0.5) == pytest.approx(0.0)


class Scorer:
    def __init__(self, scores):
        self.scores, self.pairs = scores, []

    def score(self, pairs):
        self.pairs += pairs
        return self.scores


def test_the_language_model_is_the_model_without_a_source():
    model = Scorer([[-1.0], [-2.0]])
    found = rank(model, [(["a"], [-0.5]), (["b"], [-0.5])], 1.0)
    assert model.pairs == [("", ["a"]), ("", ["b"])]
    assert found == [pytest.approx(0.5), pytest.approx(1.5)]


def test_the_reverse_model_reads_the_reply_and_scores_the_message():
    reverse = Scorer([[-1.0, -3.0]])
    assert rank_in_both_directions(reverse, "how", [("fine", [-1.0])], 0.5) == [-1.5]
    assert reverse.pairs == [("fine", "how")]


@pytest.fixture(scope="module")
def generic_model(tmp_path_factory):
    """A model of "1".."4" -> its own reversal "9 d", or to "7 7", which fits any source."""
    pytest.importorskip("fairseq")
    from fairseq_plugins import load
    from tests.fairseq_plugins.commands import preprocess, train, write_corpus

    folder = tmp_path_factory.mktemp("generic")
    special = {"1": "5 1", "2": "6 2", "3": "8 3", "4": "9 4"}
    pairs = [(s, t) for s, t in special.items() for _ in range(40)]
    pairs += [(s, "7 7") for s in special for _ in range(60)]
    for subset in ("train", "valid", "test"):
        write_corpus(folder, subset, pairs)
    data = preprocess(folder)
    train(data, folder / "save", "--arch", "s2s_attn_tiny", "--max-epoch", 25)
    return load(folder / "save", data=data), special


def test_on_a_trained_model_the_reranker_turns_from_the_generic_to_the_special(generic_model):
    model, special = generic_model
    for source, expected in special.items():
        [found] = model.generate([source], beam=4, nbest=4)
        assert found[0].text == "7 7"
        replies = [(each.tokens, each.token_scores) for each in found]
        plain, ranks = (rank(model, replies, weight) for weight in (0.0, 0.7))
        assert found[plain.index(max(plain))].text == "7 7"
        assert found[ranks.index(max(ranks))].text == expected
