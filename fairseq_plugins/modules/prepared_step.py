"""A decoder's step for generation, made from trained weights that will not change any more."""

from collections.abc import Sequence
from typing import cast

import torch
from fairseq.models import FairseqEncoder
from torch import Tensor, nn

from ..ops.decoding_step import DecodingStep, Sentences, sentences
from ..ops.packed_linear import Product, pack_linear
from .attention import BahdanauAttention
from .attention_decoder import AttentionRNNDecoder
from .bridge import EncoderOut
from .cells import State, join_layers, select_layers
from .decoder import BaseRNNDecoder, Unrolled
from .fast import may_be_fast
from .readout import DeepOutput, LinearReadout, MaxoutReadout, StateReadout
from .rnn import RNN

ROWS = 8  # for which weights are packed: about the hypotheses of a chat; any number is right
TABLE_NUMBERS = 2**25  # of the table of all words' shares, 128 MB; a larger one is not made
PREPARED = ("prepared", "prepared_exponential")  # entries of encoder_out, see ops.decoding_step
READOUTS = (StateReadout, LinearReadout, DeepOutput, MaxoutReadout)


def prepare(
    encoder: FairseqEncoder, decoder: BaseRNNDecoder, precision: str, need_attn: bool
) -> None:
    """Make a model fast for generation; its weights must not change any more.

    Args:
        precision: of the products' operands, see ``pack_linear``
        need_attn: whether alignments are wanted
    """
    decoder.need_attn = need_attn
    if not may_be_fast(decoder):
        return
    for module in (*encoder.modules(), *decoder.modules()):
        if isinstance(module, RNN):
            module.prepare(precision)
    if can_prepare(decoder):
        decoder.prepared = PreparedStep(decoder, precision)
        pack_linears(decoder.output_proj, precision)
    else:
        pack_linears(decoder, precision)


def pack_linears(module: nn.Module | None, precision: str) -> None:
    """Let every ``nn.Linear`` in a module compute with packed weights."""
    for part in module.modules() if module is not None else ():
        # A subclass with its own forward pass (a mixture of softmaxes) computes something else.
        if isinstance(part, nn.Linear) and type(part).forward is nn.Linear.forward:
            packed = pack_linear(part.weight, part.bias, rows=ROWS, precision=precision)
            part.forward = packed  # type: ignore[assignment, method-assign]


def can_prepare(decoder: BaseRNNDecoder) -> bool:
    """Whether :class:`PreparedStep` computes exactly what this decoder does."""
    return (
        isinstance(decoder, AttentionRNNDecoder)
        and type(decoder).unroll is AttentionRNNDecoder.unroll
        and decoder.can_fuse()
        and type(decoder.readout) in READOUTS
        and not decoder.context_to_all_layers
        and decoder.pointer is None
        and decoder.cell.recurrent.weight.dtype in (torch.float32, torch.float64)
    )


