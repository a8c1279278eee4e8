"""Each preset is its paper: its forward pass equals the paper's equations, written in NumPy."""

import numpy as np
import pytest
import torch
from fairseq.models import MODEL_DATACLASS_REGISTRY
from omegaconf import OmegaConf

from .builders import build_model, collate, make_dictionary, make_task, random_pairs
from .cases import ATTENTION_VARIANTS, PRESETS, SMALL, SMALL_ATTENTION, VARIANTS
from .papers import presets, sizes
from .papers.maths import Weights
from .papers.options import Reference

TASK = make_task()
LENGTHS = [(4, 3), (6, 5)]
SEPARATOR = 7  # "3"


def build(arch: str, **options) -> torch.nn.Module:
    """A model whose weights are all far from 0: biases and gains of a norm too."""
    model = build_model(arch, TASK, **options)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return model


def assert_agrees(model, reference, pairs=None, log_probs=False):
    """Logits and alignments in a batch padded on the left equal each sentence's reference."""
    pairs = pairs or random_pairs(TASK, LENGTHS)
    net_input = collate(TASK, pairs)["net_input"]
    with torch.no_grad():
        logits, extra = model(**net_input)
        if log_probs:
            logits = logits.log_softmax(dim=-1)  # fairseq's own is in float32
    for row, (source, target) in enumerate(pairs):
        previous = net_input["prev_output_tokens"][row, : len(target)].tolist()
        expected, alignment = reference(source.tolist(), previous)
        np.testing.assert_allclose(logits[row, : len(target)], expected, 0, 1e-9)
        [actual] = extra["attn"]
        assert (actual is None) == (alignment is None)
        if actual is not None:
            actual = actual[row, : len(target), -len(source) :]
            np.testing.assert_allclose(actual, alignment, 0, 1e-9)


def assert_preset_agrees(arch, options, cell, equations, pairs=None, **how):
    """A preset agrees with its equations; ``equations(weights, kind, source, previous)``."""
    model = build(arch, **{**PRESETS[arch][0], "rnn_type": cell, **options})
    weights = Weights(model.state_dict())
    paper_before = arch in ("s2s_cho2014", "s2s_bahdanau2015")
    kind = "gru-before" if cell == "gru" and paper_before else cell
    assert_agrees(model, lambda s, p: equations(weights, kind, s, p, **how), pairs)


CASES = {
    "sutskever2014": ("s2s_sutskever2014", {}, presets.sutskever2014, {"depth": 2}),
    "cho2014": ("s2s_cho2014", {}, presets.cho2014, {}),
    "bahdanau2015": ("s2s_bahdanau2015", {}, presets.bahdanau2015, {}),
    "luong2015-general": ("s2s_luong2015", {}, presets.luong2015, {"depth": 2}),
    "luong2015-dot": (
        "s2s_luong2015",
        {"attention_score": "dot"},
        presets.luong2015,
        {"depth": 2, "score": "dot"},
    ),
    "luong2015-concat": (
        "s2s_luong2015",
        {"attention_score": "additive"},
        presets.luong2015,
        {"depth": 2, "score": "additive"},
    ),
    "luong2015-local-p": (
        "s2s_luong2015",
        {"attention_window": "local-p", "attention_window_size": 2},
        presets.luong2015,
        {"depth": 2, "width": 2},
    ),
    "cgru": ("s2s_cgru", {}, presets.cgru, {}),
    "gnmt": ("s2s_gnmt", {}, presets.gnmt, {"depth": 4}),
    "conv_attn": (
        "s2s_conv_attn",
        {},
        presets.conv_attn,
        {"key_layers": 3, "value_layers": 2},
    ),
    "conv_attn-same-width": (
        "s2s_conv_attn",
        {"conv_hidden_size": 6},
        presets.conv_attn,
        {"key_layers": 3, "value_layers": 2},
    ),
}


@pytest.mark.parametrize(
    ("name", "cell"), [(name, cell) for name in CASES for cell in PRESETS[CASES[name][0]][1]]
)
def test_a_preset_agrees_with_its_papers_equations(name, cell):
    arch, options, equations, how = CASES[name]
    assert_preset_agrees(arch, options, cell, equations, **how)


