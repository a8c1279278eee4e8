"""The runner's beam search finds what fairseq's does."""

import numpy as np
import pytest
import torch
from fairseq.dataclass.configs import GenerationConfig
from fairseq.sequence_generator import SequenceGenerator
from fairseq.tasks.translation import TranslationConfig, TranslationTask

pytest.importorskip("onnxruntime")

from fairseq_plugins.runner.search import BeamSearch, SearchSettings, StepResult, best, repeated

from ..builders import build_model, collate, make_dictionary, random_pairs


def make_task(symbols: int) -> TranslationTask:
    cfg = TranslationConfig(source_lang="src", target_lang="tgt")
    return TranslationTask(cfg, make_dictionary(9), make_dictionary(symbols))


def make_model(task, arch: str, sharpness: float):
    model = build_model(arch, task, rnn_type="gru").float()
    for parameter in model.parameters():
        parameter.data.mul_(sharpness)
    return model


def by_fairseq(task, model, pairs, settings: SearchSettings) -> list[list[dict]]:
    config = GenerationConfig(
        beam=settings.beam,
        nbest=settings.beam,
        lenpen=settings.lenpen,
        temperature=settings.temperature,
        no_repeat_ngram_size=settings.no_repeat_ngram,
        min_len=settings.min_len,
        max_len_a=0,
        max_len_b=settings.max_len,
    )
    generator = task.build_generator([model], config, SequenceGenerator)
    return task.inference_step(generator, [model], collate(task, pairs, left_pad_source=False))


@torch.no_grad()
def by_runner(model, pairs, settings: SearchSettings, task):
    """The search over numpy arrays, with the model in the decoder's place."""
    net_input = collate(task, pairs, left_pad_source=False)["net_input"]
    encoder_out = model.encoder(net_input["src_tokens"])
    state = model.decoder.init_state(encoder_out)
    source = {name: tensors[0].numpy() for name, tensors in encoder_out.items()}

    def step(words, source, state):
        given = {name: [torch.from_numpy(array)] for name, array in source.items()}
        before = {name: torch.from_numpy(array) for name, array in state.items()}
        unrolled = model.decoder.teacher_forced(torch.from_numpy(words)[:, None], before, given)
        logits = model.decoder.logits(unrolled.features, unrolled, given)
        lprobs = model.decoder.get_normalized_probs((logits, None), log_probs=True)[:, 0]
        alignment = None if unrolled.alignment is None else unrolled.alignment[:, 0].numpy()
        after = {name: tensor.numpy() for name, tensor in unrolled.state.items()}
        return StepResult(lprobs.numpy(), alignment, after)

    first = {name: tensor.numpy() for name, tensor in state.items()}
    return BeamSearch(step, source, first, settings, len(task.target_dictionary)).run()


SETTINGS = {
    "greedy": SearchSettings(beam=1, max_len=12),
    "beam": SearchSettings(beam=4, max_len=12),
    "wide": SearchSettings(beam=11, max_len=7),
    "short-favoured": SearchSettings(beam=5, lenpen=0.3, max_len=9),
    "long-favoured": SearchSettings(beam=5, lenpen=2.0, max_len=9),
    "cut": SearchSettings(beam=3, max_len=2),
    "at-least": SearchSettings(beam=3, min_len=4, max_len=8),
    "may-be-empty": SearchSettings(beam=3, min_len=0, max_len=5),
    "hot": SearchSettings(beam=4, temperature=3.0, max_len=8),
    "no-pair-twice": SearchSettings(beam=4, no_repeat_ngram=2, max_len=12),
    "no-word-twice": SearchSettings(beam=3, no_repeat_ngram=1, max_len=8),
}


# With 2 symbols a sentence has fewer candidates than beams; where none may come twice they give
# out, and fairseq's search breaks down.
WAYS = [(name, symbols) for name in SETTINGS for symbols in (2, 40)]
WAYS.remove(("no-word-twice", 2))


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
@pytest.mark.parametrize(("name", "symbols"), WAYS)
def test_it_finds_what_fairseq_finds(name, symbols, arch):
    settings = SETTINGS[name]
    task = make_task(symbols)
    model = make_model(task, arch, sharpness=5.0)
    pairs = random_pairs(task, [(5, 1), (1, 1), (8, 1), (3, 1)])
    expected = by_fairseq(task, model, pairs, settings)
    found = by_runner(model, pairs, settings, task)
    for one, other in zip(found, expected, strict=True):
        other = [hypothesis for hypothesis in other if hypothesis["score"] > -np.inf]
        assert [h.words for h in one] == [h["tokens"].tolist() for h in other]
        for mine, theirs in zip(one, other, strict=True):
            assert mine.score == pytest.approx(float(theirs["score"]), abs=1e-4)
            assert mine.word_scores == pytest.approx(theirs["positional_scores"].numpy(), abs=1e-4)
            if arch == "s2s_attn_tiny":
                alignment = theirs["attention"].t().numpy()
                assert np.abs(mine.alignment - alignment).max() < 1e-4


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
def test_words_that_give_out_end_the_search(arch):
    task = make_task(2)
    pairs = random_pairs(task, [(5, 1), (1, 1)])
    model = make_model(task, arch, sharpness=5.0)
    found = by_runner(model, pairs, SETTINGS["no-word-twice"], task)
    for hypotheses in found:
        assert hypotheses
        for each in hypotheses:
            assert len(set(each.words)) == len(each.words) and np.isfinite(each.score)


def test_best_gives_the_largest_first():
    scores = np.array([[1, 5, 3, 4], [0, -1, 7, -np.inf]], np.float32)
    assert best(scores, 3).tolist() == [[1, 3, 2], [2, 0, 1]]


@pytest.mark.parametrize(
    ("said", "size", "words"),
    [([], 2, []), ([4, 5, 4], 2, [5]), ([4, 5, 4, 6, 4], 2, [5, 6]), ([4, 5], 1, [4, 5])],
)
def test_repeated_names_what_would_come_twice(said, size, words):
    assert repeated(said, size) == words
