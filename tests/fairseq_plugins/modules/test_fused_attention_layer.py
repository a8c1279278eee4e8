"""Which models take the fused recurrence, and that it makes no difference to what they give."""

from collections.abc import Callable, Iterator
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from fairseq_plugins.modules import attention_decoder, fused_attention_layer
from fairseq_plugins.modules.attention import BahdanauAttention
from fairseq_plugins.modules.attention_decoder import AttentionRNNDecoder
from fairseq_plugins.modules.cells import LSTMCell, State
from fairseq_plugins.modules.decoder import Unrolled
from fairseq_plugins.modules.fast import NO_FAST
from fairseq_plugins.modules.fused_attention_layer import run_fused

from ..builders import CELLS, build_model, needs_graphs
from ..test_fast import BATCH, assert_near, both, with_gradients

TINY = "s2s_attn_tiny"


@pytest.fixture
def fused() -> Iterator[mock.Mock]:
    """The fused layer, with its calls."""
    with mock.patch.object(attention_decoder, "run_fused", wraps=run_fused) as spy:
        yield spy


FUSED = {
    **{cell: {"rnn_type": cell} for cell in CELLS},
    "normed": {"attention_score": "normed-additive"},
    "temperature": {"attention_temperature": 0.3},
    "upper layers": {"decoder_layers": 3, "context_layers": "all", "residual_from": 2},
    "dropout": {"dropout": 0.3, "variational_dropout": True},
    "word dropout": {"decoder_word_dropout": 0.5},
    "pointer": {"pointer_generator": True},
    "scheduled sampling, evaluated": {"scheduled_sampling": "linear"},
}
NOT_FUSED = {
    "history": {"attention_history": "coverage"},
    "window": {"attention_window": "local-p"},
    "multi-head": {"attention_score": "multi-head-additive", "attention_heads": 4},
    "dot": {"attention_score": "dot", "decoder_hidden_size": 128},
    "general": {"attention_score": "general"},
    "relu": {"rnn_type": "rnn", "rnn_nonlinearity": "relu"},
    "layer norm": {"cell_norm": "layer"},
    "norm per gate": {"cell_norm": "per-gate"},
    "linear output": {"lstm_output": "linear"},
    "recurrent dropout": {"recurrent_dropout": 0.3},
    "reset before": {"rnn_type": "gru", "gru_reset": "before"},
    "current query": {"attention_query": "current"},
    "between": {"attention_query": "between"},
    "late": {"context_to": "readout"},
    "plain": {"no_fast": True},
}


@pytest.mark.parametrize("name", FUSED)
def test_what_bahdanaus_equations_describe_is_fused_and_equal(fused, name):
    fast, plain = both(TINY, **FUSED[name])
    expected = with_gradients(plain)
    assert not fused.called
    assert_near(with_gradients(fast), expected, 1e-9)
    assert fused.call_count == 1


@pytest.mark.parametrize("name", NOT_FUSED)
@pytest.mark.parametrize("training", [True, False])
def test_anything_else_runs_step_by_step(fused, name, training):
    with_gradients(build_model(TINY, **NOT_FUSED[name]).train(training))
    assert not fused.called


@pytest.mark.parametrize(("value", "calls"), [("1", 0), ("0", 1)])
def test_the_environment_chooses_the_steps(fused, monkeypatch, value, calls):
    fast, plain = both(TINY)
    expected = with_gradients(plain)
    monkeypatch.setenv(NO_FAST, value)
    assert_near(with_gradients(fast), expected, 1e-9)
    assert fused.call_count == calls


def test_scheduled_sampling_draws_from_single_steps(fused):
    models = both(TINY, scheduled_sampling="exponential", scheduled_sampling_k=0.5)
    for model in models:
        model.train().set_num_updates(3)
    assert_near(*(with_gradients(model) for model in models), 1e-9)
    assert not fused.called


def other_step(decoder, embedded, embed_gates, state, encoder_out):
    return AttentionRNNDecoder.step(decoder, 2 * embedded, 2 * embed_gates, state, encoder_out)


def other_query(decoder, hidden, embedded):
    return -hidden


def other_attend(decoder, hidden, embedded, state, encoder_out):
    attended = AttentionRNNDecoder.attend(decoder, hidden, embedded, state, encoder_out)
    return attended._replace(context=2 * attended.context)


@pytest.mark.parametrize(
    ("hook", "other"), [("step", other_step), ("query", other_query), ("attend", other_attend)]
)
def test_a_subclass_with_a_hook_of_its_own_is_asked_at_every_step(fused, hook, other):
    decoder = type("Decoder", (AttentionRNNDecoder,), {hook: other})
    fast, plain = both(TINY)
    before = with_gradients(fast)
    assert fused.call_count == 1
    for model in (fast, plain):
        model.decoder.__class__ = decoder
    found = with_gradients(fast)
    assert_near(found, with_gradients(plain), 1e-9)
    assert float((found["logits"] - before["logits"]).abs().max()) > 1e-4
    assert fused.call_count == 1


