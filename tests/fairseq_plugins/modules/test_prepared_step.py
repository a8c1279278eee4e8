"""Steps prepared for generation against the plain ones, and searches over them."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from fairseq.models import BaseFairseqModel
from fairseq.search import Sampling
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor, nn

from fairseq_plugins.modules import prepared_step
from fairseq_plugins.modules.attention_decoder import AttentionRNNDecoder
from fairseq_plugins.modules.prepared_step import PREPARED
from fairseq_plugins.tasks._lean_generator import LeanSequenceGenerator

from ..builders import CELLS, build_model, collate, make_dictionary, make_task, random_pairs
from ..test_fast import BATCH, LENGTHS, TASK, Models, assert_same_lists, both, search

TINY = "s2s_attn_tiny"
GENERATORS = [SequenceGenerator, LeanSequenceGenerator]
READY = {
    **{cell: {"rnn_type": cell} for cell in CELLS},
    "normed": {"attention_score": "normed-additive"},
    "temperature": {"attention_temperature": 0.3},
    "layers": {"decoder_layers": 3, "residual_from": 2},
    "gru encoder": {"encoder_rnn_type": "gru"},
    "state readout": {"readout": "state", "decoder_out_embed_dim": 64},
    "linear readout": {"readout": "linear"},
    "maxout": {"readout": "maxout"},
    "context to cell": {"context_to": "cell"},
    "word to cell": {"embed_to": "cell"},
    "tied": {"share_decoder_input_output_embed": True},
}
NOT_READY = {
    "history": {"attention_history": "coverage"},
    "window": {"attention_window": "local-p"},
    "multi-head": {"attention_score": "multi-head-additive", "attention_heads": 4},
    "layer norm": {"cell_norm": "layer"},
    "current query": {"attention_query": "current"},
    "between": {"attention_query": "between"},
    "late": {"context_to": "readout"},
    "all layers": {"context_layers": "all", "decoder_layers": 2},
    "pointer": {"pointer_generator": True},
}


def make_ready(models: Models) -> Models:
    models[0].make_generation_fast_(need_attn=True)
    return models


def steps(model: BaseFairseqModel, k: int) -> Iterator[tuple[Tensor, Tensor, dict, dict]]:
    """Logits, alignment, state and source of each word, with k hypotheses of each sentence.

    They change places after every word, and after the second some sentences go.
    """
    net_input = BATCH["net_input"]
    source = model.encoder(net_input["src_tokens"], net_input["src_lengths"])
    sentences = len(net_input["src_tokens"])
    order = torch.arange(sentences).repeat_interleave(k)
    source, memory = model.encoder.reorder_encoder_out(source, order), {}
    generator = torch.Generator().manual_seed(5)
    words = torch.full((sentences * k, 1), 2)
    for t in range(4):
        new = torch.randint(4, 12, (len(words), 1), generator=generator)
        words = torch.cat([words, new], dim=1)
        logits, extra = model.decoder(words, encoder_out=source, incremental_state=memory)
        state = model.decoder.get_incremental_state(memory, "state")
        yield logits, extra["attn"][0], state, source
        left = torch.arange(len(words) // k)[t == 1 :: 2 if t == 1 else 1]
        choice = torch.randint(k, (len(left), k), generator=generator)
        order = (left.unsqueeze(1) * k + choice).flatten()
        words = words[order]
        model.decoder.reorder_incremental_state(memory, order)
        source = model.encoder.reorder_encoder_out(source, order)


def assert_equal_steps(models: Models, k: int = 3) -> list[dict]:
    """To 1e-9; returns what stands beside the memory at each step of the first."""
    sources = []
    with torch.no_grad():
        for fast, plain in zip(*(steps(model, k) for model in models), strict=True):
            for mine, other in zip(fast[:2], plain[:2], strict=True):
                torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-9)
            assert fast[2].keys() == plain[2].keys()
            for name, tensor in plain[2].items():
                torch.testing.assert_close(fast[2][name], tensor, rtol=1e-9, atol=1e-9)
            sources.append(fast[3])
    return sources


@pytest.mark.parametrize("name", READY)
@pytest.mark.parametrize("k", [1, 3])
def test_prepared_steps_are_the_plain_ones(name, k):
    models = make_ready(both(TINY, **READY[name]))
    assert models[0].decoder.prepared is not None and models[1].decoder.prepared is None
    sources = assert_equal_steps(models, k)
    assert [len(source["memory"][0]) for source in sources] == [6, 6, 3, 3]
    assert all(PREPARED[1] in source for source in sources)


@pytest.mark.parametrize("name", [name for name in READY if name != "tied"])
def test_features_are_not_the_states_own_memory(name):
    """fairseq's search divides them by its temperature, in place."""
    model = build_model(TINY, TASK, adaptive_softmax_cutoff="5,10", **READY[name])
    model.make_generation_fast_(need_attn=True)
    states = []
    for divisor in (1, 2):
        net_input, memory = BATCH["net_input"], {}
        with torch.no_grad():
            source = model.encoder(net_input["src_tokens"], net_input["src_lengths"])
            words = torch.full((len(net_input["src_tokens"]), 1), 2)
            features, _ = model.decoder(words, encoder_out=source, incremental_state=memory)
        features.div_(divisor)
        states.append(model.decoder.get_incremental_state(memory, "state"))
    for entry, tensor in states[0].items():
        torch.testing.assert_close(states[1][entry], tensor, rtol=0, atol=0)


