"""Loading a model once and using it from Python."""

import shutil

import pytest

from fairseq_plugins import S2SError, load

from .commands import generate, lines, reversed_digits


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


def test_the_languages_may_be_named(digits, trained, tmp_path):
    for language in ("left", "right"):
        shutil.copy(digits / "bin" / "dict.src.txt", tmp_path / f"dict.{language}.txt")
    model = load(trained, data=tmp_path, languages=("left", "right"))
    assert model.generate(["1 2 3"])[0][0].text == "3 2 1"


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


def test_a_damaged_sentencepiece_model_is_one_sentence(digits, trained, tmp_path):
    for language in ("src", "tgt"):
        shutil.copy(digits / "bin" / f"dict.{language}.txt", tmp_path)
    (tmp_path / "spm.model").write_bytes(b"not a model")
    with pytest.raises(S2SError, match=r"SentencePiece model .* cannot be read"):
        load(trained, data=tmp_path)
