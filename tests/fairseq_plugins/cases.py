"""Every preset and every option in small, for the laws that all of them obey."""

from .builders import ARCHITECTURES, CELLS, DIRECTIONS, build_model

SMALL = {
    "encoder_embed_dim": 6,
    "encoder_hidden_size": 8,
    "decoder_embed_dim": 6,
    "decoder_hidden_size": 8,
    "decoder_out_embed_dim": 6,
    "dropout": 0.0,
}
SMALL_ATTENTION = {**SMALL, "attention_dim": 4}
STATE_OUT = {"decoder_out_embed_dim": 8}

# A preset in small, and the cells that its paper permits.
PRESETS = {
    "s2s_sutskever2014": (
        {**SMALL, **STATE_OUT, "encoder_layers": 2, "decoder_layers": 2},
        CELLS,
    ),
    "s2s_cho2014": (SMALL, ("gru",)),
    "s2s_bahdanau2015": (SMALL_ATTENTION, CELLS),
    "s2s_luong2015": (
        {**SMALL_ATTENTION, **STATE_OUT, "encoder_layers": 2, "decoder_layers": 2},
        CELLS,
    ),
    "s2s_cgru": (SMALL_ATTENTION, CELLS),
    "s2s_gnmt": (
        {**SMALL_ATTENTION, **STATE_OUT, "encoder_layers": 4, "decoder_layers": 4},
        CELLS,
    ),
    "s2s_rnmtplus": (
        {
            **SMALL_ATTENTION,
            **STATE_OUT,
            "encoder_layers": 3,
            "decoder_layers": 3,
            "attention_heads": 2,
            "encoder_out_dim": 8,
        },
        CELLS,
    ),
    "s2s_conv_attn": (
        {
            **SMALL,
            **STATE_OUT,
            "encoder_hidden_size": 512,  # not used, so it stays as it is
            "conv_hidden_size": 5,
            "conv_key_layers": 3,
            "conv_value_layers": 2,
        },
        CELLS,
    ),
    "s2s_transformer_attn": (
        {
            **SMALL_ATTENTION,
            "encoder_hidden_size": 512,
            "encoder_layers": 2,
            "transformer_heads": 2,
            "transformer_ffn_size": 12,
        },
        CELLS,
    ),
    "s2s_hred": ({**SMALL_ATTENTION, "context_hidden_size": 5, "separator": "3"}, CELLS),
}

# Options of both decoders.
VARIANTS = {
    "two-layers": {"encoder_layers": 2, "decoder_layers": 2},
    "deeper-decoder": {"encoder_layers": 1, "decoder_layers": 3},
    "deeper-encoder": {"encoder_layers": 3, "decoder_layers": 1},
    "transform-all": {"bridge": "transform-all"},
    "transform-backward": {"bridge": "transform-backward"},
    "summary": {"bridge": "summary"},
    "lstm-to-gru": {"encoder_rnn_type": "lstm", "decoder_rnn_type": "gru"},
    "gru-to-lstm": {"encoder_rnn_type": "gru", "decoder_rnn_type": "lstm"},
    "relu": {"rnn_type": "rnn", "rnn_nonlinearity": "relu"},
    "last": {"bridge": "last", "encoder_direction": "forward"},
    "last-gru-to-lstm": {
        "bridge": "last",
        "encoder_direction": "forward",
        "encoder_rnn_type": "gru",
    },
    "tied": {"share_decoder_input_output_embed": True},
    "backward": {"encoder_direction": "backward", "encoder_layers": 2},
    "bidirectional-first": {"encoder_direction": "bidirectional-first", "encoder_layers": 3},
    "reset-before": {"rnn_type": "gru", "gru_reset": "before", "encoder_layers": 2},
    "layer-norm-lstm": {"cell_norm": "layer", "encoder_layers": 2, "decoder_layers": 2},
    "layer-norm-gru": {"cell_norm": "layer", "rnn_type": "gru"},
    "layer-norm-rnn": {"cell_norm": "layer", "rnn_type": "rnn"},
    "per-gate-norm-lstm": {"cell_norm": "per-gate", "lstm_output": "linear", "decoder_layers": 2},
    "per-gate-norm-gru": {"cell_norm": "per-gate", "rnn_type": "gru"},
    "per-gate-norm-gru-before": {
        "cell_norm": "per-gate",
        "rnn_type": "gru",
        "gru_reset": "before",
    },
    "per-gate-norm-rnn": {"cell_norm": "per-gate", "rnn_type": "rnn"},
    "linear-lstm": {"lstm_output": "linear"},
    "projected-memory": {"encoder_out_dim": 10, "bridge": "transform-all"},
    "every-word-dropped": {"decoder_word_dropout": 1.0},
    "residual": {"residual_from": 2, "encoder_layers": 3, "decoder_layers": 3},
    "residual-layer-norm": {
        "residual_from": 2,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "cell_norm": "layer",
    },
    "state-readout": {"readout": "state", "decoder_out_embed_dim": 64},
    "linear-readout": {"readout": "linear"},
    "maxout": {"readout": "maxout"},
    "mixture": {"softmax_mixtures": 3},
    "mixture-tied": {"softmax_mixtures": 2, "share_decoder_input_output_embed": True},
    "variational": {"variational_dropout": True, "dropout": 0.3, "decoder_layers": 2},
    "recurrent-dropout": {"recurrent_dropout": 0.3},
    "word-dropout": {"encoder_word_dropout": 0.2, "decoder_word_dropout": 0.2},
    "scheduled-sampling": {"scheduled_sampling": "inverse-sigmoid", "scheduled_sampling_k": 1.0},
}

