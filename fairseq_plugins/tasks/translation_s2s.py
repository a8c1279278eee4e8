"""``--task translation_s2s``: translation, with a beam search that has less bookkeeping."""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

from fairseq.models import BaseFairseqModel
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from ._lean_generator import LeanSequenceGenerator


@dataclass
class TranslationS2SConfig(TranslationConfig):
    """The options of ``translation``."""


@register_task("translation_s2s", dataclass=TranslationS2SConfig)
class TranslationS2STask(TranslationTask):
    """Translation whose searches run in :class:`LeanSequenceGenerator`; the output is the same.

    Checkpoints of either task work with the other. A search with ``--print-alignment`` remains
    fairseq's own, which makes alignments of what it has found.
    """

    def build_generator(
        self,
        models: Sequence[BaseFairseqModel],
        args: Any,
        seq_gen_cls: Optional[type] = None,
        *rest: Any,
        **options: Any,
    ) -> Any:
        """The generator that ``args`` ask for; the lean one where it would be the plain one.

        What else fairseq's method takes differs between its versions and is handed on.
        """
        if seq_gen_cls is None and not getattr(args, "print_alignment", False):
            seq_gen_cls = LeanSequenceGenerator
        return super().build_generator(models, args, seq_gen_cls, *rest, **options)
