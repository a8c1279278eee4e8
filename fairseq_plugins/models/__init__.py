"""The registered models; fairseq imports every file of this folder for ``--user-dir``."""

from . import hred, other_encoders, papers
from .s2s import S2SConfig, S2SModel, S2STinyConfig, S2STinyModel
from .s2s_attn import S2SAttnConfig, S2SAttnModel, S2SAttnTinyConfig, S2SAttnTinyModel

__all__ = [
    "S2SAttnConfig",
    "S2SAttnModel",
    "S2SAttnTinyConfig",
    "S2SAttnTinyModel",
    "S2SConfig",
    "S2SModel",
    "S2STinyConfig",
    "S2STinyModel",
    "hred",
    "other_encoders",
    "papers",
]
