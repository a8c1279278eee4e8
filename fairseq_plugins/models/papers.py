"""The presets: models that are papers.

Each is a configuration that changes numbers and choices of ``s2s`` or ``s2s_attn``, at the size of
the paper, and one overridden hook where the paper needs it. Every option can still be changed, so
that a paper is the start of an experiment; what the options could not express is named under
"left out". ``tests/fairseq_plugins/test_papers.py`` compares each with its equations in NumPy.
Those whose encoder is not recurrent stand in :mod:`.other_encoders`.
"""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
from dataclasses import replace

from fairseq.data import Dictionary
from fairseq.models import register_model
from omegaconf import II

from ..modules.cho_decoder import ChoDecoder, ContextGRUCell
from ..modules.embedding import Embedding
from ..modules.encoder import MemoryEncoder
from ..modules.previous_readout_decoder import PreviousReadoutDecoder
from ..modules.rnn import CellRNN
from ._building import build_output, cell_options
from ._options import preset
from ._validation import check_memory_is_read, refuse_changed, refuse_other
from .s2s import S2SConfig, S2SModel
from .s2s_attn import S2SAttnConfig, S2SAttnModel


@preset
class Sutskever2014Config(S2SConfig):
    """Sutskever, Vinyals and Le (2014), "Sequence to Sequence Learning with Neural Networks".

    arXiv:1409.3215, sections 2 and 3.4: four LSTM layers of 1000 cells on each side, the source
    read backwards (3.3), the last state of each layer as the first of the decoder's, a softmax
    straight from the top layer. fairseq's sources end in ``</s>``, which is then read first.

    Left out: the peepholes of Graves' LSTM, the uniform first weights of 0.08, SGD with gradients
    scaled to norm 5 (flags of fairseq-train), the ensemble of five.
    """

    rnn_type = "lstm"
    encoder_embed_dim = 1000
    encoder_hidden_size = 1000
    encoder_layers = 4
    encoder_direction = "backward"
    decoder_embed_dim = 1000
    decoder_hidden_size = 1000
    decoder_layers = 4
    bridge = "last"
    readout = "state"
    decoder_out_embed_dim = II("model.decoder_hidden_size")
    dropout = 0.0


@register_model("s2s_sutskever2014", dataclass=Sutskever2014Config)
class Sutskever2014Model(S2SModel):
    """A deep LSTM that reads the source backwards; C is the decoder's first state."""


@preset
class Cho2014Config(S2SConfig):
    """Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder".

    arXiv:1406.1078, section 2.3 and appendix A: a GRU of 1000 units on each side, whose reset gate
    stands before the recurrent matrix (eq. 8); c = tanh(V h_T) and s_0 = tanh(V' c); c at every
    step, in the decoder within the reset gate's reach (A.2), and in the readout of 500 maxout
    units over state, word and c.

    Left out: the output matrix as a product of rank 100; the scoring of phrase pairs.
    """

    rnn_type = "gru"
    gru_reset = "before"
    encoder_embed_dim = 100
    encoder_hidden_size = 1000
    encoder_direction = "forward"
    decoder_embed_dim = 100
    decoder_hidden_size = 1000
    bridge = "summary"
    readout = "maxout"
    decoder_out_embed_dim = 500
    dropout = 0.0


