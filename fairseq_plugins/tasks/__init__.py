"""The registered tasks; fairseq imports every file of this folder for ``--user-dir``."""

from .translation_subword_sampling import (
    TranslationSubwordSamplingConfig,
    TranslationSubwordSamplingTask,
)

__all__ = ["TranslationSubwordSamplingConfig", "TranslationSubwordSamplingTask"]
