"""Every preset, and the options that fairseq's commands see, through those commands."""

import re

import pytest
import torch
from fairseq.models import MODEL_DATACLASS_REGISTRY

from fairseq_plugins import load
from fairseq_plugins.errors import S2SError
from fairseq_plugins.models import S2SConfig

from .builders import CELLS, build_model, collate, make_dictionary, make_task, random_pairs
from .cases import PRESETS
from .commands import generate, hypotheses, lines, preprocess, reversed_digits, train, write_corpus

PLAIN = ("s2s_sutskever2014", "s2s_cho2014")
PAPERS_CELL = {
    "s2s_cho2014": "gru",
    "s2s_bahdanau2015": "gru",
    "s2s_cgru": "gru",
    "s2s_hred": "gru",
}


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A corpus so small that a training is only its overhead."""
    folder = tmp_path_factory.mktemp("few")
    for seed, (subset, count) in enumerate((("train", 40), ("valid", 5), ("test", 6))):
        write_corpus(folder, subset, reversed_digits(count, longest=6, seed=seed))
    return preprocess(folder)


def flags_of(options: dict) -> list[str]:
    """Options as flags of a command line; True is a flag alone."""
    flags = []
    for name, value in options.items():
        flags += ["--" + name.replace("_", "-")] + ([] if value is True else [str(value)])
    return flags


def generate_few(data, checkpoint, *flags: object) -> str:
    return generate(data, checkpoint, "--beam", 5, "--max-len-b", 8, *flags)


def assert_trains_and_generates(data, folder, arch, options) -> str:
    """A few updates, then beam search with alignments by a model that was read again."""
    flags = ["--arch", arch, *flags_of(options), "--max-update", 3]
    train(data, folder, *flags, "--max-tokens", 60)
    alignments = [] if arch in PLAIN else ["--print-alignment"]
    path = folder / "checkpoint_best.pt"
    output = generate_few(data, path, *alignments)
    assert set(hypotheses(output)) == set(range(6))
    source = next(fields[0] for number, fields in lines(output, "S") if number == 0)
    [[best, *_]] = load(path, data=data).generate([source], beam=5, max_len=8)
    assert best.text == hypotheses(output)[0]
    return output


def assert_alignments(output: str) -> None:
    """One source position for each target word, within the source."""
    sources = {number: fields[0].split() for number, fields in lines(output, "S")}
    for number, fields in lines(output, "A"):
        for pair in fields[0].split():
            assert 0 <= int(pair.split("-")[0]) <= len(sources[number])
    assert len(list(lines(output, "A"))) == 6


EVERY = [
    pytest.param(
        preset,
        cell,
        marks=[] if cell == PAPERS_CELL.get(preset, "lstm") else [pytest.mark.slow],
    )
    for preset, (_, cells) in PRESETS.items()
    for cell in cells
]


@pytest.mark.parametrize("preset, cell", EVERY)
def test_every_preset_trains_reloads_and_generates(few, tmp_path, preset, cell):
    options = {**PRESETS[preset][0], "rnn_type": cell}
    output = assert_trains_and_generates(few, tmp_path, preset, options)
    if preset in PLAIN:
        assert not list(lines(output, "A"))
    else:
        assert_alignments(output)


OPTIONS = {
    "adaptive": {
        "adaptive_softmax_cutoff": "6,10",
        "criterion": "adaptive_loss",
        "ddp_backend": "legacy_ddp",
    },
    "mixture-and-pointer": {"softmax_mixtures": 2, "pointer_generator": True},
    "coverage": {
        "attention_history": "coverage",
        "criterion": "label_smoothed_cross_entropy_with_coverage",
        "coverage_weight": 0.5,
        "label_smoothing": 0.1,
    },
    "input-feeding": {
        "attention_query": "current",
        "context_to": "input-feeding",
        "scheduled_sampling": "linear",
        "scheduled_sampling_k": 0.5,
        "variational_dropout": True,
        "dropout": 0.2,
    },
    "norms": {
        "cell_norm": "layer",
        "recurrent_dropout": 0.1,
        "encoder_word_dropout": 0.1,
        "decoder_word_dropout": 0.1,
        "attention_window": "local-p",
        "attention_score": "general",
    },
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_train_reload_and_generate(few, tmp_path, name):
    assert_alignments(assert_trains_and_generates(few, tmp_path, "s2s_attn_tiny", OPTIONS[name]))


@pytest.mark.parametrize("preset", [*PRESETS, "s2s", "s2s_attn"])
def test_the_size_of_the_paper_can_be_built(preset):
    """On the meta device, where a weight has a shape and takes no memory."""
    options = {"separator": "3"} if preset == "s2s_hred" else {}
    with torch.device("meta"):
        model = build_model(preset, **options)
    assert all(parameter.is_meta for parameter in model.parameters())
    cfg = MODEL_DATACLASS_REGISTRY[preset]()
    first = model.encoder.embed_tokens.weight
    assert first.size(1) == cfg.encoder_embed_dim


def test_a_preset_keeps_the_choices_and_the_help_of_every_option():
    for preset in PRESETS:
        fields = MODEL_DATACLASS_REGISTRY[preset].__dataclass_fields__
        for name, option in S2SConfig.__dataclass_fields__.items():
            assert fields[name].metadata == option.metadata
            assert fields[name].type == option.type


def test_no_option_has_the_name_of_another_option_of_fairseq():
    """fairseq would silently share it."""
    from fairseq.dataclass.configs import FairseqConfig
    from fairseq.tasks.translation import TranslationConfig

    theirs = set(TranslationConfig.__dataclass_fields__)
    for group in FairseqConfig.__dataclass_fields__.values():
        theirs |= set(getattr(group.type, "__dataclass_fields__", ()))
    for preset in [*PRESETS, "s2s_attn"]:
        ours = set(MODEL_DATACLASS_REGISTRY[preset].__dataclass_fields__)
        assert ours & theirs - {"_name"} == set()


REFUSED = [
    ("s2s_tiny", {"bridge": "zero"}, "--bridge zero .* --arch s2s_attn"),
    ("s2s_tiny", {"residual_from": 1}, "--residual-from is 1"),
    ("s2s_tiny", {"rnn_nonlinearity": "relu"}, "--rnn-nonlinearity relu .*--encoder-rnn-type lstm"),
    ("s2s_tiny", {"readout": "state"}, r"\(32\).*64|64.*\(32\)"),
    ("s2s_tiny", {"softmax_mixtures": 0}, "--softmax-mixtures is 0"),
    ("s2s_tiny", {"adaptive_softmax_cutoff": "9,4"}, "--adaptive-softmax-cutoff .*'9,4'"),
    (
        "s2s_tiny",
        {"adaptive_softmax_cutoff": "__import__('os').getcwd()"},
        "--adaptive-softmax-cutoff",
    ),
    (
        "s2s_tiny",
        {"adaptive_softmax_cutoff": "6", "softmax_mixtures": 2},
        "--adaptive-softmax-cutoff 6 .*--softmax-mixtures 2",
    ),
    (
        "s2s_attn_tiny",
        {"adaptive_softmax_cutoff": "6", "pointer_generator": True},
        "--adaptive-softmax-cutoff 6 .*--pointer-generator",
    ),
    (
        "s2s_tiny",
        {"adaptive_softmax_cutoff": "6", "share_decoder_input_output_embed": True},
        "--adaptive-softmax-cutoff 6 .*--share-decoder-input-output-embed",
    ),
    ("s2s_tiny", {"recurrent_dropout": 0.1, "rnn_type": "rnn"}, "recurrent.dropout .*0.1.*rnn"),
    (
        "s2s_tiny",
        {"bridge": "transform-backward", "encoder_direction": "forward"},
        "transform-backward.*forward",
    ),
    (
        "s2s_tiny",
        {"scheduled_sampling": "exponential", "scheduled_sampling_k": 2.0},
        "--scheduled-sampling-k is 2.0.*exponential",
    ),
    ("s2s_tiny", {"scheduled_sampling_k": 0.5}, "--scheduled-sampling is none"),
    (
        "s2s_attn_tiny",
        {"attention_score": "dot"},
        r"64.*128.*general|128.*64.*general|general",
    ),
    (
        "s2s_attn_tiny",
        {"attention_score": "general", "attention_history": "coverage"},
        "--attention-history coverage.*general|general.*--attention-history coverage",
    ),
    (
        "s2s_attn_tiny",
        {"attention_score": "multi-head-additive", "attention_heads": 5},
        "5.*64|64.*5",
    ),
    ("s2s_attn_tiny", {"attention_heads": 2}, "--attention-heads 2 .*additive"),
    ("s2s_attn_tiny", {"attention_heads": 0}, "--attention-heads is 0"),
    ("s2s_attn_tiny", {"attention_temperature": 0.0}, "temperature.*0"),
    (
        "s2s_attn_tiny",
        {"attention_history": "location", "attention_location_kernel_size": 4},
        "4",
    ),
    (
        "s2s_attn_tiny",
        {"attention_query": "current", "context_to": "cell"},
        "--context-to cell .*--attention-query current",
    ),
    (
        "s2s_attn_tiny",
        {"attention_query": "between", "context_to": "readout"},
        "--attention-query between .*--context-to readout",
    ),
    (
        "s2s_attn_tiny",
        {"context_to": "input-feeding"},
        "--context-to input-feeding .*--attention-query is previous",
    ),
    (
        "s2s_attn_tiny",
        {"context_layers": "all", "context_to": "readout", "decoder_layers": 2},
        "--context-layers all .*--context-to readout",
    ),
    ("s2s_attn_tiny", {"context_layers": "all"}, "--context-layers all .*--decoder-layers is 1"),
    (
        "s2s_attn_tiny",
        {"readout": "state", "context_to": "both", "decoder_out_embed_dim": 64},
        "--readout state .*--context-to both",
    ),
    ("s2s_cho2014", {"rnn_type": "lstm"}, "--decoder-rnn-type is lstm, but must be gru"),
    ("s2s_cho2014", {"decoder_layers": 2}, "--decoder-layers is 2, but must be 1"),
    ("s2s_cho2014", {"bridge": "last"}, "--bridge is last, but must be summary"),
    ("s2s_conv_attn", {"encoder_direction": "backward"}, "--encoder-direction backward"),
    ("s2s_conv_attn", {"attention_query": "between"}, "--attention-query is between"),
    (
        "s2s_conv_attn",
        {"context_to": "readout", "readout": "tanh"},
        "--context-to readout with --attention-query previous",
    ),
    ("s2s_conv_attn", {"decoder_embed_dim": 100}, r"--decoder-embed-dim 100.*\(256\)"),
    ("s2s_conv_attn", {"bridge": "last"}, "'last'"),
    ("s2s_conv_attn", {"conv_kernel_size": 4}, "--conv-kernel-size .4."),
    ("s2s_conv_attn", {"encoder_layers": 3}, "--encoder-layers 3 .*--conv-key-layers"),
    ("s2s_conv_attn", {"encoder_dropout_out": 0.5}, "--encoder-dropout-out 0.5"),
    ("s2s_conv_attn", {"conv_max_positions": 0}, "--conv-max-positions is 0"),
    ("s2s_cho2014", {"context_every_step": True}, "--context-every-step"),
    ("s2s_tiny", {"encoder_out_dim": 12}, "--encoder-out-dim 12 .*--bridge transform-last"),
    ("s2s_hred_tiny", {"separator": "3", "encoder_out_dim": 12}, "--encoder-out-dim 12"),
    (
        "s2s_hred_tiny",
        {"separator": "3", "bridge": "transform-backward"},
        "--bridge transform-backward .*--arch s2s_hred",
    ),
    ("s2s_tiny", {"gru_reset": "before"}, "--gru-reset before .*--rnn-type gru"),
    ("s2s_tiny", {"rnn_type": "gru", "lstm_output": "linear"}, "--lstm-output linear .*lstm"),
    ("s2s_tiny", {"rnn_type": "gru", "forget_bias": 2.0}, "--forget-bias 2.0 .*lstm"),
    ("s2s_tiny", {"residual_from": 2}, "--residual-from 2 needs more layers than 1"),
    ("s2s_tiny", {"adaptive_softmax_factor": 2.0}, "--adaptive-softmax-factor 2.0 needs --adap"),
    ("s2s_attn_tiny", {"attention_window_size": 4}, "--attention-window-size 4 .*not full"),
    ("s2s_attn_tiny", {"attention_fertility": 3.0}, "--attention-fertility 3.0 .*not none"),
    (
        "s2s_attn_tiny",
        {"attention_location_channels": 3, "attention_history": "coverage"},
        "--attention-location-channels 3 .*not coverage",
    ),
    ("s2s_tiny", {"encoder_word_dropout": 1.5}, "--encoder-word-dropout is 1.5"),
    ("s2s_transformer_attn", {"encoder_rnn_type": "gru"}, "--encoder-rnn-type gru"),
    ("s2s_transformer_attn", {"encoder_embed_dim": 30}, "30.*8|8.*30"),
    ("s2s_hred", {}, "--separator <sep>"),
    ("s2s_rnmtplus", {"attention_heads": 3}, "3"),
]


@pytest.mark.parametrize("arch, options, sentence", REFUSED)
def test_what_cannot_be_built_is_refused_in_one_sentence(arch, options, sentence):
    with pytest.raises(S2SError, match=sentence) as caught, torch.device("meta"):
        build_model(arch, **options)
    assert "\n" not in str(caught.value)
    assert len(re.findall(r"[a-z]\. [A-Z]", str(caught.value))) == 0


@pytest.mark.parametrize("cell", CELLS)
def test_a_marker_is_embedded_as_unknown_and_only_copied(cell):
    """A source word outside the vocabulary can be written, and no other unknown one."""
    dictionary = make_dictionary(7)
    markers = [dictionary.add_symbol(f"<unk-{number}>") for number in range(3)]
    task = make_task(dictionary, dictionary)
    model = build_model("s2s_attn_tiny", task, rnn_type=cell, pointer_generator=True)
    [(source, target)] = random_pairs(task, [(4, 3)])
    source[1] = markers[1]
    unknown = source.clone()
    unknown[1] = dictionary.unk()
    memory = model.encoder(source.unsqueeze(0))["memory"][0]
    torch.testing.assert_close(memory, model.encoder(unknown.unsqueeze(0))["memory"][0])
    net_output = model(**collate(task, [(source, target)])["net_input"])
    probs = model.get_normalized_probs(net_output, log_probs=False)[0]
    assert probs[:, markers[1]].min() > 1e-3
    assert probs[:, [markers[0], markers[2]]].max() < 1e-8


def test_a_source_beyond_the_position_embeddings_is_refused_in_one_sentence(few, tmp_path):
    options = {**PRESETS["s2s_conv_attn"][0], "conv_max_positions": 20}
    train(few, tmp_path, "--arch", "s2s_conv_attn", *flags_of(options), "--max-update", 1)
    model = load(tmp_path / "checkpoint_last.pt", data=few)
    assert model.generate(["1 " * 19], max_len=5)
    with pytest.raises(S2SError, match=r"31 pieces is longer than this model can read \(20\)"):
        model.generate(["1", "1 " * 30], max_len=5)
