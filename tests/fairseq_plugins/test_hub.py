"""Loading a model once and using it from Python."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from fairseq_plugins import S2SError, load
from fairseq_plugins._token_stream import complete
from scripts import spm

from .commands import generate, lines, reversed_digits, train

GOLDEN = Path(__file__).with_name("golden") / "s2s_attn"


@pytest.fixture(scope="module")
def golden():
    """A model that has learned to reverse digits: without a training."""
    found = load(GOLDEN)
    yield found
    found.close()


@pytest.fixture(scope="module")
def model(digits, trained):
    return load(trained, data=digits / "bin")


def test_it_gives_what_fairseq_generate_gives(digits, trained, model):
    output = generate(digits / "bin", trained / "checkpoint_best.pt", "--beam", 4)
    sources = {number: fields[0] for number, fields in lines(output, "S")}
    expected = dict(lines(output, "H"))
    found = model.generate([sources[number] for number in range(100)], beam=4)
    for number, [hypothesis] in enumerate(found):
        score, text = expected[number]
        assert hypothesis.text == text
        # fairseq-generate prints base 2
        assert hypothesis.score / 0.6931472 == pytest.approx(float(score), abs=1e-4)


def test_order_and_company_change_nothing(model):
    texts = [source for source, _ in reversed_digits(30, longest=5, seed=9)]
    together = model.generate(texts, beam=3)
    for text, [hypothesis] in zip(texts, together, strict=True):
        [[alone]] = model.generate([text], beam=3)
        assert alone.text == hypothesis.text
        assert alone.score == pytest.approx(hypothesis.score, abs=1e-5)


def test_alignments_are_rows_of_tokens_over_the_source(model):
    [[hypothesis], [longer]] = model.generate(["1 2 3", "4 5 6 7"], beam=3)
    assert hypothesis.source_tokens == ["1", "2", "3", "</s>"]
    assert hypothesis.tokens[-1] == "</s>"
    assert len(hypothesis.alignment) == len(hypothesis.tokens)
    for row in hypothesis.alignment:
        assert len(row) == 4
        assert sum(row) == pytest.approx(1, abs=1e-5)
    assert len(longer.alignment[0]) == 5


def test_a_plain_decoder_has_no_alignment(digits, trained_plain):
    [[hypothesis]] = load(trained_plain, data=digits / "bin").generate(["1 2"])
    assert hypothesis.alignment is None


def test_nbest_and_sampling(model):
    [hypotheses] = model.generate(["1 2 3"], beam=4, nbest=4)
    assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
    assert len({h.text for h in hypotheses}) == 4

    def draw(seed):
        return model.generate(["1 2 3"] * 8, beam=1, sampling=True, temperature=3, seed=seed)

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


@pytest.mark.parametrize(
    "text", ["", " ", "unheard of", "\ud800", "\x00", "1 " * 1500, "</s> <pad>"]
)
def test_odd_text_is_answered(model, text):
    [[hypothesis]] = model.generate([text], max_len=20)
    assert len(hypothesis.tokens) <= 21
    assert model.generate([]) == []


@pytest.mark.parametrize(
    "settings", [{"beam": 0}, {"nbest": 6}, {"max_len": 0}, {"temperature": 0}, {"min_len": 300}]
)
def test_settings_out_of_range_are_one_sentence(model, settings):
    with pytest.raises(S2SError, match=next(iter(settings))):
        model.generate(["1"], **settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"topk": 5}, "give sampling=True"),
        ({"topp": 0.5}, "give sampling=True"),
        ({"sampling": True, "seed": 2**70}, "seed is .* of 64 bits"),
        ({"seed": "1"}, "seed is '1', but must be a number"),
        ({"temperature": float("nan")}, "temperature is nan, but must be a number"),
        ({"lenpen": float("inf")}, "lenpen is inf, but must be a number"),
        ({"min_len": 200_000, "max_len": 300_000}, "min_len is 200000, but must be at most 99999"),
        ({"beam": 2.5}, "beam is 2.5, but must be a whole number"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram is -1"),
    ],
)
def test_settings_that_no_search_has_are_one_sentence(golden, settings, sentence):
    with pytest.raises(S2SError, match=sentence):
        golden.generate(["1"], **settings)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", 1.5])
def test_a_device_that_is_not_there_is_one_sentence(device):
    with pytest.raises(S2SError, match=f"The device '{device}' cannot be used here: .* cpu"):
        load(GOLDEN, device=device)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda model: model.generate("123"), "'123' stands where a list"),
        (lambda model: model.embed("1 2"), "'1 2' stands where a list"),
        (lambda model: model.streams("1 2"), "'1 2' stands where a list"),
        (lambda model: model.generate(["1"], constraints=["93"]), "'93' stands where a list"),
        (lambda model: model.generate(["1"], constraints=[[7]]), "but 7 is none"),
        (lambda model: model.generate(["1"], prefix=[None]), "but None is none"),
        (lambda model: model.generate([None]), "but None is none"),
        (lambda model: model.generate(None), "None stands where a list"),
        (lambda model: model.stream(["1"]), r"but \['1'\] is none"),
        (lambda model: model.stream("1", topp=0.5), "give sampling=True"),
        (lambda model: model.score(["12"]), "'12' is no pair"),
        (lambda model: model.score([("1", 2)]), "2 stands where a list"),
        (lambda model: model.align([("1", "2", "3")]), "is no pair"),
        (lambda model: model.align([(b"1", "2")]), "but b'1' is none"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(golden, ask, sentence):
    with pytest.raises(S2SError, match=sentence):
        ask(golden)


def test_more_likeliest_tokens_than_there_are_mean_all(golden):
    options = {"sampling": True, "seed": 1, "beam": 3}
    assert golden.generate(["1 2"], topk=10**9, **options)
    assert golden.generate(["1 2"], topk=0, topp=0.0, **options)
    assert golden.generate(["1 2"], topk=0)
    assert list(golden.stream("1 2", topk=10**9, sampling=True))


@pytest.mark.parametrize("seed", [-(1 << 63), (1 << 64) - 1, np.int64(3)])
def test_every_whole_number_of_64_bits_is_a_seed(golden, seed):
    options = {"sampling": True, "seed": seed, "temperature": np.float32(3), "beam": np.int64(2)}
    assert golden.generate(["1 2"], **options) == golden.generate(["1 2"], **options)


def test_the_languages_may_be_named(digits, trained, tmp_path):
    for language in ("left", "right"):
        shutil.copy(digits / "bin" / "dict.src.txt", tmp_path / f"dict.{language}.txt")
    model = load(trained, data=tmp_path, languages=("left", "right"))
    assert model.generate(["1 2 3"])[0][0].text == "3 2 1"


def test_a_checkpoint_alone_is_told_what_it_lacks(trained, tmp_path):
    """As fairseq stores it where nobody named the languages."""
    state = torch.load(trained / "checkpoint_best.pt", weights_only=True)
    state["cfg"]["task"].update(source_lang=None, target_lang=None)
    torch.save(state, tmp_path / "checkpoint_best.pt")
    with pytest.raises(S2SError, match=r"There are no dictionaries in .*: copy the dict\.\*\.txt"):
        load(tmp_path)


def test_a_path_that_the_system_refuses_is_one_sentence(tmp_path):
    with pytest.raises(S2SError, match="cannot be read: File name too long"):
        load(tmp_path / ("x" * 300))


def test_missing_and_damaged_dictionaries_are_one_sentence(digits, trained, tmp_path):
    with pytest.raises(S2SError, match=r"There is no dictionary .*dict.src.txt"):
        load(trained, data=tmp_path)
    for language in ("src", "tgt"):
        (tmp_path / f"dict.{language}.txt").write_text("one two three\n", encoding="utf-8")
    with pytest.raises(S2SError, match="is damaged"):
        load(trained, data=tmp_path)
    for language in ("src", "tgt"):
        (tmp_path / f"dict.{language}.txt").write_text("1 1\n2 1\n", encoding="utf-8")
    with pytest.raises(S2SError, match="a source dictionary of 16 symbols"):
        load(trained, data=tmp_path)


@pytest.fixture
def of_pieces(tmp_path):
    """A checkpoint, its dictionaries of pieces in another folder, and their SentencePiece model."""
    shutil.copy(GOLDEN / "checkpoint_best.pt", tmp_path)
    (tmp_path / "data").mkdir()
    for side in ("src", "tgt"):
        digits = (GOLDEN / f"dict.{side}.txt").read_text().splitlines(keepends=True)
        pieces = "".join(f"\u2581{line}" for line in digits)
        (tmp_path / "data" / f"dict.{side}.txt").write_text(pieces, encoding="utf-8")
    return tmp_path


def test_pieces_without_their_model_are_warned_of(of_pieces, caplog):
    model = load(of_pieces, data=of_pieces / "data")
    assert f"there is no *.model in {of_pieces / 'data'}" in caplog.text
    assert len(caplog.records) == 1
    assert (
        model.generate(["\u25811 \u25812"])[0][0].tokens[0] == "\u25812"
    )  # cut already: as before


def test_the_model_of_pieces_may_stand_beside_the_checkpoint(of_pieces, caplog):
    spm.train(["1 2 3 4 5 6 7 8 9 0"] * 4, of_pieces / "spm", 280)
    assert load(of_pieces, data=of_pieces / "data").pieces is not None
    assert caplog.text == ""


@pytest.mark.parametrize("name", ["dict.src.txt", "x.model"])
def test_a_huge_file_is_not_read(digits, trained, tmp_path, name):
    for file in (digits / "bin").glob("dict.*.txt"):
        shutil.copy(file, tmp_path)
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 40)  # has no blocks on the disk
    with pytest.raises(S2SError, match=rf"{name} has 1048576 MiB, and 256 are the most"):
        load(trained, data=tmp_path)


def test_a_damaged_sentencepiece_model_is_one_sentence(digits, trained, tmp_path):
    for language in ("src", "tgt"):
        shutil.copy(digits / "bin" / f"dict.{language}.txt", tmp_path)
    (tmp_path / "spm.model").write_bytes(b"not a model")
    with pytest.raises(S2SError, match=r"SentencePiece model .* cannot be read"):
        load(trained, data=tmp_path)


def test_a_stream_grows_into_what_a_beam_of_one_finds(model):
    texts = [source for source, _ in reversed_digits(10, longest=5, seed=4)]
    for text, [whole] in zip(texts, model.generate(texts, beam=1), strict=True):
        tokens = list(model.stream(text))
        assert [token.piece for token in tokens] == whole.tokens
        assert tokens[-1].text == whole.text
        assert [token.score for token in tokens] == pytest.approx(whole.token_scores, abs=1e-5)
        assert all(
            token.alignment == pytest.approx(row, abs=1e-5)
            for token, row in zip(tokens, whole.alignment, strict=True)
        )
        texts_so_far = [token.text for token in tokens]
        assert all(
            after.startswith(before)
            for before, after in zip(texts_so_far, texts_so_far[1:], strict=False)
        )


def test_a_stream_of_a_plain_decoder_has_no_alignment(digits, trained_plain):
    plain = load(trained_plain, data=digits / "bin")
    assert not plain.attends
    assert all(token.alignment is None for token in plain.stream("1 2"))


def test_streams_draw_by_their_seeds(model):
    def draw(seed):
        streams = model.streams(["1 2 3"] * 8, sampling=True, temperature=3, seed=seed)
        return [[token.piece for token in stream] for stream in streams]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert len({tuple(pieces) for pieces in draw(1)}) > 1
    alone = model.stream("1 2 3", sampling=True, temperature=3, seed=1)
    assert [token.piece for token in alone] == draw(1)[0]


@pytest.mark.parametrize("settings", [{"max_len": 0}, {"temperature": 0}, {"min_len": 300}])
def test_settings_of_a_stream_out_of_range_are_one_sentence(model, settings):
    with pytest.raises(S2SError, match=next(iter(settings))):
        model.stream("1", **settings)


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([], 0),
        (["▁a", "b"], 2),
        (["a", "<0xE4>"], 1),
        (["a", "<0xE4>", "<0xBD>"], 1),
        (["a", "<0xE4>", "<0xBD>", "<0xA0>"], 4),
        (["<0xF0>", "<0x9F>", "<0x98>"], 0),
        (["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"], 4),
        (["<0xC3>"], 0),
        (["<0xC3>", "<0xA9>", "<0x41>"], 3),
        (["a", "<0x80>"], 2),
    ],
)
def test_bytes_of_an_unfinished_character_are_held_back(pieces, whole):
    assert complete(pieces) == whole


def test_the_score_of_an_output_is_that_of_the_search_that_found_it(model):
    texts = [source for source, _ in reversed_digits(12, longest=5, seed=5)]
    found = model.generate(texts, beam=3, nbest=3)
    pairs, expected = [], []
    for text, hypotheses in zip(texts, found, strict=True):
        for hypothesis in hypotheses:
            pairs += [(text, hypothesis.tokens), (text, hypothesis.text)]
            expected += [hypothesis.token_scores] * 2
    for scores, wanted in zip(model.score(pairs), expected, strict=True):
        assert scores == pytest.approx(wanted, abs=1e-4)
    hypotheses = [(text, best) for text, [best, *_] in zip(texts, found, strict=True)]
    assert model.score(hypotheses) == model.score(
        [(text, best.tokens) for text, best in hypotheses]
    )
    assert model.score([]) == []
    assert model.score([("1 2", "")])[0][0] < 0  # </s> at once


def test_many_threads_get_what_they_would_get_alone(model):
    texts = [source for source, _ in reversed_digits(24, longest=5, seed=6)]
    expected = [each.text for [each] in model.generate(texts, beam=1)]
    found = {}

    def ask(place):
        text = texts[place]
        if place % 3 == 0:
            found[place] = list(model.stream(text))[-1].text
        elif place % 3 == 1:
            found[place] = model.generate([text], beam=1)[0][0].text
        else:
            model.score([(text, expected[place])])
            stream = model.stream(text)
            next(stream)
            stream.close()
            found[place] = list(model.stream(text))[-1].text

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[place] for place in range(len(texts))] == expected


def test_a_closed_model_says_so(digits, trained):
    model = load(trained, data=digits / "bin")
    model.close()
    for ask in (lambda: model.stream("1"), lambda: model.generate(["1"])):
        with pytest.raises(S2SError, match="closed"):
            ask()


def test_an_output_begins_with_its_prefix(model):
    texts, prefixes = ["1 2 3", "4 5", "6"], ["3", "", "1 1"]
    found = model.generate(texts, prefix=prefixes, nbest=3)
    for hypotheses, prefix in zip(found, prefixes, strict=True):
        assert all(f"{each.text} ".startswith(f"{prefix} ".lstrip()) for each in hypotheses)
    assert found[1] == model.generate(["4 5"], nbest=3)[0]
    [[sampled]] = model.generate(["1 2 3"], beam=1, prefix=["9 9"], sampling=True, seed=1)
    assert sampled.text.startswith("9 9")


def test_a_prefix_that_the_search_would_choose_changes_nothing(model):
    [[free]] = model.generate(["1 2 3"])
    [[forced]] = model.generate(["1 2 3"], prefix=["3 2"])
    assert forced.tokens == free.tokens
    assert forced.token_scores == pytest.approx(free.token_scores, abs=1e-5)


@pytest.mark.parametrize("ordered", [False, True])
def test_an_output_holds_its_constraints(model, ordered):
    texts, phrases = ["1 2 3", "4 5", "6 7"], [["8"], [], ["7 6", "1"]]
    found = model.generate(texts, beam=8, constraints=phrases, ordered=ordered)
    for [hypothesis], wanted in zip(found, phrases, strict=True):
        assert all(phrase in hypothesis.text for phrase in wanted)
    assert found[1][0].text == "5 4"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"prefix": ["1"]}, "prefix needs an entry for each of the 2 texts"),
        ({"prefix": "12"}, "prefix needs an entry for each of the 2 texts"),
        ({"constraints": [["1"]]}, "constraints needs an entry for each of the 2 texts"),
        ({"constraints": [["1"], ["word"]]}, "The phrase 'word' cannot be written"),
        ({"constraints": [["1"], [""]]}, "The phrase '' cannot be written"),
        ({"constraints": [["1"], ["1 </s> 2"]]}, "The phrase '1 </s> 2' cannot be written"),
        ({"constraints": [["1"], ["<s>"]]}, "The phrase '<s>' cannot be written"),
        ({"constraints": [["1"], ["2"]], "sampling": True}, "need a search, not sampling"),
        ({"constraints": [["1"], ["9 8", "7"]], "max_len": 2}, "max_len is 2, but the constraints"),
        (
            {"prefix": ["", "9 8 7"], "max_len": 2},
            "the prefix of a text has 3 tokens: ",
        ),
        ({"constraints": [["1"], ["2"]], "beam": 12}, "beam is 12, but with constraints"),
    ],
)
def test_wishes_that_cannot_be_met(model, options, sentence):
    with pytest.raises(S2SError, match=sentence):
        model.generate(["1", "2"], **options)


def test_texts_without_constraints_are_searched_for_beside_others(golden):
    assert golden.generate(["1 2"], constraints=[[]])[0][0].text == "2 1"
    found = golden.generate(["1 2", "3"], constraints=[["9"], []], prefix=["4", ""])
    assert found[0][0].text.startswith("4") and "9" in found[0][0].text
    assert found[1][0].text == "3"


@pytest.mark.parametrize(
    "options",
    [
        {"constraints": [[], ["9 8 7"]], "prefix": ["1 2", "1 2"], "max_len": 4},
        {"constraints": [[], ["9 9"]], "no_repeat_ngram": 1},
        {"prefix": ["", "1 1"], "no_repeat_ngram": 1},
        {"prefix": ["", "1 1"], "no_repeat_ngram": 1, "sampling": True},
    ],
)
def test_a_text_to_which_nothing_can_be_said_is_named(golden, options):
    with pytest.raises(S2SError, match="Nothing can be said to the text '3 4' within"):
        golden.generate(["1 2", "3 4"], **options)


def test_more_tokens_than_may_be_said_once(golden):
    for sampling in (False, True):
        with pytest.raises(S2SError, match="Nothing can be said to the text '1 2' within"):
            golden.generate(["1 2"], no_repeat_ngram=1, min_len=100, sampling=sampling)


def test_the_random_numbers_of_the_process_are_left_alone(golden, monkeypatch):
    seen, prepare = [], golden.model.decoder.init_state

    def watched(*args):
        seen.append(torch.get_rng_state().tolist())
        return prepare(*args)

    monkeypatch.setattr(golden.model.decoder, "init_state", watched)
    before = torch.get_rng_state().tolist()
    golden.generate(["1 2"])
    golden.generate(["1 2"], sampling=True, seed=3)
    golden.generate(["1 2"], sampling=True)
    assert len(seen) >= 3
    assert all(state == before for state in (*seen, torch.get_rng_state().tolist()))


def test_a_long_input_goes_in_parts_with_a_bar(model, monkeypatch, capsys):
    texts = [source for source, _ in reversed_digits(25, longest=5, seed=4)]
    expected = model.generate(texts)
    monkeypatch.setattr("fairseq_plugins._seq2seq.PART", 10)
    found = model.generate(texts, progress=True)
    assert [[h.text for h in each] for each in found] == [[h.text for h in e] for e in expected]
    assert "25/25" in capsys.readouterr().err
    model.generate(texts, progress=False)
    assert capsys.readouterr().err == ""


def test_embeddings_are_the_decoders_first_state(model):
    texts = ["1 2 3", "4", "1 2 3"]
    vectors = model.embed(texts)
    assert vectors.shape == (3, 64) and vectors.dtype == torch.float32
    assert torch.allclose(vectors[0], vectors[2], atol=1e-6)
    assert not torch.allclose(vectors[0], vectors[1], atol=1e-2)
    assert torch.allclose(model.embed(["4"])[0], vectors[1], atol=1e-5)
    source = model.codec.source("4").unsqueeze(0)
    with torch.no_grad():
        state = model.model.decoder.init_state(model.model.encoder(source))
    assert torch.allclose(vectors[1], state["hidden"][0, -1], atol=1e-5)
    assert model.embed([]).shape == (0, 64)


def test_a_decoder_that_starts_with_zero_has_no_vector(digits, tmp_path):
    train(
        digits / "bin", tmp_path, "--arch", "s2s_attn_tiny", "--bridge", "zero", "--max-update", 1
    )
    with pytest.raises(S2SError, match="no semantic vector: .*--bridge zero"):
        load(tmp_path, data=digits / "bin").embed(["1"])