@register_model("s2s_cho2014", dataclass=Cho2014Config)
class Cho2014Model(S2SModel):
    """A GRU that is given C at every step; its unit and its readout are the paper's own."""

    @classmethod
    def build_decoder(
        cls,
        cfg: Cho2014Config,
        dictionary: Dictionary,
        embed_tokens: Embedding,
        encoder: MemoryEncoder,
    ) -> ChoDecoder:
        """The decoder of appendix A.2."""
        check_memory_is_read(cfg)
        why = "the decoder of s2s_cho2014 is the paper's; --arch s2s --context-every-step takes it"
        refuse_other(cfg, "decoder_rnn_type", "gru", why)
        refuse_other(cfg, "bridge", "summary", why)
        refuse_other(cfg, "decoder_layers", 1, why)
        refuse_changed(cfg, Cho2014Config, ["context_every_step"], "C is at every step anyway")
        hidden_dim, embed_dim = cfg.decoder_hidden_size, cfg.decoder_embed_dim
        options = replace(cell_options(cfg, "decoder"), reset_before=False)
        dims = {"output": hidden_dim, "embedded": embed_dim, "context": hidden_dim}
        if str(cfg.readout) == "state":
            dims = {"output": hidden_dim}
        return ChoDecoder(
            dictionary,
            embed_tokens,
            rnn=CellRNN(ContextGRUCell(options, hidden_dim), embed_dim),
            bridge=cls.build_bridge(cfg, encoder),
            **build_output(cfg, dictionary, embed_tokens, dims),
        )


@preset
class Bahdanau2015Config(S2SAttnConfig):
    """Bahdanau, Cho and Bengio (2015), "Neural Machine Translation by Jointly Learning to Align".

    arXiv:1409.0473, section 3 and appendix A (RNNsearch): a bidirectional GRU of 1000 units per
    direction, embeddings of 620, the first state from the backward direction's last
    (A.2.2), the additive score of 1000 units with the previous state as query (A.1.2), the context
    in the cell, and the readout of 500 maxout units over state, word and context.

    The readout takes the previous state, as A.2.2 prints it and as the authors' code has it; the
    s_t of eq. 4 is that of ``s2s_attn``, and of this preset with another ``--attention-query``.

    Left out: Adadelta, the normal first weights of deviation 0.01 and 0.001 (orthogonal recurrent
    ones as in appendix B.1), the cell's biases where the paper omits them.
    """

    rnn_type = "gru"
    gru_reset = "before"
    encoder_embed_dim = 620
    encoder_hidden_size = 1000
    decoder_embed_dim = 620
    decoder_hidden_size = 1000
    bridge = "transform-backward"
    attention_dim = 1000
    readout = "maxout"
    decoder_out_embed_dim = 500
    dropout = 0.0


@register_model("s2s_bahdanau2015", dataclass=Bahdanau2015Config)
class Bahdanau2015Model(S2SAttnModel):
    """RNNsearch: the first attention."""

    early = PreviousReadoutDecoder


@preset
class Luong2015Config(S2SAttnConfig):
    """Luong, Pham and Manning (2015), "Effective Approaches to Attention-based NMT".

    arXiv:1508.04025, section 3: four LSTM layers of 1000 cells on each side, the source reversed,
    layer to layer first states, the top layer's *current* state as query, the general score (eq.
    8; ``--attention-score dot`` or ``additive``, their "concat"), the attentional state tanh(W [c;
    s]) (eq. 5) with input feeding (3.3), dropout 0.2. ``--attention-window local-p`` is their
    predictive alignment (3.2).

    Left out: the location-based score (eq. 8, no function of the source), local-m, plain SGD.
    local-p's alignment is normalised after the Gaussian (eq. 10 is not), and W has a bias.
    """

    rnn_type = "lstm"
    encoder_embed_dim = 1000
    encoder_hidden_size = 1000
    encoder_layers = 4
    encoder_direction = "backward"
    decoder_embed_dim = 1000
    decoder_hidden_size = 1000
    decoder_layers = 4
    bridge = "last"
    attention_dim = 1000
    attention_score = "general"
    attention_query = "current"
    context_to = "input-feeding"
    embed_to = "cell"
    decoder_out_embed_dim = II("model.decoder_hidden_size")
    dropout = 0.2


@register_model("s2s_luong2015", dataclass=Luong2015Config)
class Luong2015Model(S2SAttnModel):
    """A deep LSTM that moves first and then looks."""


