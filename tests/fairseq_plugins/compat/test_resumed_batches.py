"""Tests of the batches of a training that resumes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fairseq.data import Dictionary, LanguagePairDataset, ListDataset
from fairseq.tasks import FairseqTask
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from fairseq_plugins.compat import resumed_batches
from fairseq_plugins.compat.patching import original

from .conftest import of_the_fork

SENTENCES = 60


def make_task() -> tuple[TranslationTask, LanguagePairDataset]:
    """A task as in a new process, and its training set: many sentences of few lengths."""
    dictionary = Dictionary()
    task = TranslationTask(TranslationConfig(), dictionary, dictionary)
    sizes = np.arange(SENTENCES) % 3 + 1
    sentences = ListDataset([np.zeros(size, np.int64) for size in sizes], sizes)
    return task, LanguagePairDataset(sentences, sizes, dictionary)


def batches(epoch: int, upstream: bool = False, **flags: bool) -> list[list[int]]:
    """What a training that begins with an epoch reads in it, in its order."""
    task, dataset = make_task()
    get = task.get_batch_iterator
    if upstream:
        get = original(FairseqTask, "get_batch_iterator").__get__(task)
    iterator = get(dataset, max_sentences=4, seed=1, epoch=epoch, **flags)
    assert iterator.epoch == epoch
    return [list(map(int, batch)) for batch in iterator.ordered_batches(2, False, True)]


@of_the_fork
def test_upstream_still_makes_others() -> None:
    assert resumed_batches.needed()
    assert batches(2, upstream=True) != batches(1, upstream=True)


def test_a_later_epoch_has_the_batches_of_the_first() -> None:
    expected = batches(1, upstream=True)
    assert batches(1) == batches(2) == expected
    assert sorted(number for batch in batches(7) for number in batch) == [*range(SENTENCES)]


@pytest.mark.parametrize("flag", ["disable_iterator_cache", "update_epoch_batch_itr"])
def test_where_each_epoch_has_its_own_they_stay(flag: str) -> None:
    assert batches(2, **{flag: True}) == batches(2, upstream=True, **{flag: True})


def test_an_iterator_of_this_process_is_used_again() -> None:
    task, dataset = make_task()
    options = SimpleNamespace(max_sentences=4, seed=1)
    first = task.get_batch_iterator(dataset, **vars(options), epoch=1)
    assert task.get_batch_iterator(dataset, **vars(options), epoch=2) is first


def test_the_training_is_told_apart_from_its_validation(tmp_path: Path) -> None:
    """Validation always asks for the first epoch, and gets it as it was."""
    task, dataset = make_task()
    assert task.get_batch_iterator(dataset, max_sentences=4, seed=1).epoch == 1
