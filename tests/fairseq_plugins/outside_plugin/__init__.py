"""A researcher's own package: fairseq-train --user-dir outside_plugin --arch my_dot_attn."""

import torch
from fairseq.models import register_model

import fairseq_plugins.models  # noqa: F401  (registers ours, when this is the --user-dir)
from fairseq_plugins.models import S2SAttnTinyConfig, S2SAttnTinyModel
from fairseq_plugins.modules.attention import BahdanauAttention, masked_softmax


class DotAttention(BahdanauAttention):
    """e_tj = s_{t-1} . W_h h_j"""

    def forward(self, query, keys, memory, padding_mask):
        energies = torch.bmm(keys, query.unsqueeze(2)).squeeze(2)
        alignment = masked_softmax(energies, padding_mask)
        return torch.bmm(alignment.unsqueeze(1), memory).squeeze(1), alignment


class DotConfig(S2SAttnTinyConfig):
    pass


@register_model("my_dot_attn", dataclass=DotConfig)
class DotModel(S2SAttnTinyModel):
    @classmethod
    def build_attention(cls, cfg, memory_dim):
        return DotAttention(cfg.decoder_hidden_size, memory_dim, cfg.decoder_hidden_size)
