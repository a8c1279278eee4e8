"""OpenNMT-py's RNN model (Klein et al., 2017, arXiv:1701.02810) as a fairseq model."""

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

from .peers import Peer, import_peer, tied_output
from .sizes import Sizes


class OpenModel(Peer):
    """OpenNMT-py's encoder and decoder."""

    def __init__(self, rnn_type: str, sizes: Sizes, dictionary: Dictionary, tied: bool) -> None:
        super().__init__(dictionary.pad())
        encoders, decoders, modules = import_peer(
            "onmt", "encoders.rnn_encoder", "decoders.decoder", "modules"
        )
        hidden, cell = sizes.hidden_dim, rnn_type.upper()
        embed = modules.Embeddings(
            sizes.embed_dim, len(dictionary), dictionary.pad(), dropout=sizes.dropout
        )
        self.encoder = encoders.RNNEncoder(cell, True, 1, 2 * hidden, 0.0, embed)
        self.decoder = decoders.InputFeedRNNDecoder(
            cell, False, 1, hidden, attn_type="mlp", dropout=sizes.dropout, embeddings=embed
        )
        self.to_memory = nn.Linear(2 * hidden, hidden, bias=False)
        states = 2 if cell == "LSTM" else 1
        self.to_state = nn.ModuleList(nn.Linear(2 * hidden, hidden) for _ in range(states))
        self.output = nn.Linear(hidden, len(dictionary))  # its "generator"
        if tied:
            self.output = tied_output(sizes, embed.word_lut)
        for weight in self.parameters():  # its embedding comes with whatever memory held
            nn.init.uniform_(weight, -0.1, 0.1)

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor, prev_output_tokens: Tensor
    ) -> tuple[Tensor, None]:
        """Logits (batch, tgt_len, vocabulary)."""
        source = self.right_padded(src_tokens).unsqueeze(-1)
        memory, last, _ = self.encoder(source, src_lengths)
        last = last if isinstance(last, tuple) else (last,)
        both = [torch.cat([state[0:1], state[1:2]], dim=-1) for state in last]
        state = tuple(layer(x) for layer, x in zip(self.to_state, both, strict=True))
        self.decoder.init_state(source, None, state if len(state) > 1 else state[0])
        target = prev_output_tokens.unsqueeze(-1)
        features, _ = self.decoder(target, self.to_memory(memory), src_len=src_lengths)
        return self.output(features), None


def build_opennmt(
    rnn_type: str, sizes: Sizes, dictionary: Dictionary, *, tied: bool = False
) -> OpenModel:
    """OpenNMT-py's RNN model.

    Raises:
        ImportError: where OpenNMT-py cannot be imported
    """
    return OpenModel(rnn_type, sizes, dictionary, tied)
