"""A model that copies: the t-th target word is the t-th source word, and is aligned to it."""

from dataclasses import dataclass, field

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.models import (
    FairseqEncoder,
    FairseqEncoderDecoderModel,
    FairseqIncrementalDecoder,
    register_model,
)
from torch import nn
from torch.nn.functional import one_hot


@dataclass
class CopyConfig(FairseqDataclass):
    """The options of the model."""

    no_attention: bool = field(default=False, metadata={"help": "return no alignment"})


class CopyEncoder(FairseqEncoder):
    """Keeps the source."""

    def forward(self, src_tokens, src_lengths=None, **unused):
        return {"src_tokens": [src_tokens]}

    def reorder_encoder_out(self, encoder_out, new_order):
        return {"src_tokens": [encoder_out["src_tokens"][0].index_select(0, new_order)]}

    def max_positions(self):
        return 1000


class CopyDecoder(FairseqIncrementalDecoder):
    """Says the source again; its one parameter is how sure it is."""

    def __init__(self, dictionary, attention):
        super().__init__(dictionary)
        self.attention = attention
        self.vocabulary = len(dictionary)  # --replace-unk adds to the dictionary
        self.sureness = nn.Parameter(torch.tensor(9.0))

    def forward(self, prev_output_tokens, encoder_out=None, incremental_state=None, **unused):
        src_tokens = encoder_out["src_tokens"][0]  # (batch, src_len), padded on the left
        padding = src_tokens.eq(self.dictionary.pad()).sum(dim=1, keepdim=True)
        column = padding + torch.arange(prev_output_tokens.size(1))
        column = column.clamp(max=src_tokens.size(1) - 1)  # (batch, tgt_len)
        logits = self.sureness * one_hot(src_tokens.gather(1, column), self.vocabulary)
        alignment = one_hot(column, src_tokens.size(1)).float()  # (batch, tgt_len, src_len)
        return logits, {"attn": [alignment]} if self.attention else None

    def max_positions(self):
        return 1000


@register_model("compat_copy", dataclass=CopyConfig)
class CopyModel(FairseqEncoderDecoderModel):
    """The two together."""

    @classmethod
    def build_model(cls, cfg, task):
        decoder = CopyDecoder(task.target_dictionary, not cfg.no_attention)
        return cls(CopyEncoder(task.source_dictionary), decoder)
