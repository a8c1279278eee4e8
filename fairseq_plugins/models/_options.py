"""The options of the models, by subject; fairseq does not import files that begin with ``_``.

Every option of a model is a field here or in the model's own file: flat, with a help text, and for
a bool False by default, as fairseq needs it.
"""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
import inspect
from dataclasses import dataclass, field, fields
from typing import Optional

from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from omegaconf import II

from ..modules.attentions import ATTENTIONS
from ..modules.bridge import BRIDGES
from ..modules.cells import NONLINEARITIES, RNN_TYPES
from ..modules.readout import READOUTS
from ..modules.scheduled_sampling import SCHEDULES
from ..ops.packed_linear import PRECISIONS

RNN_TYPE_CHOICES = ChoiceEnum(list(RNN_TYPES))
NONLINEARITY_CHOICES = ChoiceEnum(list(NONLINEARITIES))
DIRECTION_CHOICES = ChoiceEnum(["forward", "backward", "bidirectional", "bidirectional-first"])
BRIDGE_CHOICES = ChoiceEnum(list(BRIDGES))
GRU_RESET_CHOICES = ChoiceEnum(["after", "before"])
CELL_NORM_CHOICES = ChoiceEnum(["none", "layer", "per-gate"])
LSTM_OUTPUT_CHOICES = ChoiceEnum(["tanh", "linear"])
RECURRENT_INIT_CHOICES = ChoiceEnum(["orthogonal", "xavier"])
READOUT_CHOICES = ChoiceEnum(list(READOUTS))
SCHEDULE_CHOICES = ChoiceEnum(["none", *SCHEDULES])
SCORE_CHOICES = ChoiceEnum(list(ATTENTIONS))
HISTORY_CHOICES = ChoiceEnum(["none", "location", "coverage", "fertility-coverage"])
WINDOW_CHOICES = ChoiceEnum(["full", "local-p"])
QUERY_CHOICES = ChoiceEnum(["previous", "current", "between"])
CONTEXT_CHOICES = ChoiceEnum(["auto", "cell", "readout", "both", "input-feeding"])
LAYERS_CHOICES = ChoiceEnum(["first", "all"])
EMBED_CHOICES = ChoiceEnum(["cell", "both"])
PRECISION_CHOICES = ChoiceEnum(list(PRECISIONS))


def preset(cls: type) -> type:
    """A dataclass whose plain ``name = value`` changes the default of an inherited option.

    Type and help text stay as they are; an annotated name is a new option, as ever.

    Raises:
        AttributeError: for a name that no base class has as an option
    """
    inherited = {option.name: option for option in fields(cls.__mro__[1])}
    own = dict(inspect.get_annotations(cls))
    for name, value in list(vars(cls).items()):
        if name.startswith("_") or name in own:
            continue
        if name not in inherited:
            raise AttributeError(f"{cls.__name__}.{name} is no option of {cls.__mro__[1].__name__}")
        own[name] = inherited[name].type
        setattr(cls, name, field(default=value, metadata=dict(inherited[name].metadata)))
    cls.__annotations__ = own
    return dataclass(cls)


@dataclass
class RecurrenceOptions(FairseqDataclass):
    """Encoder, decoder and the bridge between them."""

    rnn_type: RNN_TYPE_CHOICES = field(
        default="lstm", metadata={"help": "recurrent cell of encoder and decoder"}
    )
    encoder_rnn_type: RNN_TYPE_CHOICES = field(
        default=II("model.rnn_type"), metadata={"help": "cell of the encoder, if another"}
    )
    decoder_rnn_type: RNN_TYPE_CHOICES = field(
        default=II("model.rnn_type"), metadata={"help": "cell of the decoder, if another"}
    )
    rnn_nonlinearity: NONLINEARITY_CHOICES = field(
        default="tanh", metadata={"help": "nonlinearity of the cell 'rnn'"}
    )
    gru_reset: GRU_RESET_CHOICES = field(
        default="after",
        metadata={
            "help": "a gru's reset gate: after the recurrent matrix, as in torch's fast kernel, "
            "or before it, as in Cho et al. (2014) and Bahdanau et al. (2015)"
        },
    )
    cell_norm: CELL_NORM_CHOICES = field(
        default="none",
        metadata={
            "help": "layer-normalised cells: 'layer' as in Ba et al. (2016), 'per-gate' each "
            "gate's sum on its own (RNMT+)"
        },
    )
    lstm_output: LSTM_OUTPUT_CHOICES = field(
        default="tanh",
        metadata={
            "help": "an lstm's state is its output gate times the tanh of its cell, or, "
            "'linear', times the cell itself (RNMT+)"
        },
    )
    encoder_embed_dim: int = field(default=256, metadata={"help": "size of a source embedding"})
    encoder_hidden_size: int = field(
        default=512, metadata={"help": "size of an encoder state, per direction"}
    )
    encoder_out_dim: Optional[int] = field(
        default=None,
        metadata={
            "help": "size of a memory vector, by a projection of the encoder's outputs; "
            "default: no projection"
        },
    )
    encoder_layers: int = field(default=1, metadata={"help": "number of encoder layers"})
    encoder_direction: DIRECTION_CHOICES = field(
        default="bidirectional",
        metadata={
            "help": "how the encoder reads the source; 'backward' is the reversed source of "
            "Sutskever et al. (2014), 'bidirectional-first' reads both ways in the lowest layer "
            "only, as GNMT does"
        },
    )
    decoder_embed_dim: int = field(default=256, metadata={"help": "size of a target embedding"})
    decoder_hidden_size: int = field(default=512, metadata={"help": "size of a decoder state"})
    decoder_layers: int = field(default=1, metadata={"help": "number of decoder layers"})
    residual_from: int = field(
        default=0,
        metadata={
            "help": "the lowest layer, counted from 1, whose input is added to its output, and "
            "with it all above; 0: none (GNMT and RNMT+: 3)"
        },
    )
    bridge: BRIDGE_CHOICES = field(
        default="transform-last",
        metadata={
            "help": "how the semantic vector C, the decoder's first state, is made: 0; the "
            "encoder's last state; a learned transform of it, of the mean of all states, or of "
            "the backward half; or, by two transforms, C and from C the first state ('summary')"
        },
    )