class FlatAttention(BahdanauAttention):
    """A score of somebody else's."""

    def energies(self, query: Tensor, keys: Tensor, features: Tensor | None) -> Tensor:
        return super().energies(query, keys, features) / 2


class SlowCell(LSTMCell):
    """A transition of somebody else's."""

    def forward(self, gates: Tensor, state: State) -> State:
        return super().forward(gates / 2, state)


@pytest.mark.parametrize(("part", "other"), [("attention", FlatAttention), ("cell", SlowCell)])
def test_an_attention_or_a_cell_of_a_class_of_its_own_is_asked_at_every_step(fused, part, other):
    fast, plain = both(TINY)
    for model in (fast, plain):
        getattr(model.decoder, part).__class__ = other
    assert_near(with_gradients(fast), with_gradients(plain), 1e-9)
    assert not fused.called


class Decoder(nn.Module):
    """A decoder over one batch's memory: previous words -> logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.decoder = model.decoder.requires_grad_(False)
        net_input = BATCH["net_input"]
        with torch.no_grad():
            self.source = model.encoder(net_input["src_tokens"], net_input["src_lengths"])

    def forward(self, words: Tensor) -> Tensor:
        source = {name: list(tensors) for name, tensors in self.source.items()}
        return self.decoder(words, encoder_out=source)[0]


def traced(decoder: nn.Module, words: Tensor) -> Callable[[Tensor], Tensor]:
    return torch.jit.trace(decoder, words, check_trace=False)


def exported(decoder: nn.Module, words: Tensor) -> Callable[[Tensor], Tensor]:
    return torch.export.export(decoder, (words,)).module()


def compiled(decoder: nn.Module, words: Tensor) -> Callable[[Tensor], Tensor]:
    return torch.compile(decoder, backend="eager")


@pytest.mark.parametrize("way", [traced, pytest.param(exported, marks=needs_graphs), compiled])
def test_a_graph_that_is_recorded_holds_the_plain_steps(fused, way):
    words = BATCH["net_input"]["prev_output_tokens"]
    decoder = Decoder(build_model(TINY))
    expected = decoder(words)
    assert fused.call_count == 1
    torch.testing.assert_close(way(decoder, words)(words), expected)
    assert fused.call_count == 1


@pytest.mark.parametrize(
    ("dtype", "precision"), [(None, "fp32"), (torch.bfloat16, "bf16"), (torch.float16, "fp32")]
)
def test_under_autocast_to_bfloat16_so_are_the_products_operands(dtype, precision):
    """And nothing else: what goes in is of float32, and what comes out nearly the same."""
    decoder = Decoder(build_model(TINY).float())
    words = BATCH["net_input"]["prev_output_tokens"]
    expected = decoder(words)
    recurrence = fused_attention_layer.attention_recurrence
    with (
        mock.patch.object(fused_attention_layer, "attention_recurrence", wraps=recurrence) as spy,
        torch.autocast("cpu", dtype, enabled=dtype is not None),
    ):
        logits = decoder(words)
    assert [call.kwargs["precision"] for call in spy.call_args_list] == [precision]
    assert spy.call_args.args[1].dtype == torch.float32
    assert float((logits.float() - expected).abs().max()) < 0.05


def test_one_word_is_one_step(fused):
    model = build_model(TINY)
    net_input = BATCH["net_input"]
    one = {**net_input, "prev_output_tokens": net_input["prev_output_tokens"][:, :1]}
    logits, _ = model(**one)
    assert not fused.called
    torch.testing.assert_close(logits, model(**net_input)[0][:, :1])
    assert fused.call_count == 1


@pytest.mark.parametrize("rnn_type", CELLS)
def test_the_state_after_the_target_is_that_of_the_steps(rnn_type):
    """Whoever goes on from it must not notice how it was made."""

    def last(model: nn.Module) -> Unrolled:
        net_input = BATCH["net_input"]
        source = model.encoder(net_input["src_tokens"], net_input["src_lengths"])
        return model.decoder.run(net_input["prev_output_tokens"], source)

    fast, plain = (last(model) for model in both(TINY, rnn_type=rnn_type, decoder_layers=2))
    assert fast.state.keys() == plain.state.keys()
    for name, tensor in plain.state.items():
        torch.testing.assert_close(fast.state[name], tensor)
    torch.testing.assert_close(fast.context, plain.context)
    assert fast.alignment.is_contiguous()
