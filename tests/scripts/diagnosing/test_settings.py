"""Decoding settings: their flags mean what they do, and the reranker is the paper's formula."""

from argparse import ArgumentParser
from statistics import fmean

import pytest
from fairseq import options

from chatbot.arguments import make_parser, read_arguments
from chatbot.dialog import Settings
from scripts.diagnosing.settings import DEFAULT, GRID, Setting, answer, choose_replies

from .talkers import make_pairs

by_name = pytest.mark.parametrize("setting", GRID, ids=lambda setting: setting.name)


def test_each_setting_stands_once_and_the_default_is_the_chats() -> None:
    assert len({setting.name for setting in GRID}) == len(GRID)
    assert len({setting.search for setting in GRID}) == len(GRID)
    assert [setting.search for setting in GRID if setting.name == DEFAULT] == [Settings()]


@by_name
def test_the_chat_reads_the_flags_as_the_setting(setting: Setting) -> None:
    _, found = read_arguments(make_parser(), setting.chat_flags)
    assert found == setting.search


@pytest.fixture(scope="module")
def parser():
    """fairseq-generate's own options of the search, and no others."""
    parser = ArgumentParser()
    options.add_generation_args(parser)
    return parser


@by_name
def test_fairseq_reads_the_flags_as_what_is_generated_with(setting: Setting, parser) -> None:
    found = parser.parse_args(setting.fairseq_flags)
    wanted = {"sampling": False, "topp": -1.0, "topk": -1, "temperature": 1.0, "lenpen": 1.0}
    wanted |= setting.options
    names = {"topp": "sampling_topp", "topk": "sampling_topk", "max_len": "max_len_b"}
    names |= {"no_repeat_ngram": "no_repeat_ngram_size"}
    for name, value in wanted.items():
        assert getattr(found, names.get(name, name)) == value, name
    assert found.max_len_a == 0


def test_greedy_replies_are_those_of_the_chats_own_search(model) -> None:
    sources = make_pairs(60).sources  # more than a chunk
    default = next(setting for setting in GRID if setting.name == DEFAULT)
    streamed = [
        "".join(token.text for token in list(stream)[-1:])
        for stream in model.streams(list(sources), no_repeat_ngram=4, max_len=60)
    ]
    done = []
    assert answer(model, default, sources, progress=done.append) == streamed
    assert done == [50, 10]


def test_samples_are_the_seeds(model) -> None:
    sources = make_pairs(20).sources
    setting = next(setting for setting in GRID if setting.search.mode == "sampling")
    assert answer(model, setting, sources, seed=1) == answer(model, setting, sources, seed=1)
    assert answer(model, setting, sources, seed=1) != answer(model, setting, sources, seed=2)


def test_the_reranked_reply_has_the_most_mutual_information(model) -> None:
    """Li et al. 2016, section 4: by scores of the model itself, candidate by candidate."""
    sources = list(make_pairs(6).sources)
    found = model.generate(sources, beam=5, nbest=5, max_len=9)
    changed = 0
    for weight in (0.5, 1.0):
        replies = choose_replies(model, found, weight)
        for source, hypotheses, reply in zip(sources, found, replies, strict=True):
            ranks = {}
            for each in hypotheses:
                [given] = model.score([(source, each.tokens)])
                [nothing] = model.score([("", each.tokens)])
                ranks[each.text] = fmean(given) - weight * fmean(nothing[:6])
            assert ranks[reply] == pytest.approx(max(ranks[t] for t in ranks if t), abs=1e-4)
            changed += reply != hypotheses[0].text
    assert changed > 0  # the reranker chooses


def test_without_a_reranker_the_best_hypothesis_is_the_reply(model) -> None:
    found = model.generate(["yes i know"], beam=4, nbest=4, max_len=9)
    assert choose_replies(model, found, 0.0) == [found[0][0].text]
