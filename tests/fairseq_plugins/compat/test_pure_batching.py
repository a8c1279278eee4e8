"""Tests of the pure batching against the compiled one."""

import sys

import fairseq.data
import numpy as np
import pytest
from fairseq.data import data_utils

from fairseq_plugins.compat import batching, pure_batching

NAME = pure_batching.NAME


def as_lists(batches: list) -> list[list[int]]:
    return [list(map(int, batch)) for batch in batches]


def test_it_is_inert_where_the_compiled_module_imports() -> None:
    pytest.importorskip(NAME)
    assert not pure_batching.needed()


def test_upstream_still_cannot_batch_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, NAME, None)
    monkeypatch.setattr(fairseq.data, "data_utils_fast", None, raising=False)
    assert pure_batching.needed()
    sizes = np.ones(5, np.int64)
    with pytest.raises(ImportError, match="build Cython"):
        data_utils.batch_by_size(np.arange(5), None, sizes, max_sentences=2)
    pure_batching.apply()
    batches = data_utils.batch_by_size(np.arange(5), None, sizes, max_sentences=2)
    assert as_lists(batches) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("seed", range(300))
def test_batches_are_those_of_the_compiled_module(seed: int) -> None:
    compiled = pytest.importorskip(NAME)
    chance = np.random.default_rng(seed)
    count = int(chance.integers(0, 60))
    indices = chance.permutation(count).astype(np.int64)
    lengths = chance.integers(1, 30, 60)
    if seed % 2:
        lengths[indices] = np.sort(lengths[indices])  # as fairseq has them
    limits = (
        int(chance.choice([-1, 30, 47, 100, 400])),
        int(chance.choice([-1, 1, 3, 8, 20])),
        int(chance.choice([1, 2, 3, 8])),
    )
    expected = as_lists(compiled.batch_by_size_vec(indices, lengths[indices], *limits))
    assert as_lists(batching.batch_by_size_vec(indices, lengths[indices], *limits)) == expected
    size = lengths.__getitem__
    assert as_lists(batching.batch_by_size_fn(indices, size, *limits)) == expected

    shapes = np.sort(chance.integers(1, 30, (4, 2)), axis=0)
    shapes[-1, 1] = 30
    expected = as_lists(compiled.batch_fixed_shapes_fast(indices, size, shapes))
    assert as_lists(batching.batch_fixed_shapes_fast(indices, size, shapes)) == expected


@pytest.mark.parametrize("module", [NAME, batching.__name__])
def test_a_sentence_over_the_limit_is_refused_alike(module: str) -> None:
    function = pytest.importorskip(module).batch_by_size_vec
    with pytest.raises(AssertionError, match="should not exceed max_tokens=5"):
        function(np.arange(2), np.array([5, 6]), 5, -1, 1)
