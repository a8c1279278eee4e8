"""Aligners without a neural net."""

import random

import pytest

from scripts.alignment import statistical
from scripts.alignment.statistical import AlignerError

NUMBERS = dict(zip("un deux trois quatre cinq six".split(), "1 2 3 4 5 6".split(), strict=True))


def pairs(count: int) -> list:
    """Sentences whose words are each other's translation, in reversed order."""
    rng = random.Random(2)
    sources = [rng.sample(sorted(NUMBERS), 3) for _ in range(count)]
    return [(source, [NUMBERS[word] for word in reversed(source)]) for source in sources]


@pytest.mark.parametrize("tool", statistical.TOOLS)
def test_words_are_linked_to_their_translations(tool):
    if not statistical.installed(tool):
        pytest.skip(f"needs {tool}: pip install {tool}")
    wanted = pairs(5)
    found = statistical.align(pairs(400), wanted, tool)
    assert "symmetrised" in found
    for links in found["symmetrised"]:
        assert links == {(0, 2), (1, 1), (2, 0)}


def test_text_is_cut_as_the_gold_is():
    pytest.importorskip("sacremoses", reason="needs sacremoses")
    assert statistical.tokenize(["L’eau, dit-il."], "fr") == [["l'", "eau", ",", "dit-il", "."]]
    assert statistical.tokenize(["Don't & go!"], "en") == [["don", "'t", "&", "go", "!"]]


def test_an_empty_sentence_is_refused():
    with pytest.raises(AlignerError, match="is empty"):
        statistical.align([], [([], ["1"])], "eflomal")


def test_what_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(statistical, "installed", lambda name: False)
    with pytest.raises(AlignerError, match="eflomal is not installed: run pip install eflomal"):
        statistical.choose(["eflomal"])
    with pytest.raises(AlignerError, match="no statistical aligner is installed"):
        statistical.choose()
    with pytest.raises(AlignerError, match="no aligner giza here: choose systran-align or eflomal"):
        statistical.choose(["giza"])


def test_by_default_all_that_are_installed_are_taken(monkeypatch):
    monkeypatch.setattr(statistical, "installed", lambda name: name == "eflomal")
    assert statistical.choose() == ["eflomal"]


def test_a_failing_eflomal_is_one_sentence(monkeypatch, tmp_path):
    program = tmp_path / "eflomal-align"
    program.write_text("#!/bin/sh\necho 'first'; echo 'no memory' >&2; exit 3\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(statistical, "_eflomal", lambda: str(program))
    with pytest.raises(AlignerError, match="eflomal-align failed: no memory"):
        statistical.align([], [(["a"], ["b"])], "eflomal")
