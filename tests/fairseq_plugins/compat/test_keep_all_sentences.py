"""Tests that no sentence is dropped."""

import numpy as np
import pytest
from fairseq.data import data_utils

from fairseq_plugins.compat import keep_all_sentences
from fairseq_plugins.compat.patching import original

from .conftest import lines, of_the_fork, run


@of_the_fork
def test_upstream_still_drops_sentences() -> None:
    assert keep_all_sentences.needed()


@pytest.mark.parametrize("count", [1, 5, 8, 13, 100])
def test_every_sentence_is_in_one_batch(count: int) -> None:
    indices = np.random.default_rng(0).permutation(count)
    lengths = np.sort(np.random.default_rng(1).integers(1, 9, count))
    batches = data_utils.batch_by_size(
        indices, None, lengths, max_tokens=60, required_batch_size_multiple=8
    )
    assert np.concatenate(batches).tolist() == indices.tolist()


@of_the_fork
def test_the_other_batches_are_upstreams() -> None:
    args = (np.arange(21), None, np.arange(21))
    limits = {"max_sentences": 8, "required_batch_size_multiple": 8}
    upstream = original(data_utils, "batch_by_size")(*args, **limits)
    repaired = data_utils.batch_by_size(*args, **limits)
    assert [b.tolist() for b in repaired[:-1]] == [b.tolist() for b in upstream]
    assert repaired[-1].tolist() == [16, 17, 18, 19, 20]


def test_no_sentences_are_no_batches() -> None:
    assert data_utils.batch_by_size([], None, [], required_batch_size_multiple=8) == []


def test_generate_has_as_many_outputs_as_inputs(generate_args, corpus, capsys) -> None:
    run("generate", *generate_args, "--beam", 1)
    assert sorted(lines(capsys.readouterr().out, "H")) == list(range(len(corpus.text["test"])))