@dataclass
class OutputOptions(FairseqDataclass):
    """From a step's vectors to the distribution over words."""

    decoder_out_embed_dim: int = field(
        default=II("model.decoder_embed_dim"),
        metadata={"help": "size of the readout's features, from which the logits are made"},
    )
    readout: READOUT_CHOICES = field(
        default="tanh",
        metadata={
            "help": "how the features are made: the state itself, a linear map, a tanh layer "
            "(deep output), or maxout over pairs"
        },
    )
    softmax_mixtures: int = field(
        default=1, metadata={"help": "mixture of this many softmaxes (Yang et al., 2018)"}
    )
    adaptive_softmax_cutoff: Optional[str] = field(
        default=None,
        metadata={
            "help": "adaptive softmax (Grave et al., 2017): where its clusters end, as "
            "'1000,5000'; best with --criterion adaptive_loss --ddp-backend legacy_ddp"
        },
    )
    adaptive_softmax_dropout: float = field(
        default=0.0, metadata={"help": "dropout in the tails of the adaptive softmax"}
    )
    adaptive_softmax_factor: float = field(
        default=4.0, metadata={"help": "how much smaller each further cluster's vectors are"}
    )
    share_decoder_input_output_embed: bool = field(
        default=False, metadata={"help": "use the target embedding as output projection too"}
    )
    share_all_embeddings: bool = field(
        default=False,
        metadata={"help": "one embedding for source, target and output (joined dictionary)"},
    )
    encoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file with pretrained source embeddings"}
    )
    decoder_embed_path: Optional[str] = field(
        default=None, metadata={"help": "text file with pretrained target embeddings"}
    )
    encoder_freeze_embed: bool = field(
        default=False, metadata={"help": "do not train the source embeddings"}
    )
    decoder_freeze_embed: bool = field(
        default=False, metadata={"help": "do not train the target embeddings"}
    )


@dataclass
class RegularisationOptions(FairseqDataclass):
    """Dropouts, first weights, and the words that the decoder is trained on."""

    dropout: float = field(
        default=0.2, metadata={"help": "dropout, where no option below says otherwise"}
    )
    encoder_dropout_in: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the source embeddings"}
    )
    encoder_dropout_out: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the encoder's outputs"}
    )
    decoder_dropout_in: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the target embeddings"}
    )
    decoder_dropout_out: float = field(
        default=II("model.dropout"), metadata={"help": "dropout on the readout's features"}
    )
    variational_dropout: bool = field(
        default=False,
        metadata={
            "help": "the dropouts on embeddings, between layers, on memory and features draw one "
            "mask for all time steps (Gal and Ghahramani, 2016)"
        },
    )
    recurrent_dropout: float = field(
        default=0.0,
        metadata={"help": "dropout on what a cell adds to its state (Semeniuta et al., 2016)"},
    )
    encoder_word_dropout: float = field(
        default=0.0,
        metadata={"help": "probability that a source word is replaced by <unk> in training"},
    )
    decoder_word_dropout: float = field(
        default=0.0,
        metadata={"help": "the same for the words that the decoder is fed (Bowman et al., 2016)"},
    )
    forget_bias: float = field(
        default=1.0, metadata={"help": "first bias of an LSTM's forget gate"}
    )
    recurrent_init: RECURRENT_INIT_CHOICES = field(
        default="orthogonal", metadata={"help": "first recurrent weights, gate by gate"}
    )
    scheduled_sampling: SCHEDULE_CHOICES = field(
        default="none",
        metadata={
            "help": "feed the decoder its own words in training, more and more of them (Bengio et "
            "al., 2015): the schedule of the probability of the given word, over the updates i; "
            "see --scheduled-sampling-k"
        },
    )
    scheduled_sampling_k: Optional[float] = field(
        default=None,
        metadata={
            "help": "k in max(floor, k - slope i) (linear, default 1), k^i (exponential, 0.9999), "
            "k / (k + exp(i / k)) (inverse-sigmoid, 1000)"
        },
    )
    scheduled_sampling_slope: Optional[float] = field(
        default=None, metadata={"help": "slope of the linear schedule (default 5e-5)"}
    )
    scheduled_sampling_floor: float = field(
        default=0.0, metadata={"help": "the probability never falls below this"}
    )


