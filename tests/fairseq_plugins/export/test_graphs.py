"""The exported graphs compute what the model does, for any number of sentences of any length."""

import pytest
import torch

from fairseq_plugins.export.graphs import Graphs, trace

from ..builders import build_model, make_task, needs_graphs
from ..cases import CASES, PRESETS, build_case

pytestmark = [needs_graphs, pytest.mark.slow]
SIZES = ((1, 1), (1, 6), (4, 3), (5, 9))  # sentences, words; 3 and 7 are those of the tracing
STEPS = 3
SOME = {
    "s2s_attn_tiny-gru-bidirectional",
    "s2s_attn_tiny-two-layers",
    "s2s_attn_tiny-location",
    "s2s_attn_tiny-local-p",
    "s2s_attn_tiny-multi-head",
    "s2s_attn_tiny-input-feeding-deep",
    "s2s_attn_tiny-pointer-mixture-feeding",
    "s2s_tiny-lstm-bidirectional",
    "s2s_tiny-every-step-summary",
    "s2s_tiny-per-gate-norm-lstm",
    "s2s_tiny-reset-before",
    "s2s_conv_attn-gru",
    "s2s_transformer_attn-gru",
    "s2s_hred-lstm",
}


def sources(rows: int, length: int, seed: int) -> torch.Tensor:
    """Random sentences; of several long ones the first is padded."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(4, 15, (rows, length), generator=generator)
    tokens[:, -1] = 2
    if rows > 1 and length > 1:
        tokens[0, -2:] = torch.tensor([2, 1])
    return tokens


@torch.no_grad()
def largest_difference(model, graphs: Graphs, read, step) -> float:
    """Between the graphs and the model, over some steps of sentences of all sizes."""
    worst = 0.0
    count = len(graphs.names.source)
    for seed, (rows, length) in enumerate(SIZES):
        src_tokens = sources(rows, length, seed)
        carried = read(src_tokens)
        encoder_out = model.encoder(src_tokens)
        state: dict = {}
        before = torch.full((rows, 1), 2)
        for t in range(STEPS):
            output = model.decoder(before, encoder_out, incremental_state=state)
            expected = [model.decoder.get_normalized_probs(output, log_probs=True)[:, 0]]
            if graphs.names.alignment:
                expected.append(output[1]["attn"][0][:, 0])
            found = step(before[:, -1], *carried)
            for one, other in zip(found, expected, strict=False):
                worst = max(worst, (one - other).abs().max().item())
            carried = [*carried[:count], *found[len(expected) :]]
            words = torch.randint(4, 13, (rows, 1), generator=torch.Generator().manual_seed(t))
            before = torch.cat([before, words], dim=1)
    return worst


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c in SOME else [pytest.mark.slow]) for c in CASES]
)
def test_graphs_are_the_model(case):
    model = build_case(case, make_task())
    graphs = trace(model)
    assert graphs.names.alignment == hasattr(model.decoder, "attention")
    assert largest_difference(model, graphs, graphs.source.module(), graphs.step.module()) < 1e-10


def test_tracing_leaves_the_model_as_it_was():
    model = build_case("s2s_attn_tiny-gru-bidirectional", make_task())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    parts = [type(part) for part in model.modules()]
    trace(model)
    assert [type(part) for part in model.modules()] == parts
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(part.fast for part in model.modules() if hasattr(part, "fast"))


def test_only_what_a_step_reads_is_carried():
    assert trace(build_model("s2s_tiny", rnn_type="gru")).names.source == ()
    names = trace(build_model("s2s_attn_tiny", rnn_type="gru")).names
    assert set(names.source) == {"keys", "values", "padding_mask"}
    assert names.state == ("hidden",)


@pytest.mark.parametrize(
    "options",
    [
        {"encoder_layers": 3, "residual_from": 2, "rnn_type": "gru"},
        {"encoder_direction": "backward", "rnn_type": "lstm"},
        {"encoder_direction": "bidirectional-first", "encoder_layers": 2, "rnn_type": "rnn"},
        {"encoder_direction": "forward", "encoder_layers": 2, "cell_norm": "layer"},
    ],
    ids=str,
)
def test_hierarchical_encoders_of_all_forms(options):
    small, _ = PRESETS["s2s_hred"]
    model = build_model("s2s_hred", make_task(), **{**small, **options})
    graphs = trace(model)
    assert largest_difference(model, graphs, graphs.source.module(), graphs.step.module()) < 1e-10
