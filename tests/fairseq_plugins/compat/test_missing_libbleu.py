"""Tests of fairseq's own BLEU where its compiled part is missing."""

import sys

import fairseq
import pytest
from fairseq.scoring.bleu import BleuConfig, Scorer

from fairseq_plugins import S2SError
from fairseq_plugins.compat import missing_libbleu
from fairseq_plugins.compat.patching import original


@pytest.fixture
def without_libbleu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fairseq.libbleu", None)
    monkeypatch.delattr(fairseq, "libbleu", raising=False)
    monkeypatch.setattr(Scorer, "__init__", Scorer.__init__)  # restored afterwards


def test_upstream_still_advises_to_build_fairseq(without_libbleu, capsys) -> None:
    assert missing_libbleu.needed()
    with pytest.raises(ImportError):
        original(Scorer, "__init__")(Scorer.__new__(Scorer), BleuConfig())
    assert "pip install --editable" in capsys.readouterr().err


def test_the_sentence_names_the_other_scorer(without_libbleu) -> None:
    missing_libbleu.apply()
    with pytest.raises(S2SError, match="use --scoring sacrebleu"):
        Scorer(BleuConfig())


def test_it_is_inert_where_libbleu_was_built() -> None:
    pytest.importorskip("fairseq.libbleu")
    assert not missing_libbleu.needed()
