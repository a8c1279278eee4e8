"""A researcher's own package: fairseq-train --user-dir outside_plugin --arch my_dot_attn."""

import torch
from fairseq.models import register_model

import fairseq_plugins.models  # noqa: F401  (registers ours, when this is the --user-dir)
from fairseq_plugins.models import S2SAttnTinyConfig, S2SAttnTinyModel
from fairseq_plugins.modules.attention import BahdanauAttention


class DotAttention(BahdanauAttention):
    """e_tj = s_{t-1} . W_h h_j"""

    def energies(self, query, keys, features):
        return torch.bmm(query, keys.transpose(1, 2))


class DotConfig(S2SAttnTinyConfig):
    pass


@register_model("my_dot_attn", dataclass=DotConfig)
class DotModel(S2SAttnTinyModel):
    @classmethod
    def build_attention(cls, cfg, memory_dim):
        return DotAttention(cfg.decoder_hidden_size, memory_dim, cfg.decoder_hidden_size)
