"""What the tests of the lean search share: both generators side by side, and a model of a table."""

from unittest import mock

import torch
from fairseq.data import Dictionary
from fairseq.models import FairseqEncoder, FairseqEncoderDecoderModel, FairseqIncrementalDecoder
from fairseq.sequence_generator import SequenceGenerator

from fairseq_plugins.tasks import _lean_generator
from fairseq_plugins.tasks._lean_generator import LeanSequenceGenerator

KEYS = ["tokens", "score", "attention", "alignment", "positional_scores"]


def by_fairseq(models, dictionary, batch, *, call=None, **options):
    """The n-best lists by fairseq's generator; ``call`` are further arguments of its call."""
    return SequenceGenerator(models, dictionary, **options).generate(models, batch, **(call or {}))


def by_lean(models, dictionary, batch, *, call=None, **options):
    """The same by ours, which must not have asked fairseq's search."""
    generator = LeanSequenceGenerator(models, dictionary, **options)
    with mock.patch.object(SequenceGenerator, "_generate", side_effect=AssertionError("fallback")):
        return generator.generate(models, batch, **(call or {}))


def by_fallback(models, dictionary, batch, *, call=None, **options):
    """The same by ours, which must have left everything to fairseq's search."""
    generator = LeanSequenceGenerator(models, dictionary, **options)
    with mock.patch.object(_lean_generator, "Search", side_effect=AssertionError("no fallback")):
        return generator.generate(models, batch, **(call or {}))


def assert_same(found, expected) -> None:
    """The same lists: order, keys, tokens, scores and alignments, types and shapes."""
    assert [len(hypotheses) for hypotheses in found] == [len(h) for h in expected]
    for mine, other in zip(sum(found, []), sum(expected, []), strict=True):
        assert list(mine) == list(other) == KEYS
        assert mine["tokens"].tolist() == other["tokens"].tolist()
        for key in KEYS:
            torch.testing.assert_close(mine[key], other[key], rtol=1e-6, atol=1e-6)


class TableEncoder(FairseqEncoder):
    """Gives the source; every entry is batch-first."""

    def forward(self, src_tokens, src_lengths=None, **unused):
        return {"source": [src_tokens]}

    def reorder_encoder_out(self, encoder_out, new_order):
        return {"source": [encoder_out["source"][0].index_select(0, new_order)]}


class TableDecoder(FairseqIncrementalDecoder):
    """Logits that depend on the source's first word, the last word and the number of words."""

    def __init__(self, dictionary: Dictionary, table: torch.Tensor, wrap=None) -> None:
        super().__init__(dictionary)
        self.table = table
        self.wrap = wrap or (lambda logits, alignment: (logits, {"attn": [alignment]}))

    def forward(self, tokens, encoder_out=None, incremental_state=None, **unused):
        source = encoder_out["source"][0]
        alignment = (source * tokens[:, -1:]).double().sin().softmax(1).unsqueeze(1)
        return self.wrap(self.table[self.rows(tokens, source)].unsqueeze(1), alignment)

    def rows(self, tokens, source):
        """The rows of the table that speak."""
        return (source[:, 0] * 31 + tokens[:, -1] * 7 + tokens.size(1)) % len(self.table)


def table_model(dictionary: Dictionary, seed: int = 1, wrap=None, sharpness: float = 2.0):
    """A model of a random table."""
    generator = torch.Generator().manual_seed(seed)
    table = sharpness * torch.randn(101, len(dictionary), generator=generator)
    decoder = TableDecoder(dictionary, table, wrap)
    return FairseqEncoderDecoderModel(TableEncoder(dictionary), decoder)


def sources(dictionary: Dictionary, sentences: int, length: int = 5, seed: int = 1) -> dict:
    """A batch of random sources."""
    generator = torch.Generator().manual_seed(seed)
    shape = (sentences, length)
    tokens = torch.randint(dictionary.nspecial, len(dictionary), shape, generator=generator)
    lengths = torch.full((sentences,), length)
    return {"net_input": {"src_tokens": tokens, "src_lengths": lengths}}