@dataclass
class SpeedOptions(FairseqDataclass):
    """How the same numbers are computed."""

    no_fast: bool = field(
        default=False,
        metadata={
            "help": "plain modules only, none of the fused forms; for debugging (as does the "
            "environment variable S2S_NO_FAST=1)"
        },
    )
    cpu_bf16: bool = field(
        default=False,
        metadata={
            "help": "train in bfloat16 on a CPU that has it (AVX512-BF16 or AMX): the operands of "
            "the matrix products; weights, states, softmax and loss stay in float32"
        },
    )
    decode_precision: PRECISION_CHOICES = field(
        default="fp32",
        metadata={
            "help": "generation on a CPU: the operands of the matrix products; for a "
            "trained model by --model-overrides \"{'decode_precision': 'int8'}\""
        },
    )


@dataclass
class AttentionOptions(FairseqDataclass):
    """What attends to what, how it is scored, and where the context goes."""

    attention_dim: int = field(
        default=512, metadata={"help": "size of the hidden layer of the additive scores"}
    )
    attention_score: SCORE_CHOICES = field(
        default="additive", metadata={"help": "how a query and a key give an energy"}
    )
    attention_heads: int = field(
        default=1, metadata={"help": "heads of --attention-score multi-head-additive"}
    )
    attention_history: HISTORY_CHOICES = field(
        default="none",
        metadata={
            "help": "what an additive score knows of earlier alignments: nothing, the last one "
            "through a convolution (location, Chorowski et al., 2015), or their sum (coverage, "
            "See et al., 2017; its loss: --criterion label_smoothed_cross_entropy_with_coverage), "
            "also divided by how often each word is expected to be needed (fertility-coverage, Tu "
            "et al., 2016)"
        },
    )
    attention_fertility: float = field(
        default=2.0,
        metadata={"help": "N of fertility-coverage: the largest fertility of a source word"},
    )
    attention_location_channels: int = field(
        default=16, metadata={"help": "filters of --attention-history location"}
    )
    attention_location_kernel_size: int = field(
        default=7, metadata={"help": "their width, an odd number of source positions"}
    )
    attention_window: WINDOW_CHOICES = field(
        default="full",
        metadata={
            "help": "attend to the whole source, or near a predicted position (local-p, Luong et "
            "al., 2015)"
        },
    )
    attention_window_size: int = field(
        default=10, metadata={"help": "D of local-p: positions on each side of the centre"}
    )
    attention_temperature: float = field(
        default=1.0, metadata={"help": "the energies are divided by this before the softmax"}
    )
    attention_query: QUERY_CHOICES = field(
        default="previous",
        metadata={
            "help": "the decoder state that attends: the one before the step (Bahdanau et al., "
            "2015), the one after it (Luong et al., 2015), or one between two transitions (the "
            "conditional GRU of Nematus)"
        },
    )
    context_to: CONTEXT_CHOICES = field(
        default="auto",
        metadata={
            "help": "where the context goes; input-feeding: to the readout, whose features enter "
            "the next step (Luong et al., 2015); auto: to cell and readout, or, where the query "
            "is the current state, to the readout. A context for the readout only needs no loop "
            "over time"
        },
    )
    context_layers: LAYERS_CHOICES = field(
        default="first",
        metadata={
            "help": "the decoder layers whose cell takes the context: the attending one, or all "
            "(GNMT)"
        },
    )
    embed_to: EMBED_CHOICES = field(
        default="both",
        metadata={"help": "where the previous word's embedding goes: the cell, or the readout too"},
    )
    pointer_generator: bool = field(
        default=False,
        metadata={
            "help": "copy source words with the attention's probabilities (See et al., 2017); "
            "unknown ones too where the dictionaries hold markers (scripts/mark_unknown.py)"
        },
    )
