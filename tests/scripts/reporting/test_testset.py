"""Sentences from binarised data are those that were binarised."""

import pytest

from fairseq_plugins import S2SError
from scripts import spm
from scripts.reporting import testset
from scripts.reporting.subject import TestSet
from tests.fairseq_plugins.commands import preprocess, run, write_corpus

LANGUAGES = ("src", "tgt")


def test_a_subset_is_its_text(corpus):
    found = testset.read_subset(corpus / "bin", "test", LANGUAGES)
    for side, suffix in zip((found.sources, found.references), LANGUAGES, strict=True):
        assert "\n".join([*side, ""]) == (corpus / f"test.{suffix}").read_text()
    assert testset.infer_languages(corpus / "bin") == LANGUAGES


def test_data_serves_both_directions(corpus):
    found = testset.read_subset(corpus / "bin", "test", ("tgt", "src"))
    there = testset.read_subset(corpus / "bin", "test", LANGUAGES)
    assert (found.sources, found.references) == (there.references, there.sources)


def test_pieces_become_text_again(tmp_path):
    texts = ["Ein Hund, der läuft.", "Zwei Hunde laufen (schnell)!", "Kein Hund läuft."] * 4
    spm.train(texts, tmp_path / "bin" / "spm", 300)
    pieces = testset.read_pieces(tmp_path / "bin")
    encoded = [" ".join(pieces.encode(text, out_type=str)) for text in texts]
    for subset in ("train", "valid", "test"):
        write_corpus(tmp_path, subset, [(text, text) for text in encoded])
    preprocess(tmp_path)
    assert testset.read_subset(tmp_path / "bin", "test", LANGUAGES).references == texts


def test_words_that_the_dictionary_lacks_match_nothing(tmp_path, caplog):
    write_corpus(tmp_path, "train", [("a b", "a b")])
    write_corpus(tmp_path, "test", [("a odd", "odd b")])
    flags = ["--trainpref", tmp_path / "train", "--testpref", tmp_path / "test"]
    languages = ["--source-lang", "src", "--target-lang", "tgt"]
    run("preprocess", *languages, *flags, "--destdir", tmp_path / "bin")
    found = testset.read_subset(tmp_path / "bin", "test", LANGUAGES)
    assert found.references == ["<<unk>> b"]
    assert "1 of 1 references" in caplog.text


def test_a_missing_subset_names_those_that_are_there(corpus):
    with pytest.raises(S2SError, match="there is test, train, valid"):
        testset.read_subset(corpus / "bin", "test2", LANGUAGES)
    with pytest.raises(S2SError, match="no folder"):
        testset.infer_languages(corpus / "none")


@pytest.mark.parametrize("kind, told", [("idx", "damaged"), ("bin", "not complete")])
def test_damaged_data_is_one_sentence(corpus, tmp_path, kind, told):
    for path in (corpus / "bin").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    broken = tmp_path / f"test.src-tgt.tgt.{kind}"
    broken.unlink() if kind == "bin" else broken.write_bytes(b"no index")
    with pytest.raises(S2SError, match=told):
        testset.read_subset(tmp_path, "test", LANGUAGES)


@pytest.mark.parametrize(
    "sources, references, told",
    [(b"a\nb\n", b"a\n", "2 sources"), (b"", b"", "no sentence"), (b"\xff\n", b"a\n", "UTF-8")],
)
def test_text_files_that_do_not_fit_are_refused(tmp_path, sources, references, told):
    (tmp_path / "a").write_bytes(sources)
    (tmp_path / "b").write_bytes(references)
    with pytest.raises(S2SError, match=told):
        testset.read_text(tmp_path / "a", tmp_path / "b", LANGUAGES)
    with pytest.raises(S2SError, match="cannot be read"):
        testset.read_text(tmp_path / "none", tmp_path / "b", LANGUAGES)


def test_languages_without_spaces_are_known_by_name_or_look():
    assert testset.without_spaces("zh_CN", ["a"])
    assert testset.without_spaces("tgt", ["你好吗", "我很好", "ok"])
    assert not testset.without_spaces("tgt", ["fine", "你好 he said", "good"])


def test_a_limit_keeps_the_first():
    test = TestSet("a", "b", ["1", "2", "3"], ["x", "y", "z"])
    assert testset.first(test, 2) == TestSet("a", "b", ["1", "2"], ["x", "y"])
    assert testset.first(test, None) == test
