"""JoeyNMT's RNN model (Kreutzer et al., 2019, arXiv:1907.12484) as a fairseq model."""

from types import SimpleNamespace
from typing import Any

from fairseq.data import Dictionary
from torch import Tensor, nn

from .peers import Peer, import_peer, tied_output
from .sizes import Sizes


class JoeyModel(Peer):
    """JoeyNMT's ``Model``."""

    def __init__(self, model: nn.Module, padding: int) -> None:
        super().__init__(padding)
        self.model = model

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor, prev_output_tokens: Tensor
    ) -> tuple[Tensor, None]:
        """Logits (batch, tgt_len, vocabulary)."""
        source = self.right_padded(src_tokens)
        logits, *_ = self.model._encode_decode(
            src=source,
            trg_input=prev_output_tokens,
            src_mask=source.ne(self.padding).unsqueeze(1),
            src_length=src_lengths,
        )
        return logits, None

    def search(self, net_input: dict[str, Tensor], steps: int, beam: int) -> Any:
        """JoeyNMT's own beam search, of exactly so many steps."""
        [search] = import_peer("joeynmt", "search")
        source = self.right_padded(net_input["src_tokens"])
        mask = source.ne(self.padding).unsqueeze(1)
        memory, state = self.model._encode(
            src=source, src_length=net_input["src_lengths"], src_mask=mask
        )
        return search.beam_search(
            self.model, beam, memory, state, mask, steps, alpha=-1, min_output_length=steps
        )


def build_joeynmt(
    rnn_type: str, sizes: Sizes, dictionary: Dictionary, *, tied: bool = False
) -> JoeyModel:
    """JoeyNMT's RNN model.

    Raises:
        ImportError: where JoeyNMT cannot be imported
    """
    parts = import_peer("joeynmt", "model", "encoders", "decoders", "embeddings")
    model, encoders, decoders, embeddings = parts
    given = {
        "rnn_type": rnn_type,
        "hidden_size": sizes.hidden_dim,
        "emb_size": sizes.embed_dim,
        "emb_dropout": sizes.dropout,
    }
    vocabulary, padding = len(dictionary), dictionary.pad()
    embed = embeddings.Embeddings(sizes.embed_dim, vocab_size=vocabulary, padding_idx=padding)
    encoder = encoders.RecurrentEncoder(bidirectional=True, **given)
    decoder = decoders.RecurrentDecoder(
        encoder=encoder, vocab_size=vocabulary, hidden_dropout=sizes.dropout, **given
    )
    if tied:
        decoder.output_layer = tied_output(sizes, embed.lut)
    symbols = SimpleNamespace(
        pad_index=padding,
        bos_index=dictionary.eos(),  # fairseq begins with </s>
        eos_index=dictionary.eos(),
        unk_index=dictionary.unk(),
        sep_index=None,
        specials=[],
        lang_tags=[],
    )
    joined = model.Model(encoder, decoder, embed, embed, symbols, symbols)
    return JoeyModel(joined, padding)