@pytest.mark.parametrize("name", NOT_READY)
def test_no_other_decoder_is_prepared(name):
    models = make_ready(both(TINY, **NOT_READY[name]))
    assert models[0].decoder.prepared is None
    assert_equal_steps(models)


def test_a_half_precision_model_is_not_prepared():
    """Its weights are few bits already, and the step computes in the type of the weights."""
    model = build_model(TINY).bfloat16()
    model.make_generation_fast_()
    assert model.decoder.prepared is None


@pytest.mark.parametrize("hook", ["step", "query", "attend", "unroll"])
def test_a_subclass_with_a_hook_of_its_own_is_not_prepared(hook):
    model = build_model(TINY)

    def own(self: Any, *args: Any) -> Any:
        return getattr(AttentionRNNDecoder, hook)(self, *args)

    model.decoder.__class__ = type("Decoder", (AttentionRNNDecoder,), {hook: own})
    model.make_generation_fast_()
    assert model.decoder.prepared is None


@pytest.mark.parametrize(("part", "form"), [("key_proj", 0), ("query_proj", 1)])
def test_keys_and_queries_too_large_for_exponentials_are_exact(part, form):
    models = both(TINY)
    for model in models:
        getattr(model.decoder.attention, part).weight.data.mul_(1e4)
    sources = assert_equal_steps(make_ready(models))
    assert all(PREPARED[form] in source for source in sources)


def test_a_large_vocabulary_has_no_table(monkeypatch):
    models = both(TINY)
    monkeypatch.setattr(prepared_step, "TABLE_NUMBERS", 1000)
    assert make_ready(models)[0].decoder.prepared.table is None
    assert_equal_steps(models)


def test_a_table_has_a_row_for_each_word():
    fast, _ = make_ready(both(TINY))
    assert len(fast.decoder.prepared.table) == len(TASK.target_dictionary)
    assert not fast.decoder.prepared.table.requires_grad


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize("name", ["lstm", "late", "layer norm", "plain"])
def test_less_precision_reaches_every_decoder_but_a_plain_one(precision, name):
    options = {**READY, **NOT_READY, "plain": {"no_fast": True}}[name]
    exact, rough = (build_model(TINY, **options).float() for _ in range(2))
    rough.decode_precision = precision
    for model in (exact, rough):
        model.make_generation_fast_()
    with torch.no_grad():
        pairs = zip(steps(exact, 2), steps(rough, 2), strict=True)
        errors = [float((one[0] - other[0]).abs().max()) for one, other in pairs]
    assert max(errors) < 0.1
    assert (max(errors) == 0) is (name == "plain")


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_every_product_of_a_prepared_step_has_the_precision(precision):
    model = build_model(TINY).float()
    model.decode_precision = precision
    decoder, weights = model.decoder, [model.decoder.output_proj.weight]
    model.make_generation_fast_()
    step = decoder.prepared
    weights += [decoder.cell.recurrent.weight, decoder.context_gates.weight]
    products = [decoder.output_proj, step.step.from_state, step.from_context]
    for weight, product in zip(weights, products, strict=True):
        torch.manual_seed(1)
        inputs = torch.randn(3, weight.size(1))
        exact = inputs @ weight.t()
        found = product(inputs)
        columns = slice(len(decoder.attention.energy_vector()), None)
        found = found[:, columns] if product is step.step.from_state else found[:, : len(weight)]
        bias = decoder.cell.recurrent.bias if product is step.step.from_state else 0
        error = float((found - bias - exact).abs().max() / exact.abs().max())
        assert 1e-5 < error < 0.05
    inputs = torch.randn(3, decoder.cell.hidden_dim)
    exact = decoder.readout.split_weight()[0] @ inputs.t()
    error = (step.from_output(inputs).t() - decoder.readout.proj.bias.unsqueeze(1) - exact).abs()
    assert 1e-5 < float(error.max() / exact.abs().max()) < 0.05


def test_a_plain_model_keeps_every_method_of_its_layers():
    model = build_model(TINY, no_fast=True).float()
    model.make_generation_fast_()
    assert model.decoder.prepared is None
    linears = [part for part in model.modules() if isinstance(part, nn.Linear)]
    assert linears and not any("forward" in vars(linear) for linear in linears)