# Options of the attention decoder.
ATTENTION_VARIANTS = {
    "zero": {"bridge": "zero"},
    "normed-additive": {"attention_score": "normed-additive"},
    "dot": {"attention_score": "dot", "decoder_hidden_size": 128},
    "scaled-dot": {"attention_score": "scaled-dot", "decoder_hidden_size": 128},
    "general": {"attention_score": "general"},
    "multi-head": {"attention_score": "multi-head-additive", "attention_heads": 4},
    "location": {"attention_history": "location"},
    "coverage": {"attention_history": "coverage"},
    "fertility-coverage": {"attention_history": "fertility-coverage"},
    "coverage-normed": {"attention_history": "coverage", "attention_score": "normed-additive"},
    "local-p": {"attention_window": "local-p", "attention_window_size": 3},
    "local-p-general": {
        "attention_window": "local-p",
        "attention_window_size": 2,
        "attention_score": "general",
    },
    "temperature": {"attention_temperature": 0.5},
    "current": {"attention_query": "current"},
    "current-deep": {"attention_query": "current", "decoder_layers": 2, "residual_from": 2},
    "input-feeding": {"attention_query": "current", "context_to": "input-feeding"},
    "input-feeding-deep": {
        "attention_query": "current",
        "context_to": "input-feeding",
        "decoder_layers": 2,
        "attention_history": "coverage",
    },
    "between": {"attention_query": "between"},
    "between-deep": {"attention_query": "between", "decoder_layers": 2},
    "to-cell": {"context_to": "cell"},
    "to-readout": {"context_to": "readout"},
    "to-readout-residual": {"context_to": "readout", "decoder_layers": 2, "residual_from": 2},
    "to-readout-coverage": {"context_to": "readout", "attention_history": "coverage"},
    "to-readout-current-location": {"attention_query": "current", "attention_history": "location"},
    "all-layers": {"context_layers": "all", "decoder_layers": 3, "residual_from": 2},
    "embed-to-cell": {"embed_to": "cell"},
    "pointer": {"pointer_generator": True},
    "pointer-mixture-feeding": {
        "pointer_generator": True,
        "softmax_mixtures": 2,
        "attention_query": "current",
        "context_to": "input-feeding",
    },
    "pointer-coverage-tied": {
        "pointer_generator": True,
        "attention_history": "coverage",
        "share_decoder_input_output_embed": True,
    },
    "scheduled-sampling-feeding": {
        "scheduled_sampling": "linear",
        "attention_query": "current",
        "context_to": "input-feeding",
        "variational_dropout": True,
        "dropout": 0.2,
    },
}

# The same without the fast forms of ``ops``.
PLAIN = {
    **{cell: {"rnn_type": cell} for cell in CELLS},
    "two-layers": {"encoder_layers": 2, "decoder_layers": 2},
    "to-readout": {"context_to": "readout"},
}

CASES: dict[str, tuple[str, dict]] = {
    **{
        f"{arch}-{cell}-{direction}": (arch, {"rnn_type": cell, "encoder_direction": direction})
        for arch in ARCHITECTURES
        for cell in CELLS
        for direction in DIRECTIONS
    },
    **{
        f"{preset}-{cell}": (preset, {**small, "rnn_type": cell})
        for preset, (small, cells) in PRESETS.items()
        for cell in cells
    },
    **{
        f"{arch}-{name}": (arch, options)
        for arch in ARCHITECTURES
        for name, options in VARIANTS.items()
    },
    **{
        f"s2s_tiny-every-step-{cell}": ("s2s_tiny", {"rnn_type": cell, "context_every_step": True})
        for cell in CELLS
    },
    "s2s_tiny-every-step-summary": ("s2s_tiny", {"context_every_step": True, "bridge": "summary"}),
    **{
        f"s2s_attn_tiny-{name}": ("s2s_attn_tiny", options)
        for name, options in ATTENTION_VARIANTS.items()
    },
    **{
        f"s2s_attn_tiny-plain-{name}": ("s2s_attn_tiny", {**options, "no_fast": True})
        for name, options in PLAIN.items()
    },
}


def build_case(case: str, task=None):
    """The model of a case, in float64 and evaluation mode."""
    arch, options = CASES[case]
    return build_model(arch, task, **options)