class PreparedStep:
    r"""The step of an :class:`AttentionRNNDecoder`, with what it needs of words and sentences.

    The word's share of gates and readout is looked up in a table over the vocabulary; the
    context's share of both is made from the memory before anything is mixed, so that the context
    itself is never made:

    .. math::
        [g_t; r_t] = T_{y_{t-1}} + \sum_j a_{tj} ([W_c; R_c] h_j), \quad
        t_t = \mathrm{act}(R_s s_t + r_t)

    Args:
        decoder: one for which :func:`can_prepare` holds
        precision: of the products' operands, see ``pack_linear``
    """

    def __init__(self, decoder: AttentionRNNDecoder, precision: str) -> None:
        self.decoder = decoder
        cell, gates = decoder.cell, decoder.embed_gates
        attention = cast(BahdanauAttention, decoder.attention)  # see can_prepare
        readout = decoder.readout if isinstance(decoder.readout, LinearReadout) else None
        self.readout = readout
        parts: dict[str, Tensor | None] = dict.fromkeys(("output", "context", "embedded"))
        bias = None
        if readout is not None:
            parts |= dict(zip(decoder.readout_inputs, readout.split_weight(), strict=True))
            bias = readout.proj.bias
        self.step = DecodingStep(
            cell.options.rnn_type,
            join(
                (attention.query_proj.weight, None),
                (cell.recurrent.weight, cell.recurrent.bias),
                precision=precision,
            ),
            (attention.energy_vector() / attention.temperature).detach(),
        )
        of_context = (decoder.context_gates.weight, None), (parts["context"], None)
        self.from_context = join(*of_context, precision=precision)
        self.from_output = None
        if readout is not None:
            self.from_output = join((parts["output"], bias), precision=precision)
        self.from_word = join((gates.weight, gates.bias), (parts["embedded"], None))
        self.gates_dim = gates.out_features
        self.table = self._table()

    def _table(self) -> Tensor | None:
        """What each word gives to gates and readout (vocabulary, shares), unless it is large."""
        embedding = self.decoder.embed_tokens
        one = self.from_word(embedding(embedding.weight.new_zeros(1, dtype=torch.long)))
        if embedding.num_embeddings * one.size(1) > TABLE_NUMBERS:
            return None
        words = torch.arange(embedding.num_embeddings, device=one.device)
        return self.from_word(embedding(words)).detach()

    @torch.no_grad()
    def __call__(self, tokens: Tensor, state: State, encoder_out: EncoderOut) -> Unrolled:
        """One word (rows, 1) of each hypothesis; see :meth:`BaseRNNDecoder.unroll`."""
        decoder, names = self.decoder, self.decoder.cell.state_names
        words = tokens[:, 0]
        if self.table is not None:
            gates, of_word = self.table.index_select(0, words).tensor_split([self.gates_dim], 1)
        else:
            embedded = decoder.embed_tokens(words)
            gates, of_word = self.from_word(embedded).tensor_split([self.gates_dim], 1)
        before = {name: state[name][:, 0] for name in names}
        source = self._source(encoder_out)
        hidden, cell, of_context, alignment = self.step(
            source, gates, before["hidden"], before.get("cell")
        )
        output = hidden.unsqueeze(1)
        last = {"hidden": output}
        if cell is not None:
            last["cell"] = cell.unsqueeze(1)
        if decoder.upper is not None:
            above = select_layers({name: state[name] for name in names}, slice(1, None))
            output, above = decoder.upper(output, above)
            last = join_layers(last, above)
        features = self._read(output[:, 0], (of_word, of_context)).unsqueeze(1)
        return Unrolled(output, None, None, alignment.unsqueeze(1), last, features)

    def _read(self, output: Tensor, shares: Sequence[Tensor]) -> Tensor:
        """The readout's features (rows, features_dim); a share of no column is none."""
        if self.from_output is None or self.readout is None:
            return output.clone()  # the state's own; fairseq divides a decoder's output in place
        sums = self.from_output(output)
        for share in shares:
            if share.size(1):
                sums = sums + share
        return self.readout.activate(sums)

    def _source(self, encoder_out: EncoderOut) -> Sentences:
        """What the step reads of the source, made at the first step of a batch."""
        for exponential, name in enumerate(PREPARED):
            if name in encoder_out:
                keys, values, bias = encoder_out[name]
                return Sentences(keys, values, bias, bool(exponential))
        memory, keys = encoder_out["memory"][0], encoder_out["keys"][0]
        source = sentences(keys, self.from_context(memory), encoder_out["padding_mask"][0])
        encoder_out[PREPARED[source.exponential]] = list(source[:3])
        return source


def join(*parts: tuple[Tensor | None, Tensor | None], precision: str = "fp32") -> Product:
    """One product for several (weight, bias) over the same input; a part without weight is none."""
    present = [(weight, bias) for weight, bias in parts if weight is not None]
    weight = torch.cat([weight for weight, _ in present])
    biases = [weight.new_zeros(len(w)) if b is None else b for w, b in present]
    return pack_linear(weight, torch.cat(biases), rows=ROWS, precision=precision)
