"""The lean search against fairseq's own: everything that it returns is the same."""

import math
import random
from argparse import Namespace

import pytest
import torch
from fairseq import search
from fairseq.models import FairseqDecoder, FairseqEncoderDecoderModel
from fairseq.models.lstm import LSTMModel
from fairseq.models.lstm import base_architecture as lstm_defaults
from fairseq.models.transformer import TransformerModel
from fairseq.models.transformer.transformer_legacy import tiny_architecture
from fairseq.ngram_repeat_block import NGramRepeatBlock
from fairseq.sequence_generator import EnsembleModel
from fairseq.token_generation_constraints import pack_constraints

from fairseq_plugins.tasks import _lean_search
from fairseq_plugins.tasks._word_scores import plain_decoder

from ..builders import build_model, collate, make_dictionary, make_task, random_pairs
from .generators import (
    TableDecoder,
    TableEncoder,
    assert_same,
    by_fairseq,
    by_fallback,
    by_lean,
    sources,
    table_model,
)

TASK = make_task(make_dictionary(30), make_dictionary(20))


def fairseqs_lstm(task):
    args = Namespace(encoder_embed_dim=8, encoder_hidden_size=8, decoder_embed_dim=8, criterion="")
    args.decoder_hidden_size = args.decoder_out_embed_dim = 8
    lstm_defaults(args)
    return LSTMModel.build_model(args, task)


def transformer(task):
    args = Namespace(encoder_embed_dim=8, encoder_ffn_embed_dim=8, decoder_layers=1)
    args.max_source_positions = args.max_target_positions = 64
    tiny_architecture(args)
    return TransformerModel.build_model(args, task)


MODELS = {
    "s2s_tiny": lambda task, seed: build_model("s2s_tiny", task, seed=seed),
    "s2s_attn_tiny": lambda task, seed: build_model("s2s_attn_tiny", task, seed=seed),
    "pointer": lambda task, seed: build_model(
        "s2s_attn_tiny", task, seed=seed, pointer_generator=True
    ),
    "adaptive softmax": lambda task, seed: build_model(
        "s2s_attn_tiny", task, seed=seed, adaptive_softmax_cutoff="9,15"
    ),
    "lstm": lambda task, seed: fairseqs_lstm(task),
    "transformer": lambda task, seed: transformer(task),
}


def make(name, *, seed=1, task=TASK, dtype=torch.float64):
    """A model whose distributions are far from uniform: it ends, and no two scores are equal."""
    torch.manual_seed(seed)
    model = MODELS[name](task, seed)
    for parameter in model.parameters():
        parameter.data.mul_(15 if name == "lstm" else 2)
    return model.to(dtype).eval()


def make_batch(sentences=7, *, seed=2, task=TASK):
    """Random sentences of unequal lengths, longest first, as fairseq batches them."""
    rng = random.Random(seed)
    lengths = sorted((rng.randint(0, 9) for _ in range(sentences)), reverse=True)
    return collate(task, random_pairs(task, [(length, 1) for length in lengths], seed=seed))


def compare(models, batch, dictionary=TASK.target_dictionary, **options):
    expected = by_fairseq(models, dictionary, batch, **options)
    assert_same(by_lean(models, dictionary, batch, **options), expected)
    return expected


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("beam", [1, 2, 5, 10])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_and_beam_gives_fairseqs_hypotheses(name, beam, dtype):
    model = make(name, dtype=dtype)
    compare([model], make_batch(), beam_size=beam, max_len_b=12)


@pytest.mark.parametrize("name", ["s2s_tiny", "s2s_attn_tiny", "pointer"])
def test_two_hundred_sentences_give_fairseqs_hypotheses(name):
    model = make(name)
    lengths = set()
    for seed in range(4):
        found = compare([model], make_batch(50, seed=seed), beam_size=5, max_len_b=20)
        lengths |= {len(hypotheses[0]["tokens"]) for hypotheses in found}
    assert len(lengths) > 3  # sentences leave the batch at different steps


