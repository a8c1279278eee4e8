"""Pairs whose pieces are drawn anew in every epoch."""

import copy
import multiprocessing

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, LanguagePairDataset, ListDataset
from fairseq.tasks import FairseqTask

from fairseq_plugins.tasks._piece_sampler import PieceSampler
from fairseq_plugins.tasks._subword_sampling import SubwordSamplingDataset

from .conftest import sentences
from .test_piece_sampler import dictionary_of, stored


@pytest.fixture
def dictionary(model_files) -> Dictionary:
    return dictionary_of(model_files["unigram"])


@pytest.fixture
def pairs(model_files, dictionary) -> LanguagePairDataset:
    """Stored pairs, each sentence with itself."""
    tokens = [stored(model_files["unigram"], dictionary, text) for text in sentences(60, seed=4)]
    lengths = np.array([len(each) for each in tokens])
    data = ListDataset(tokens, lengths)
    return LanguagePairDataset(data, lengths, dictionary, data, lengths, dictionary)


def sampled(pairs, path, *, sides=("source", "target"), seed=1, epoch=1):
    sampler = PieceSampler(path, pairs.src_dict, alpha=0.2)
    samplers = dict.fromkeys(sides, sampler)
    return SubwordSamplingDataset(copy.copy(pairs), samplers, seed=seed, epoch=epoch)


def everything(data) -> list[tuple]:
    return [
        (tuple(data[i]["source"].tolist()), tuple(data[i]["target"].tolist()))
        for i in range(len(data))
    ]


def test_seed_epoch_and_index_decide_what_is_drawn_in_any_order(pairs, model_files):
    data = sampled(pairs, model_files["unigram"], epoch=3)
    first = everything(data)
    data.set_epoch(4)
    second = everything(data)
    data.set_epoch(3)
    assert everything(data) == first
    assert everything(sampled(pairs, model_files["unigram"], epoch=4)) == second
    assert everything(sampled(pairs, model_files["unigram"], seed=2, epoch=3)) != first
    for one, other in ((first, second), (first, everything(pairs))):
        assert sum(a != b for a, b in zip(one, other, strict=True)) > 50
    assert sum(source != target for source, target in first) > 50


def test_a_side_without_a_sampler_keeps_its_stored_pieces(pairs, model_files):
    for side, kept in (("source", "target"), ("target", "source")):
        data = sampled(pairs, model_files["unigram"], sides=[side])
        assert all(torch.equal(data[i][kept], pairs[i][kept]) for i in range(len(pairs)))
        assert any(not torch.equal(data[i][side], pairs[i][side]) for i in range(len(pairs)))


def test_sizes_are_those_of_the_epoch(pairs, model_files):
    data = sampled(pairs, model_files["unigram"])
    for epoch in (1, 2):
        data.set_epoch(epoch)
        lengths = [(len(source), len(target)) for source, target in everything(data)]
        indices = np.arange(len(data))
        assert [tuple(size) for size in data.sizes] == lengths
        assert [data.size(i) for i in indices] == lengths
        assert data.num_tokens_vec(indices).tolist() == list(map(max, lengths))
        kept, ignored = data.filter_indices_by_size(indices, (15, 15))
        assert sorted(ignored) == [i for i in indices if max(lengths[i]) > 15] != []
        sources = [lengths[i][0] for i in data.ordered_indices()]
        assert sources == sorted(sources)


def test_no_batch_of_any_epoch_has_more_tokens_than_allowed(pairs, model_files):
    """Batched by the stored sizes, as fairseq does for other data, they would."""
    task = FairseqTask(None)
    data = sampled(pairs, model_files["unigram"])

    def largest(iterator, dataset):
        return max(
            max(batch["net_input"]["src_tokens"].numel(), batch["target"].numel())
            for batch in map(dataset.collater, [[dataset[i] for i in b] for b in iterator])
        )

    for epoch in (1, 2):
        epoch_itr = task.get_batch_iterator(data, max_tokens=120, epoch=epoch)
        assert largest(epoch_itr.frozen_batches, data) <= 120
    by_stored = task.get_batch_iterator(pairs, max_tokens=120, epoch=1)
    assert largest(by_stored.frozen_batches, data) > 120


@pytest.fixture
def no_workers_left():
    """End the loaders' processes, for each of which a later test would wait five seconds."""
    yield
    for process in multiprocessing.active_children():
        process.terminate()


@pytest.mark.usefixtures("no_workers_left")
@pytest.mark.parametrize("workers", [0, 2])
def test_fairseqs_iterator_brings_every_epoch_its_own_pieces(pairs, model_files, workers):
    task = FairseqTask(None)
    data = sampled(pairs, model_files["unigram"])
    for epoch in (1, 2):
        expected = everything(sampled(pairs, model_files["unigram"], epoch=epoch))
        epoch_itr = task.get_batch_iterator(
            data, max_tokens=120, epoch=epoch, num_workers=workers, data_buffer_size=2
        )
        found = {}
        for batch in epoch_itr.next_epoch_itr():
            sides = (batch["net_input"]["src_tokens"], batch["target"])
            for row, index in enumerate(batch["id"].tolist()):
                found[index] = tuple(tuple(side[row][side[row].ne(1)].tolist()) for side in sides)
        assert [found[index] for index in range(len(data))] == expected
