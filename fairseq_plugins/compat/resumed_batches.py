"""Fault: a training that resumes after its first epoch goes on with other batches.

Batches are made once, in an order drawn from the seed and the epoch in which that happens
(tasks/fairseq_task.py, ``get_batch_iterator``): the first one in an undisturbed training, the
present one after a restart. So the rest of the epoch repeats sentences and never comes to others,
and the training ends elsewhere. With this repair the batches are those of the first epoch, as they
are undisturbed. Tasks that make new ones for each epoch are left alone. Official 0.12.2 draws from
the seed only.
"""

import inspect
from collections.abc import Callable
from typing import Any

from fairseq.tasks import FairseqTask

from .patching import original, wrap

FIRST = 1


def needed() -> bool:
    """Whether the epoch is in the seed."""
    return "seed + epoch" in inspect.getsource(original(FairseqTask, "get_batch_iterator"))


def get_batch_iterator(
    upstream: Callable[..., Any], task: FairseqTask, dataset: Any, *args: Any, **kwargs: Any
) -> Any:
    """Make the batches as in the first epoch, for the epoch that is asked for."""
    epoch = kwargs.get("epoch", FIRST)
    anew = kwargs.get("disable_iterator_cache") or kwargs.get("update_epoch_batch_itr")
    if epoch == FIRST or anew or not task.can_reuse_epoch_itr(dataset):
        return upstream(task, dataset, *args, **kwargs)
    if dataset in task.dataset_to_epoch_iter:  # it was made in this process
        return upstream(task, dataset, *args, **kwargs)
    found = upstream(task, dataset, *args, **{**kwargs, "epoch": FIRST})
    found.epoch = epoch
    dataset.set_epoch(epoch)
    return found


def apply() -> None:
    """Wrap the method that makes all batches."""
    wrap(FairseqTask, "get_batch_iterator", get_batch_iterator)
