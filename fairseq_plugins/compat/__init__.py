"""Repairs of fairseq: the only place of this project that touches fairseq itself.

One module is one repair and bears its name. It tells the fault in its docstring and has two
functions: ``needed()``, whether this fairseq has the fault, and ``apply()``. Leave repairs out by
name with ``S2S_COMPAT_SKIP=quiet,interactive``, or all of them with ``S2S_COMPAT_SKIP=all``.
"""

import os
from collections.abc import Mapping
from types import ModuleType

from ..errors import S2SError
from . import (
    async_checkpoints,
    atomic_checkpoint_copy,
    bf16_without_tpu,
    broadcast_checkpoints,
    code_in_options,
    corrupt_checkpoints,
    diverse_beam,
    failed_saves,
    finished_training,
    free_names,
    interactive,
    interrupt,
    keep_all_sentences,
    legacy_tasks,
    log_file_once,
    missing_libbleu,
    namespace_checkpoints,
    no_repeat_ngram,
    numpy_compat,
    one_sentence,
    patience,
    plain_checkpoints,
    pretrained_bart_args,
    print_alignment,
    pure_batching,
    quiet,
    replace_unk,
    resumed_batches,
    weights_only,
)

# In the order of application: the batching must exist before it can be repaired.
REPAIRS: Mapping[str, ModuleType] = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        one_sentence,
        quiet,
        log_file_once,
        free_names,
        weights_only,
        namespace_checkpoints,
        plain_checkpoints,
        legacy_tasks,
        broadcast_checkpoints,
        corrupt_checkpoints,
        code_in_options,
        atomic_checkpoint_copy,
        failed_saves,
        async_checkpoints,
        interrupt,
        patience,
        finished_training,
        resumed_batches,
        bf16_without_tpu,
        pure_batching,
        missing_libbleu,
        keep_all_sentences,
        diverse_beam,
        no_repeat_ngram,
        print_alignment,
        replace_unk,
        interactive,
        numpy_compat,
        pretrained_bart_args,
    )
}

_applied: set[str] = set()


def apply() -> None:
    """Apply every repair that is needed, wanted and not applied yet."""
    skipped = _skipped()
    for name, repair in REPAIRS.items():
        if name not in _applied and name not in skipped and repair.needed():
            repair.apply()
            _applied.add(name)


def _skipped() -> set[str]:
    """The names in ``S2S_COMPAT_SKIP``, each of which must be a repair's."""
    names = {name.strip() for name in os.environ.get("S2S_COMPAT_SKIP", "").split(",")} - {""}
    if names == {"all"}:
        return set(REPAIRS)
    unknown = sorted(names - set(REPAIRS))
    if unknown:
        one_sentence.apply()
        raise S2SError(
            f"S2S_COMPAT_SKIP names no repair {unknown[0]!r}: choose from "
            f"{', '.join(REPAIRS)}, or all."
        )
    return names
