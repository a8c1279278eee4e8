"""The registered tasks; fairseq imports every file of this folder for ``--user-dir``."""

from .translation_s2s import TranslationS2SConfig, TranslationS2STask
from .translation_subword_sampling import (
    TranslationSubwordSamplingConfig,
    TranslationSubwordSamplingTask,
)

__all__ = [
    "TranslationS2SConfig",
    "TranslationS2STask",
    "TranslationSubwordSamplingConfig",
    "TranslationSubwordSamplingTask",
]
