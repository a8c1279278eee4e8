"""Answers are the model's own, in the order of the sources, and searched for once."""

from dataclasses import replace

import pytest

from scripts.reporting import answering, loading, testset
from scripts.reporting.answering import Settings
from scripts.reporting.subject import TestSet


@pytest.fixture(scope="module")
def subject(checkpoints, corpus):
    path = checkpoints / "s2s_attn" / "checkpoint_best.pt"
    return loading.load("s2s_attn", path, corpus / "bin", ("src", "tgt"))


@pytest.fixture(scope="module")
def test(corpus):
    return testset.read_subset(corpus / "bin", "test", ("src", "tgt"))


@pytest.fixture
def searches(monkeypatch):
    """How many sentences were searched for."""
    upstream, texts = answering._generate, []

    def watched(model, sources, *rest):
        texts.extend(sources)
        return upstream(model, sources, *rest)

    monkeypatch.setattr(answering, "_generate", watched)
    return texts


def test_answers_are_the_models_in_the_order_of_the_sources(subject, test, tmp_path, monkeypatch):
    monkeypatch.setattr(answering, "CHUNK", 60)
    found = answering.answer(subject, test, Settings(beam=2), tmp_path)
    expected = subject.model.generate(test.sources, beam=2)
    assert found.texts == [best.text for [best] in expected]
    assert found.subject is subject
    assert found.seconds > 0
    alignment, exact = found.hypotheses[3].alignment, expected[3][0].alignment
    assert alignment[0] == pytest.approx(exact[0], abs=1e-5)


def test_what_was_found_is_kept(subject, test, tmp_path, searches):
    first = answering.answer(subject, test, Settings(beam=2), tmp_path)
    assert sorted(searches) == sorted(test.sources)
    assert answering.answer(subject, test, Settings(beam=2), tmp_path) == first
    assert len(searches) == len(test.sources)


def test_other_texts_settings_and_checkpoints_are_searched_for_again(
    subject, test, checkpoints, corpus, tmp_path
):
    other = loading.load(
        "x", checkpoints / "s2s" / "checkpoint_best.pt", corpus / "bin", ("src", "tgt")
    )
    keys = {
        answering.key(subject, test.sources, Settings()),
        answering.key(subject, test.sources[1:], Settings()),
        answering.key(subject, test.sources, Settings(beam=4)),
        answering.key(subject, test.sources, Settings(lenpen=0.5)),
        answering.key(other, test.sources, Settings()),
    }
    assert len(keys) == 5
    assert answering.key(replace(subject, name="y"), test.sources, Settings()) in keys


@pytest.mark.parametrize("content", [b"", b"no gzip", b"\x1f\x8b cut off"])
def test_a_damaged_file_is_searched_for_again(subject, test, tmp_path, searches, content):
    small = TestSet("src", "tgt", test.sources[:3], test.references[:3])
    answering.answer(subject, small, Settings(beam=1), tmp_path)
    [kept] = tmp_path.iterdir()
    kept.write_bytes(content)
    answering.answer(subject, small, Settings(beam=1), tmp_path)
    assert len(searches) == 6


def test_a_folder_that_cannot_be_written_is_no_error(subject, test, tmp_path, caplog):
    (tmp_path / "file").touch()
    small = TestSet("src", "tgt", test.sources[:2], test.references[:2])
    assert len(answering.answer(subject, small, Settings(), tmp_path / "file").texts) == 2
    assert "not kept" in caplog.text


def test_chunks_hold_each_place_once_and_similar_lengths():
    lengths = [5, 4000, 9000, 1, 1500, 1400, 1300]
    chunks = list(answering.chunks(lengths))
    assert sorted(place for chunk in chunks for place in chunk) == list(range(7))
    assert chunks[:2] == [[2], [1]]
    for chunk in chunks:
        assert len(chunk) == 1 or len(chunk) * lengths[chunk[0]] <= answering.CHUNK


def test_short_sources_have_fairseqs_bound_and_long_ones_room():
    assert answering.max_len(10) == 200
    assert answering.max_len(300) > 450