@preset
class CGRUConfig(S2SAttnConfig):
    """The conditional GRU of Nematus (Sennrich et al., 2017, "Nematus: a Toolkit for NMT").

    arXiv:1703.04357, section 2: a bidirectional GRU, the first state from the mean of all states,
    two transitions per word with the attention between them, a tanh readout over state, word and
    context. Sizes as in Nematus: embeddings 512, 1000 units, the score as wide as the memory.

    Left out: the biases' places differ (every map here has one).
    """

    rnn_type = "gru"
    encoder_embed_dim = 512
    encoder_hidden_size = 1000
    decoder_embed_dim = 512
    decoder_hidden_size = 1000
    bridge = "transform-all"
    attention_dim = 2000
    attention_query = "between"
    dropout = 0.2


@register_model("s2s_cgru", dataclass=CGRUConfig)
class CGRUModel(S2SAttnModel):
    """Two transitions per word: one from the word, one from what it made the decoder look at."""


@preset
class GNMTConfig(S2SAttnConfig):
    """Wu et al. (2016), "Google's Neural Machine Translation System".

    arXiv:1609.08144, section 3: eight LSTM layers of 1024 on each side, the encoder's lowest
    bidirectional, residual connections from the third layer on (eq. 6), the previous output of
    the decoder's lowest layer as query of a feed-forward score (eq. 4), the context to the cells
    of all layers, a softmax straight from the top layer. The paper does not say how the decoder
    starts; here at 0.

    Left out: model parallelism, quantised inference, reinforcement learning.
    """

    rnn_type = "lstm"
    encoder_embed_dim = 1024
    encoder_hidden_size = 1024
    encoder_layers = 8
    encoder_direction = "bidirectional-first"
    decoder_embed_dim = 1024
    decoder_hidden_size = 1024
    decoder_layers = 8
    residual_from = 3
    bridge = "zero"
    attention_dim = 1024
    context_to = "cell"
    context_layers = "all"
    embed_to = "cell"
    readout = "state"
    decoder_out_embed_dim = II("model.decoder_hidden_size")
    dropout = 0.2


@register_model("s2s_gnmt", dataclass=GNMTConfig)
class GNMTModel(S2SAttnModel):
    """A deep residual LSTM whose lowest layer attends for all."""


@preset
class RNMTPlusConfig(S2SAttnConfig):
    """Chen et al. (2018), "The Best of Both Worlds" (RNMT+).

    arXiv:1804.09849, section 4.1: six bidirectional LSTM layers and eight decoder layers of 1024,
    layer normalisation of each gate, no tanh on a cell's output, residual connections from the
    third layer on, a projection of the encoder's outputs, the additive attention of GNMT with four
    heads, its context to the cells of all layers and to the softmax.

    Left out: the softmax straight from [s_t; c_t], which here goes through a linear readout so that
    the embedding's weights can be shared; and what belongs to the training, label smoothing 0.1
    (``--criterion label_smoothed_cross_entropy --label-smoothing 0.1``), the learning rate's
    schedule, synchronous training.
    """

    rnn_type = "lstm"
    cell_norm = "per-gate"
    lstm_output = "linear"
    encoder_out_dim = II("model.encoder_hidden_size")
    encoder_embed_dim = 1024
    encoder_hidden_size = 1024
    encoder_layers = 6
    decoder_embed_dim = 1024
    decoder_hidden_size = 1024
    decoder_layers = 8
    residual_from = 3
    bridge = "zero"
    attention_dim = 1024
    attention_score = "multi-head-additive"
    attention_heads = 4
    context_layers = "all"
    embed_to = "cell"
    readout = "linear"
    decoder_out_embed_dim = II("model.decoder_hidden_size")
    dropout = 0.3


@register_model("s2s_rnmtplus", dataclass=RNMTPlusConfig)
class RNMTPlusModel(S2SAttnModel):
    """GNMT with what the Transformer taught: layer normalisation and several heads."""