@pytest.mark.parametrize("cell", PRESETS["s2s_transformer_attn"][1])
def test_the_decoder_over_fairseqs_transformer_agrees_with_bahdanaus_equations(cell):
    arch = "s2s_transformer_attn"
    model = build(arch, **{**PRESETS[arch][0], "rnn_type": cell})
    weights = Weights(model.state_dict())

    def equations(source, previous):
        with torch.no_grad():
            [memory] = model.encoder(torch.tensor([source]))["memory"]
        return presets.transformer_attn(weights, cell, memory[0].numpy(), previous)

    assert_agrees(model, equations)


@pytest.mark.parametrize("cell", PRESETS["s2s_hred"][1])
def test_hred_agrees_with_its_papers_equations_over_three_turns(cell):
    sources = [[5, SEPARATOR, 6, 9, SEPARATOR, 8, 4, 2], [4, 5, 9, SEPARATOR, SEPARATOR, 2]]
    targets = [target for _, target in random_pairs(TASK, LENGTHS)]
    pairs = [(torch.tensor(s), t) for s, t in zip(sources, targets, strict=True)]
    assert_preset_agrees("s2s_hred", {}, cell, presets.hred, pairs, separator=SEPARATOR)


RNMTPLUS = {"depth": 3, "heads": 2}


@pytest.mark.parametrize("cell", PRESETS["s2s_rnmtplus"][1])
def test_rnmtplus_agrees_with_its_papers_equations(cell):
    assert_preset_agrees("s2s_rnmtplus", {}, cell, presets.rnmtplus, **RNMTPLUS)


# The sizes of the options' own table, for a model of size 64, brought down to size 8.
SMALLER = {128: 16, 64: 8}
OPTIONS = {
    **{f"s2s_tiny-{name}": ("s2s_tiny", SMALL, options) for name, options in VARIANTS.items()},
    **{
        f"s2s_attn_tiny-{name}": ("s2s_attn_tiny", SMALL_ATTENTION, options)
        for name, options in {**VARIANTS, **ATTENTION_VARIANTS}.items()
    },
    "s2s_tiny-every-step": ("s2s_tiny", SMALL, {"context_every_step": True, "decoder_layers": 2}),
    "s2s_tiny-every-step-summary": (
        "s2s_tiny",
        SMALL,
        {"context_every_step": True, "bridge": "summary"},
    ),
    "s2s_attn_tiny-heads-window-temperature": (
        "s2s_attn_tiny",
        SMALL_ATTENTION,
        {
            "attention_score": "multi-head-additive",
            "attention_heads": 2,
            "attention_window": "local-p",
            "attention_window_size": 2,
            "attention_temperature": 2.0,
        },
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_agrees_with_its_equations(name):
    arch, small, options = OPTIONS[name]
    options = {key: SMALLER.get(value, value) for key, value in options.items()}
    assert_option_agrees(arch, {**small, **options})


def assert_option_agrees(arch, options):
    """A model agrees with the reference in which every choice is a setting."""
    model = build(arch, **options)
    source, target = TASK.source_dictionary, TASK.target_dictionary
    words = [target.index(symbol) for symbol in source.symbols]
    reference = Reference(Weights(model.state_dict()), settings_of(arch, options), words)
    assert_agrees(model, reference, log_probs=True)


def settings_of(arch: str, options: dict) -> dict:
    """All options of an architecture, those left out at their defaults."""
    model = OmegaConf.create({**MODEL_DATACLASS_REGISTRY[arch]().__dict__, **options})
    return OmegaConf.to_container(OmegaConf.create({"model": model}), resolve=True)["model"]


def test_the_previous_query_of_a_residual_stack_agrees_with_its_equations():
    options = {"context_to": "readout", "decoder_layers": 2, "residual_from": 2}
    assert_option_agrees("s2s_attn_tiny", {**SMALL_ATTENTION, **options})


@pytest.mark.parametrize("arch", PRESETS)
def test_a_preset_at_its_papers_size_has_its_papers_number_of_weights(arch):
    dictionary = make_dictionary(996)
    assert len(dictionary) == 1000
    options = {"separator": "3"} if arch == "s2s_hred" else {}
    with torch.device("meta"):
        model = build_model(arch, make_task(dictionary, dictionary), **options)
    weights = {
        name: weight.numel()
        for name, weight in model.named_parameters()
        if not name.endswith("embed_tokens.weight") and name != "decoder.output_proj.weight"
    }
    assert all(weight.is_meta for weight in model.parameters())
    assert sum(weights.values()) == getattr(sizes, arch.removeprefix("s2s_"))()
