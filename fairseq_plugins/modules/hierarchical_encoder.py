"""The hierarchical encoder of a dialogue: words make turns, turns make a context (HRED)."""

from typing import Any

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

from .bridge import EncoderOut
from .cells import State
from .dropout import Dropout
from .embedding import Embedding
from .encoder import MemoryEncoder
from .rnn import RNN
from .stack import Stack


def turn_ends(tokens: Tensor, padding_mask: Tensor, separator: int) -> Tensor:
    """True on each word that ends a turn: a separator, or the last of its row.

    Shape: tokens, padding_mask and result (batch, len), padded on either side
    """
    last = padding_mask[:, 1:] & ~padding_mask[:, :-1]
    last = torch.cat([last, ~padding_mask[:, -1:]], dim=1)
    return last | tokens.eq(separator)


def group(items: Tensor, lengths: Tensor, fill: int = 0) -> tuple[Tensor, Tensor]:
    """Cut ``items`` (sum of lengths, ...) into right-padded groups of ``lengths`` (groups,).

    Returns:
        the groups (groups, longest, ...), and where their items stand, (groups, longest):
        ``grouped[inside]`` are the ``items`` again
    """
    slots = torch.arange(int(lengths.max()), device=lengths.device)
    inside = slots < lengths.unsqueeze(1)
    grouped = items.new_full((*inside.shape, *items.shape[1:]), fill)
    grouped[inside] = items
    return grouped, inside


class HierarchicalEncoder(MemoryEncoder):
    r"""A token RNN reads each turn on its own, a context RNN reads the turns' vectors.

    .. math::
        h_{n,j} = f(h_{n,j-1}, x_{n,j}), \quad h_{n,0} = 0, \quad
        s_n = g(s_{n-1}, h_{n,T_n}), \quad
        m_{n,j} = [h_{n,j}; s_n]

    The hierarchical recurrent encoder of Sordoni et al. (2015, arXiv:1507.02221, section 3) and,
    for dialogues, of Serban et al. (2016, arXiv:1507.04808): a turn n is its words up
    to and including its separator, the last one ends with the source; :math:`h_{n,T_n}` is the
    last state of the token RNN's top layer, both directions side by side; the last :math:`s_n` is
    the encoder's state, from which they start the decoder.

    Their decoder has no attention. For ours the memory holds the words' states, since equal words
    in different turns must differ (their states do not know of other turns), each beside its
    turn's :math:`s_n`: one attention over words that knows their turns, where Xing et al. (2018,
    arXiv:1701.07149) have one over words and a second over turns.

    Args:
        dictionary: the source dictionary
        embed_tokens: the source embedding
        token_rnn: f, in any direction
        context_rnn: g, forward only; its input is of the size of ``token_rnn``'s output
        separator: the index of the symbol that ends a turn
        word_dropout: replaces words by ``<unk>`` in training; turns stay as they are
        dropout_in: dropout on the embeddings
        dropout_out: dropout on the memory

    Raises:
        ValueError: for a separator that is no symbol of the dictionary, padding or ``<unk>``
    """

    def __init__(
        self,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        token_rnn: RNN | Stack,
        context_rnn: RNN | Stack,
        *,
        separator: int,
        word_dropout: nn.Module | None = None,
        dropout_in: Dropout | None = None,
        dropout_out: Dropout | None = None,
    ) -> None:
        super().__init__(dictionary)
        outside = not 0 <= separator < len(dictionary)
        if outside or separator in (dictionary.pad(), dictionary.unk()):
            raise ValueError(
                f"the separator ({separator}) must be one of the source dictionary's "
                f"{len(dictionary)} symbols, and neither padding ({dictionary.pad()}) nor the "
                f"unknown word ({dictionary.unk()})"
            )
        self.embed_tokens = embed_tokens
        self.token_rnn = token_rnn
        self.context_rnn = context_rnn
        self.separator = separator
        self.word_dropout = word_dropout or nn.Identity()
        self.dropout_in = dropout_in or Dropout(0.0)
        self.dropout_out = dropout_out or Dropout(0.0)
        self.output_dim = token_rnn.output_dim + context_rnn.output_dim
        self.state_names = context_rnn.state_names
        self.state_layers = context_rnn.state_layers
        self.state_dim = context_rnn.output_dim

    def forward(
        self, src_tokens: Tensor, src_lengths: Tensor | None = None, **unused: Any
    ) -> EncoderOut:
        """See :meth:`MemoryEncoder.forward`; the state is the context RNN's after the last turn."""
        padding_mask = src_tokens.eq(self.dictionary.pad())
        ends = turn_ends(src_tokens, padding_mask, self.separator)
        words = self.word_dropout(src_tokens)[~padding_mask]  # (words,), row by row
        bounds = ends[~padding_mask].nonzero().squeeze(1)
        lengths = bounds.diff(prepend=bounds.new_full((1,), -1))  # (turns,), row by row

        states, vectors = self.read_turns(words, lengths)
        contexts, last = self.read_context(vectors, ends.sum(dim=1))
        found = torch.cat([states, contexts.repeat_interleave(lengths, dim=0)], dim=-1)
        memory = found.new_zeros(*src_tokens.shape, self.output_dim)
        memory[~padding_mask] = found
        return {
            "memory": [self.dropout_out(memory)],
            "padding_mask": [padding_mask],
            "src_tokens": [src_tokens],
            **{name: [tensor] for name, tensor in last.items()},
        }

    def read_turns(self, words: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Words (words,) -> their states (words, token_dim); turns' vectors (turns, token_dim).

        All turns of the batch are one batch of the token RNN.
        """
        turns, inside = group(words, lengths, fill=self.dictionary.pad())
        embedded = self.dropout_in(self.embed_tokens(turns))
        outputs, state = self.token_rnn.forward_padded(embedded, lengths)
        return outputs[inside], state["hidden"][:, -1]

    def read_context(self, vectors: Tensor, counts: Tensor) -> tuple[Tensor, State]:
        """Turns' vectors (turns, token_dim) -> contexts (turns, context_dim) and the last state.

        ``counts`` (batch,) are the turns of each row.
        """
        dialogues, inside = group(vectors, counts)
        outputs, state = self.context_rnn.forward_padded(dialogues, counts.clamp(min=1))
        return outputs[inside], state