OPTIONS = {
    "lenpen 0": {"len_penalty": 0.0},
    "lenpen 2": {"len_penalty": 2.0},
    "unnormalized": {"normalize_scores": False},
    "no word twice": {"no_repeat_ngram_size": 1, "max_len_b": 6},
    "no pair twice": {"no_repeat_ngram_size": 2},
    "no three twice": {"no_repeat_ngram_size": 3, "min_len": 8},
    "max_len_a": {"max_len_a": 1.5, "max_len_b": 2},
    "max_len": {"max_len": 4},
    "one word": {"max_len_b": 1},
    "nothing but the end": {"max_len_b": 0, "min_len": 0},
    "min_len 0": {"min_len": 0},
    "min_len 6": {"min_len": 6},
    "min_len is max_len": {"min_len": 7, "max_len_b": 7},
    "unkpen": {"unk_penalty": 1.5},
    "unks": {"unk_penalty": -5.0},
    "cold": {"temperature": 0.5},
    "hot": {"temperature": 3.0},
    "suppressed": {"tokens_to_suppress": ("3", "7", "11")},
    "another end": {"eos": 9},
    "stripped": {"symbols_to_strip_from_output": {5}},
    "beam of the vocabulary": {"beam_size": 500, "max_len_b": 4},
}


@pytest.mark.parametrize("name", ["s2s_attn_tiny", "adaptive softmax"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_option_gives_fairseqs_hypotheses(options, name):
    compare([make(name)], make_batch(), **{"beam_size": 4, "max_len_b": 12, **options})


def test_another_first_symbol_is_said_to_the_decoder():
    found = compare([make("s2s_attn_tiny")], make_batch(), beam_size=3, call={"bos_token": 8})
    usual = by_fairseq([make("s2s_attn_tiny")], TASK.target_dictionary, make_batch(), beam_size=3)
    assert found[0][0]["score"] != usual[0][0]["score"]


def test_a_min_len_beyond_the_max_len_is_refused_as_fairseq_does():
    for generate in (by_fairseq, by_lean):
        with pytest.raises(AssertionError, match="min_len cannot be larger than max_len"):
            generate([make("lstm")], TASK.target_dictionary, make_batch(), max_len_b=3, min_len=4)


@pytest.mark.parametrize(
    "names",
    [["s2s_attn_tiny", "s2s_attn_tiny"], ["pointer", "s2s_tiny", "lstm"], ["transformer", "lstm"]],
    ids="+".join,
)
def test_ensembles_give_fairseqs_hypotheses(names):
    models = [make(name, seed=seed) for seed, name in enumerate(names)]
    options = {"beam_size": 4, "max_len_b": 10, "temperature": 1.5, "unk_penalty": 0.5}
    compare(models, make_batch(), **options)


@pytest.mark.parametrize("cached", [1, 1 << 19])
def test_n_grams_are_blocked_in_parts_of_any_size(monkeypatch, cached):
    monkeypatch.setattr(_lean_search, "CACHED", cached)
    options = {"beam_size": 5, "max_len_b": 15}
    free = compare([make("s2s_attn_tiny")], make_batch(20), **options)
    found = compare([make("s2s_attn_tiny")], make_batch(20), no_repeat_ngram_size=1, **options)
    assert all(len(set(each[0]["tokens"].tolist())) == len(each[0]["tokens"]) for each in found)
    assert any(len(set(each[0]["tokens"].tolist())) < len(each[0]["tokens"]) for each in free)


@pytest.mark.parametrize("cached", [1, 1 << 19])
def test_large_vocabularies_in_parts_of_any_size_give_fairseqs_hypotheses(monkeypatch, cached):
    monkeypatch.setattr(_lean_search, "CACHED", cached)
    dictionary = make_dictionary(5003)
    options = {"beam_size": 5, "max_len_b": 8, "unk_penalty": 0.5, "dictionary": dictionary}
    compare([table_model(dictionary)], sources(dictionary, 6), **options)
    models = [table_model(dictionary, seed) for seed in (1, 2)]
    compare(models, sources(dictionary, 6), **options)


@pytest.mark.parametrize("symbols", [0, 1, 2, 4])
def test_dictionaries_smaller_than_the_beam_give_fairseqs_hypotheses(symbols):
    dictionary = make_dictionary(symbols)
    batch = sources(make_dictionary(9), 4)
    for seed in range(30):
        model = table_model(dictionary, seed)
        options = {"beam_size": 9, "max_len_b": 5, "min_len": seed % 2}
        compare([model], batch, dictionary, **options)


@pytest.mark.parametrize("allowed", [1, 2, 3])
def test_where_fewer_words_are_allowed_than_the_beam_nothing_impossible_is_found(allowed):
    dictionary = make_dictionary(9)
    suppressed = ("<s>", *map(str, range(allowed - 1, 9)))
    for seed in range(10):
        options = {"min_len": 3, "max_len_b": 5, "tokens_to_suppress": suppressed}
        found = compare(
            [table_model(dictionary, seed)],
            sources(dictionary, 4),
            dictionary,
            beam_size=9,
            **options,
        )
        assert all(hypo["score"] > -math.inf for hypo in sum(found, []))


WRAPS = {
    "no alignment": lambda logits, alignment: (logits, {"attn": [None]}),
    "an alignment that is no list": lambda logits, alignment: (logits, {"attn": alignment}),
    "an alignment alone": lambda logits, alignment: (logits, alignment),
    "no alignments at all": lambda logits, alignment: (logits, {"attn": None}),
    "nothing": lambda logits, alignment: (logits, None),
    "only logits": lambda logits, alignment: (logits,),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_whatever_a_decoder_gives_as_alignment_gives_fairseqs(wrap):
    dictionary = make_dictionary(9)
    batch = sources(dictionary, 5)
    compare([table_model(dictionary, wrap=wrap)], batch, dictionary, beam_size=3, max_len_b=6)


def test_a_decoder_may_use_the_memory_of_its_alignments_again():
    dictionary, batch = make_dictionary(9), sources(make_dictionary(9), 1)
    memory = torch.empty(3, 1, 5)

    def wrap(logits, alignment):
        return logits, {"attn": [memory.copy_(alignment)]}

    model = table_model(dictionary, wrap=wrap)
    compare([model], batch, dictionary, beam_size=3, max_len_b=6)


def test_the_decoders_own_numbers_stay_as_they_are():
    dictionary = make_dictionary(9)
    model = table_model(dictionary)
    model.decoder.wrap = lambda logits, alignment: (kept.append(logits) or logits, None)
    kept, table = [], model.decoder.table.clone()
    by_lean([model], dictionary, sources(dictionary, 2), beam_size=2, max_len_b=4, temperature=2.0)
    assert kept and torch.equal(model.decoder.table, table)
    assert all(logits.isfinite().all() for logits in kept)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_row_that_is_not_a_number_is_out_of_the_search_as_with_fairseq(value):
    dictionary = make_dictionary(9)
    batch = sources(dictionary, 6)
    options = {"beam_size": 4, "max_len_b": 6}
    clean = by_fairseq([table_model(dictionary)], dictionary, batch, **options)
    model = table_model(dictionary)
    first_word = torch.full((6, 1), dictionary.eos())
    firsts = model.decoder.rows(first_word, batch["net_input"]["src_tokens"])
    model.decoder.table[[row for row in range(0, 101, 4) if row not in firsts], 6] = value
    found = compare([model], batch, dictionary, **options)
    assert any(
        mine["tokens"].tolist() != other["tokens"].tolist()
        for mine, other in zip(sum(found, []), sum(clean, []), strict=False)
    )


class Masked(FairseqEncoderDecoderModel):
    """Log-probabilities of its own, some of which are not numbers."""

    def get_normalized_probs(self, net_output, log_probs, sample=None):
        lprobs = super().get_normalized_probs(net_output, log_probs, sample)
        return lprobs.masked_fill(lprobs < -4, math.nan)


def test_log_probabilities_of_a_models_own_are_taken_as_they_are():
    dictionary = make_dictionary(9)
    model = table_model(dictionary)
    model = Masked(model.encoder, model.decoder)
    compare([model], sources(dictionary, 6), dictionary, beam_size=4, max_len_b=6)


def test_a_search_that_finds_no_end_fails_as_with_fairseq():
    dictionary = make_dictionary(9)
    model = table_model(dictionary)
    model.decoder.table[:] = math.nan
    for generate in (by_fairseq, by_lean):
        with pytest.raises(AssertionError, match="4 < 4"):
            generate([model], dictionary, sources(dictionary, 2), max_len_b=4)


class Barren(TableDecoder):
    """Can say nothing to a source that begins with ``word``."""

    word = -1

    def forward(self, tokens, encoder_out=None, incremental_state=None, **unused):
        logits, extra = super().forward(tokens, encoder_out, incremental_state)
        logits[encoder_out["source"][0][:, 0] == self.word] = math.nan
        return logits, extra


def test_a_search_that_may_stop_at_the_longest_gives_what_it_has_as_fairseqs():
    """Among sentences with an end, one without has an empty list."""
    dictionary = make_dictionary(9)
    batch = sources(dictionary, 5)
    table = table_model(dictionary).decoder.table
    model = FairseqEncoderDecoderModel(TableEncoder(dictionary), Barren(dictionary, table))
    model.decoder.word = batch["net_input"]["src_tokens"][2, 0]
    strategy = search.BeamSearch(dictionary)
    strategy.stop_on_max_len = True
    options = {"max_len_b": 4, "beam_size": 3, "search_strategy": strategy}
    found = compare([model], batch, dictionary, **options)
    assert found[2] == [] and all(found[:2])


class OwnSoftmax(TableDecoder):
    def get_normalized_probs(self, net_output, log_probs, sample=None):
        return (net_output[0] / 2).log_softmax(-1)


class OwnScriptedSoftmax(TableDecoder):
    def get_normalized_probs_scriptable(self, net_output, log_probs, sample=None):
        return (net_output[0] / 2).log_softmax(-1)


@pytest.mark.parametrize("decoder", [OwnSoftmax, OwnScriptedSoftmax])
def test_a_decoders_own_softmax_is_asked(decoder):
    dictionary = make_dictionary(9)
    table = table_model(dictionary).decoder.table
    model = FairseqEncoderDecoderModel(TableEncoder(dictionary), decoder(dictionary, table))
    compare([model], sources(dictionary, 4), dictionary, beam_size=3, max_len_b=6)


@pytest.mark.parametrize(
    "name, plain", [(name, name != "adaptive softmax") for name in MODELS], ids=list(MODELS)
)
def test_logits_are_taken_wherever_they_are_only_normalised(name, plain):
    model = make(name)
    assert plain_decoder(EnsembleModel([model])) is (model.decoder if plain else None)
    assert plain_decoder(EnsembleModel([model, model])) is None


def test_encoder_and_decoder_are_told_of_the_same_rows_as_by_fairseq():
    calls = []

    class Recorded(TableEncoder):
        def reorder_encoder_out(self, encoder_out, new_order):
            calls.append(new_order.tolist())
            return super().reorder_encoder_out(encoder_out, new_order)

    dictionary = make_dictionary(9)
    decoder = table_model(dictionary).decoder
    decoder.reorder_incremental_state_scripting = lambda state, order: calls.append(order.tolist())
    model = FairseqEncoderDecoderModel(Recorded(dictionary), decoder)
    batch = sources(dictionary, 5)
    options = {"beam_size": 3, "max_len_b": 9}
    by_fairseq([model], dictionary, batch, **options)
    expected, calls[:] = list(calls), []
    by_lean([model], dictionary, batch, **options)
    assert calls == expected
    assert len({len(call) for call in calls}) > 1  # the batch has shrunk on the way


class WithoutState(FairseqDecoder):
    """A decoder that takes the whole prefix every time."""

    def __init__(self, decoder):
        super().__init__(decoder.dictionary)
        self.decoder = decoder

    def forward(self, tokens, encoder_out=None, **unused):
        return self.decoder(tokens, encoder_out)


DICTIONARY = TASK.target_dictionary
STRATEGIES = {
    "sampling": lambda: search.Sampling(DICTIONARY, sampling_topk=5),
    "diverse": lambda: search.DiverseBeamSearch(DICTIONARY, 2, 0.5),
    "siblings": lambda: search.DiverseSiblingsSearch(DICTIONARY, 0.5),
    "length": lambda: search.LengthConstrainedBeamSearch(DICTIONARY, 1, 0, 1, 0),
    "constrained": lambda: search.LexicallyConstrainedBeamSearch(DICTIONARY, "ordered"),
    "allowed": lambda: search.PrefixConstrainedBeamSearch(DICTIONARY, lambda i, t: [2, 5, 6]),
}


def compare_fallback(models, batch, *, strategy=None, **options):
    found = []
    for generate in (by_fairseq, by_fallback):
        torch.manual_seed(1)
        options["search_strategy"] = strategy and strategy()
        found.append(generate(models, DICTIONARY, batch, beam_size=4, max_len_b=12, **options))
    assert_same(*found)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_other_search_is_fairseqs(name):
    batch, call = make_batch(), {}
    if name == "constrained":
        call = {"constraints": pack_constraints([[torch.tensor([6, 7])]] * 7)}
    batch["id"] = torch.arange(7)
    compare_fallback([make("s2s_attn_tiny")], batch, strategy=STRATEGIES[name], call=call)


def test_prefixes_are_left_to_fairseq():
    prefix = torch.tensor([[4, 5], [6, 1], [1, 1], [7, 8], [4, 1], [9, 9], [5, 5]])
    compare_fallback([make("s2s_attn_tiny")], make_batch(), call={"prefix_tokens": prefix})


def test_fairseqs_extension_against_repeated_n_grams_is_left_to_fairseq(monkeypatch):
    blocker = "fairseq.ngram_repeat_block.is_cuda_extension_usable"
    monkeypatch.setattr(blocker, lambda: True)
    monkeypatch.setattr(NGramRepeatBlock, "call_cuda_extension", NGramRepeatBlock._no_repeat_ngram)
    compare_fallback([make("s2s_attn_tiny")], make_batch(), no_repeat_ngram_size=2)


def test_the_fusion_with_a_language_model_is_left_to_fairseq():
    class LanguageModel(torch.nn.Module):
        def forward(self, tokens):
            return torch.randn(
                *tokens.shape, len(DICTIONARY), generator=torch.Generator().manual_seed(1)
            )

        def get_normalized_probs(self, output, log_probs, sample):
            return output.log_softmax(-1)

    compare_fallback([make("s2s_attn_tiny")], make_batch(), lm_model=LanguageModel())


def test_a_decoder_without_state_is_left_to_fairseq():
    model = table_model(DICTIONARY)
    model = FairseqEncoderDecoderModel(model.encoder, WithoutState(model.decoder))
    compare_fallback([model], sources(DICTIONARY, 5))


@pytest.mark.parametrize("lacking", ["src_lengths", "src_tokens"])
def test_inputs_of_other_tasks_are_left_to_fairseq(lacking):
    class AnyInput(TableEncoder):
        def forward_torchscript(self, net_input):
            return self.forward(net_input.get("src_tokens", net_input.get("source")))

    model = FairseqEncoderDecoderModel(AnyInput(DICTIONARY), table_model(DICTIONARY).decoder)
    net_input = sources(DICTIONARY, 3)["net_input"]
    net_input |= {"source": net_input["src_tokens"], "padding_mask": torch.zeros(3, 5)}
    del net_input[lacking]
    compare_fallback([model], {"net_input": net_input})


def test_the_length_of_the_source_is_measured_as_this_fairseq_does():
    compare_fallback([make("s2s_attn_tiny")], make_batch(), match_source_len=True)