def test_weights_are_those_of_the_checkpoint_afterwards():
    model = build_model(TINY)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.make_generation_fast_()
    list(steps(model, 2))
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def end_early(model: BaseFairseqModel) -> dict[str, Any]:
    """A batch in which a sentence of one word ends as soon as it may, and any other never does."""
    decoder, logits = model.decoder, model.decoder.logits

    def biased(features: Tensor, unrolled: Any, encoder_out: dict) -> Tensor:
        outputs = logits(features, unrolled, encoder_out).clone()
        lengths = (~encoder_out["padding_mask"][0]).sum(1)
        short = lengths.repeat_interleave(len(outputs) // len(lengths)) == 2  # and </s>
        outputs[:, :, 2] += torch.where(short, 30.0, -30.0).unsqueeze(1)
        return outputs

    decoder.logits = biased
    return collate(TASK, random_pairs(TASK, [(5, 1), (1, 1), (6, 1), (1, 1), (4, 1)]))


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("rnn_type", CELLS)
def test_sentences_that_finish_long_before_others_leave_the_rest_as_it_is(generator, rnn_type):
    models = make_ready(both(TINY, rnn_type=rnn_type))
    found, expected = (search(generator, m, end_early(m), max_len_b=12) for m in models)
    assert_same_lists(found, expected)
    lengths = [len(hypos[0]["tokens"]) for hypos in expected]
    assert lengths == [13, 2, 13, 2, 13]


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"beam_size": 1},
        {"beam_size": 20},
        {"beam_size": 4, "len_penalty": 2.0, "min_len": 3},
        {"beam_size": 4, "no_repeat_ngram_size": 2},
    ],
    ids=lambda options: ", ".join(map(str, options.items())),
)
def test_every_way_to_search_finds_the_same(generator, ready, options):
    models = both(TINY)
    if ready:
        make_ready(models)
    assert_same_lists(*(search(generator, model, **options) for model in models))


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_sentence_that_stands_twice_in_a_batch_gets_the_same_hypotheses_twice(generator):
    models = make_ready(both(TINY))
    pairs = random_pairs(TASK, LENGTHS)
    batch = collate(TASK, [pairs[0], pairs[1], pairs[0], pairs[2], pairs[1]])
    found, expected = (search(generator, model, batch) for model in models)
    assert_same_lists(found, expected)
    assert_same_lists([found[2], found[4]], [found[0], found[1]])


@pytest.mark.parametrize("generator", GENERATORS)
def test_an_ensemble_of_prepared_models_finds_the_same(generator):
    first, second = (make_ready(both(TINY, rnn_type=cell, seed=7)) for cell in ("gru", "lstm"))
    options = {"beam_size": 3, "max_len_b": 8}
    found, expected = (
        generator(list(models), TASK.target_dictionary, **options).generate(list(models), BATCH)
        for models in zip(first, second, strict=True)
    )
    assert_same_lists(found, expected)


@pytest.mark.parametrize("top", [{"sampling_topk": 4}, {"sampling_topp": 0.7}])
def test_sampling_with_one_seed_draws_the_same_words(top):
    models = make_ready(both(TINY))

    def draw(model: BaseFairseqModel, seed: int) -> list[list[dict[str, Tensor]]]:
        torch.manual_seed(seed)
        strategy = Sampling(TASK.target_dictionary, **top)
        return search(SequenceGenerator, model, search_strategy=strategy)

    assert_same_lists(*(draw(model, 1) for model in models))
    texts = [[h["tokens"].tolist() for h in sum(draw(models[0], seed), [])] for seed in (1, 2)]
    assert texts[0] != texts[1]


@pytest.mark.parametrize("sentences", [4, 128])
@pytest.mark.parametrize("rnn_type", CELLS)
def test_at_sizes_where_weights_are_packed_the_n_best_lists_are_the_plain_ones(rnn_type, sentences):
    """In float32, where a packed weight sums in another order."""
    task = make_task(make_dictionary(500), make_dictionary(500))
    sizes = {"encoder_embed_dim": 64, "encoder_hidden_size": 128, "attention_dim": 96}
    sizes |= {"decoder_embed_dim": 64, "decoder_hidden_size": 128, "decoder_out_embed_dim": 64}
    models = both("s2s_attn", task, rnn_type=rnn_type, dropout=0.0, **sizes)
    for model in models:
        model.float().decoder.output_proj.weight.data.mul_(40)  # no two are nearly as good
    batch = collate(task, random_pairs(task, [(1 + i % 17, 1) for i in range(sentences)]))
    options = {"task": task, "beam_size": 5, "max_len_b": 12}
    fast, plain = make_ready(models)
    expected = search(SequenceGenerator, plain, batch, **options)
    for generator in GENERATORS:
        assert_same_lists(search(generator, fast, batch, **options), expected, 1e-3)
