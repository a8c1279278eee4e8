"""fairseq's search over our models: what it returns is what the model says."""

import itertools

import pytest
import torch
from fairseq.dataclass.configs import GenerationConfig
from fairseq.tasks.translation import TranslationConfig, TranslationTask

from .builders import CELLS, build_model, collate, make_dictionary, random_pairs
from .cases import CASES, build_case
from .test_laws import over_cases

LIVE = 3  # content symbols that can be generated


def make_translation_task(target_symbols: int) -> TranslationTask:
    cfg = TranslationConfig(source_lang="src", target_lang="tgt")
    return TranslationTask(cfg, make_dictionary(6), make_dictionary(target_symbols))


def search(task, model, batch, **options) -> list[list[dict]]:
    """The hypotheses of each row, by fairseq's generator."""
    generator = task.build_generator([model], GenerationConfig(max_len_a=0, **options))
    return task.inference_step(generator, [model], batch)


def keep_live_symbols_only(model, dictionary) -> None:
    """Give every symbol but ``</s>`` and LIVE content symbols a logit of -inf."""
    dead = torch.ones(len(dictionary), dtype=torch.bool)
    dead[dictionary.eos()] = False
    dead[dictionary.nspecial : dictionary.nspecial + LIVE] = False
    decoder, logits = model.decoder, model.decoder.logits
    decoder.logits = lambda *args: logits(*args).masked_fill(dead, float("-inf"))


def forced_score(model, task, source, target) -> float:
    """The mean log-probability per token of ``target``, by teacher forcing."""
    batch = collate(task, [(source, target)])
    net_output = model(**batch["net_input"])
    lprobs = model.get_normalized_probs(net_output, log_probs=True)[0]
    return float(lprobs.gather(1, target.unsqueeze(1)).mean())


WIDE = [case for case in CASES if not case.startswith(("s2s_tiny-", "s2s_attn_tiny-"))]
WIDE += [f"{arch}-{cell}-bidirectional" for arch in ("s2s_tiny", "s2s_attn_tiny") for cell in CELLS]


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c in WIDE else [pytest.mark.slow]) for c in CASES]
)
def test_a_beam_as_wide_as_the_search_space_equals_brute_force(case):
    task = make_translation_task(target_symbols=60)  # fairseq caps the beam at the vocabulary
    model = build_case(case, task)
    for parameter in model.parameters():  # far from uniform, so that the ranking is sharp
        parameter.data.mul_(4)
    keep_live_symbols_only(model, task.target_dictionary)
    [pair] = random_pairs(task, [(4, 1)])
    symbols = range(task.target_dictionary.nspecial, task.target_dictionary.nspecial + LIVE)
    eos = task.target_dictionary.eos()
    everything = [
        torch.tensor([*words, eos])
        for length in range(4)
        for words in itertools.product(symbols, repeat=length)
    ]
    with torch.no_grad():
        scores = {tuple(y.tolist()): forced_score(model, task, pair[0], y) for y in everything}
    expected = sorted(scores, key=scores.get, reverse=True)
    batch = collate(task, [pair])
    [found] = search(task, model, batch, beam=45, nbest=45, max_len_b=3, min_len=0)
    found = [hypo for hypo in found if hypo["score"] > float("-inf")]
    assert [tuple(hypo["tokens"].tolist()) for hypo in found] == expected
    for hypo, tokens in zip(found, expected, strict=True):
        assert float(hypo["score"]) == pytest.approx(scores[tokens], abs=1e-5)


@over_cases
def test_the_beams_score_is_the_forced_score_of_its_output(case):
    task = make_translation_task(target_symbols=9)
    model = build_case(case, task)
    pairs = random_pairs(task, [(3, 1), (7, 1), (1, 1), (5, 1)])
    for row, hypos in enumerate(search(task, model, collate(task, pairs), beam=4, max_len_b=8)):
        for hypo in hypos:
            with torch.no_grad():
                forced = forced_score(model, task, pairs[row][0], hypo["tokens"])
            assert float(hypo["score"]) == pytest.approx(forced, abs=1e-5)


@over_cases
def test_beam_1_equals_greedy(case):
    task = make_translation_task(target_symbols=9)
    model = build_case(case, task)
    pairs = random_pairs(task, [(3, 1), (7, 1), (1, 1), (5, 1)])
    found = search(task, model, collate(task, pairs), beam=1, max_len_b=8, min_len=0)
    pad, eos = task.target_dictionary.pad(), task.target_dictionary.eos()
    for (source, _), [hypo] in zip(pairs, found, strict=True):
        words = torch.tensor([[eos]])
        encoder_out = model.encoder(source.unsqueeze(0))
        for _ in range(9):
            logits, _ = model.decoder(words, encoder_out=encoder_out)  # no incremental state
            logits[0, -1, pad] = float("-inf")
            best = logits[0, -1].argmax() if words.size(1) < 9 else torch.tensor(eos)
            words = torch.cat([words, best.view(1, 1)], dim=1)
            if best == eos:
                break
        assert hypo["tokens"].tolist() == words[0, 1:].tolist()


def test_the_alignment_of_generation_is_that_of_teacher_forcing():
    task = make_translation_task(target_symbols=9)
    model = build_model("s2s_attn_tiny", task)
    pairs = random_pairs(task, [(3, 1), (7, 1), (5, 1)])
    found = search(task, model, collate(task, pairs), beam=3, max_len_b=8)
    for (source, _), hypos in zip(pairs, found, strict=True):
        for hypo in hypos:
            _, extra = model(**collate(task, [(source, hypo["tokens"])])["net_input"])
            torch.testing.assert_close(
                hypo["attention"][-len(source) :].t().double(),
                extra["attn"][0][0],
                atol=1e-6,
                rtol=0,
            )
