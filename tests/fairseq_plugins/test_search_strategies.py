"""Our forms of fairseq's search strategies find what fairseq's find, and what those miss."""

from functools import partial

import pytest
import torch
from fairseq.dataclass.configs import GenerationConfig
from fairseq.search import LexicallyConstrainedBeamSearch, Sampling
from fairseq.token_generation_constraints import pack_constraints

from fairseq_plugins._search_strategies import ConstrainedSearch, SeededSampling

from .builders import build_model, collate, random_pairs
from .test_search import make_translation_task

LENGTHS = (3, 7, 1, 5)


@pytest.fixture(scope="module")
def searched():
    """Searches by one strategy or another: for all sentences, tokens and scores."""
    task = make_translation_task(target_symbols=30)
    model = build_model("s2s_attn_tiny", task)
    for parameter in model.parameters():
        parameter.data.mul_(3)
    model.make_generation_fast_()
    batch = collate(task, random_pairs(task, [(length, 1) for length in LENGTHS]))

    def search(strategy, *, beam, prefix=None, constraints=None):
        config = GenerationConfig(beam=beam, max_len_a=0, max_len_b=12, min_len=2)
        generator = task.build_generator([model], config)
        generator.search = strategy(task.target_dictionary)
        found = task.inference_step(
            generator, [model], batch, prefix_tokens=prefix, constraints=constraints
        )
        return [
            [(each["tokens"].tolist(), round(float(each["score"]), 4)) for each in hypotheses]
            for hypotheses in found
        ]

    return search


@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("kind", ["ordered", "unordered"])
def test_constrained_search_finds_all_that_fairseqs_finds(searched, kind, beam):
    phrases = [[[5, 6], [7]], [], [[8]], [[9, 10, 11], [9, 12]]]
    packed = pack_constraints([[torch.tensor(each) for each in own] for own in phrases])
    found, expected = (
        searched(partial(strategy, representation=kind), beam=beam, constraints=packed)
        for strategy in (ConstrainedSearch, LexicallyConstrainedBeamSearch)
    )
    for own, theirs in zip(found, expected, strict=True):
        # at the longest output fairseq's loses some to constraints that come too late
        assert [each for each in own if each in theirs] == theirs
        assert all(len(words) == 13 for words, _ in own if words not in [w for w, _ in theirs])


@pytest.mark.parametrize("beam", [1, 2, 5])
@pytest.mark.parametrize("kind", ["ordered", "unordered"])
def test_constraints_wait_for_the_end_of_a_prefix(searched, kind, beam):
    packed = pack_constraints([[torch.tensor([9, 8]), torch.tensor([7])]] * len(LENGTHS))
    prefix = torch.tensor([[4, 4, 5]] * len(LENGTHS))
    found = searched(
        lambda words: ConstrainedSearch(words, kind), beam=beam, prefix=prefix, constraints=packed
    )
    for [(words, score), *_] in found:
        assert words[:3] == [4, 4, 5] and score > -100
        assert 7 in words and [9, 8] in [words[i : i + 2] for i in range(len(words))]


@pytest.mark.parametrize(("topk", "topp"), [(-1, -1.0), (4, -1.0), (-1, 0.8)])
def test_sampling_draws_what_fairseqs_draws_by_the_same_seed(searched, topk, topp):
    torch.manual_seed(5)
    expected = searched(lambda words: Sampling(words, topk, topp), beam=3)
    state = torch.get_rng_state()
    numbers = torch.Generator().manual_seed(5)
    assert searched(lambda words: SeededSampling(words, topk, topp, numbers), beam=3) == expected
    assert torch.equal(torch.get_rng_state(), state)
