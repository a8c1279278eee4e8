"""fairseq's own models: the same outputs as fairseq-generate, and nothing evaluated."""

import argparse

import pytest
import torch
from fairseq import utils

from fairseq_plugins import S2SError
from scripts.reporting import builtin, loading
from tests.fairseq_plugins.commands import generate, lines

LANGUAGES = ("src", "tgt")


def load(checkpoints, corpus, name):
    return loading.load(
        name, checkpoints / name / "checkpoint_best.pt", corpus / "bin", LANGUAGES
    ).model


def change(checkpoints, name, folder, **options):
    """A copy of a checkpoint with other stored options."""
    with torch.serialization.safe_globals([argparse.Namespace]):
        state = torch.load(checkpoints / name / "checkpoint_best.pt", weights_only=True)
    vars(state["cfg"]["model"]).update(options)
    torch.save(state, folder / "changed.pt")
    return folder / "changed.pt"


@pytest.mark.parametrize("name", builtin.MODELS)
def test_it_gives_what_fairseq_generate_gives(checkpoints, corpus, name):
    with torch.serialization.safe_globals([argparse.Namespace]):
        output = generate(corpus / "bin", checkpoints / name / "checkpoint_best.pt", "--beam", 3)
    sources = {number: fields[0] for number, fields in lines(output, "S")}
    expected = dict(lines(output, "H"))
    model = load(checkpoints, corpus, name)
    numbers = sorted(sources)
    found = model.generate([sources[number] for number in numbers], beam=3, max_len=20)
    assert len(found) == 60
    for number, [hypothesis] in zip(numbers, found, strict=True):
        score, text = expected[number]
        assert hypothesis.text == text
        assert hypothesis.score / 0.6931472 == pytest.approx(float(score), abs=1e-3)  # base 2 there


@pytest.mark.parametrize("name", builtin.MODELS)
def test_company_does_not_change_alignments(checkpoints, corpus, name):
    model = load(checkpoints, corpus, name)
    texts = ["1 2 3 4 5 6 7", "8", "9 0 1", "2 2 3"]
    assert model.attends
    for text, [hypothesis] in zip(texts, model.generate(texts, beam=2, max_len=9), strict=True):
        [[alone]] = model.generate([text], beam=2, max_len=9)
        together, apart = torch.tensor(hypothesis.alignment), torch.tensor(alone.alignment)
        assert together.shape == (len(hypothesis.tokens), len(text.split()) + 1)
        torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)
        torch.testing.assert_close(together.sum(1), torch.ones(len(together)), atol=1e-4, rtol=0)


def test_an_lstm_without_attention_has_no_alignment(checkpoints, corpus, tmp_path):
    path = change(checkpoints, "lstm", tmp_path, decoder_attention="0")
    with torch.serialization.safe_globals([argparse.Namespace]):
        state = torch.load(path, weights_only=True)
    for key in [key for key in state["model"] if key.startswith("decoder.attention.")]:
        del state["model"][key]
    torch.save(state, path)
    model = loading.load("plain", path, corpus / "bin", LANGUAGES).model
    assert not model.attends
    assert model.generate(["1 2"], beam=1)[0][0].alignment is None


CODE = "__import__('pathlib').Path('executed').touch()"


@pytest.mark.parametrize(
    "name, options",
    [
        ("lstm", {"adaptive_softmax_cutoff": CODE, "criterion": "adaptive_loss"}),
        ("lstm", {"decoder_attention": CODE}),
        ("lstm", {"encoder_hidden_size": "16"}),
        ("lstm", {"encoder_embed_dim": 10**9}),
        ("transformer", {"adaptive_softmax_cutoff": CODE}),
        ("transformer", {"encoder_layers_to_keep": "0"}),
        ("transformer", {"encoder_xformers_att_config": CODE}),
        ("transformer", {"decoder_xformers_att_config": CODE}),
        ("transformer", {"quant_noise_pq": CODE}),
        ("transformer", {"activation_fn": CODE}),
        ("transformer", {"decoder_layers": 10**6}),
    ],
)
def test_an_option_that_is_no_number_is_refused(
    checkpoints, corpus, tmp_path, monkeypatch, name, options
):
    monkeypatch.chdir(tmp_path)
    path = change(checkpoints, name, tmp_path, **options)
    with pytest.raises(S2SError, match=next(iter(options))):
        loading.load(name, path, corpus / "bin", LANGUAGES)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", builtin.MODELS)
def test_fairseq_gets_nothing_to_evaluate(checkpoints, corpus, monkeypatch, name):
    for function in ("eval_str_list", "eval_str_dict", "eval_bool"):
        upstream = getattr(utils, function)

        def watched(value, *rest, upstream=upstream, **options):
            assert value in ("0", "1") or not isinstance(value, str)
            return upstream(value, *rest, **options)

        monkeypatch.setattr(utils, function, watched)
    load(checkpoints, corpus, name)


def test_an_adaptive_softmax_is_built_from_numbers(checkpoints, tmp_path):
    path = change(checkpoints, "transformer", tmp_path, adaptive_softmax_cutoff="3, 5")
    options = vars(loading.read_state(path)["cfg"]["model"])
    assert builtin.check(path, "transformer", options).adaptive_softmax_cutoff == [3, 5]


def test_other_models_of_fairseq_are_refused(checkpoints, corpus, tmp_path):
    path = change(checkpoints, "lstm", tmp_path, _name="fconv")
    with pytest.raises(S2SError, match="fconv"):
        loading.load("fconv", path, corpus / "bin", LANGUAGES)
