"""A model's alignments against gold ones."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from fairseq_plugins._alignment import group, spell
from scripts.alignment import gold, statistical
from scripts.alignment.statistical import AlignerError
from scripts.alignment.words import join, plain
from scripts.corpora import alibi
from scripts.corpora.alibi import GoldPair

ROOT = Path(__file__).resolve().parents[3]

PAIRS = [
    GoldPair(["L’", "eau", "froide", "."], ["Cold", "water", "."], {(2, 0), (1, 1), (3, 2)}, set()),
    GoldPair(["Viens", "-tu", "?"], ["Coming", "?"], {(0, 0), (2, 1)}, {(1, 0)}),
]


class Reader:
    """Attends as it is told: for each letter of the output, to one letter of the source."""

    def __init__(self, looks):
        self.looks = looks

    def align(self, pairs):
        return [self.read(*pair) for pair in pairs]

    def read(self, source_text, target_text):
        source, target = (spell(list(text), True) for text in (source_text, target_text))
        alignment = np.zeros((len(target_text) + 1, len(source_text) + 1))
        for row in range(len(target_text)):
            alignment[row, self.looks[source_text, target_text][row]] = 1
        alignment[-1, -1] = 1
        return group(source, target, alignment.tolist(), source.words, target.words)


FRENCH = Reader(
    {
        ("L'eau froide.", "Cold water."): [6] * 4 + [2] * 6 + [12],
        ("Viens-tu ?", "Coming?"): [1] * 6 + [10],
    }
)
ENGLISH = Reader(
    {
        ("Cold water.", "L'eau froide."): [11, 11] + [6] * 4 + [1] * 6 + [10],
        ("Coming?", "Viens-tu ?"): [3] * 8 + [6] * 2,
    }
)


def test_the_words_are_those_of_the_gold_and_french_is_first_in_both_directions():
    found = gold.align(FRENCH, PAIRS, "fr")
    assert found["soft"] == [{(2, 0), (1, 1), (3, 2)}, {(0, 0)}]  # the last looks at </s>
    assert found["pieces"] == found["soft"]
    assert gold.align(ENGLISH, PAIRS, "en")["soft"] == [
        {(1, 1), (2, 0), (3, 2)},  # l' looks at </s>
        {(0, 0), (1, 0), (2, 1)},
    ]


def test_the_error_is_that_of_the_links():
    measured = gold.measure(gold.align(FRENCH, PAIRS, "fr")["soft"], PAIRS)
    assert measured["links"] == 4
    assert measured["aer"] == round(100 * (1 - (4 + 4) / (4 + 5)), 2)
    assert measured["sure_f1"] == round(100 * 2 * 4 / (4 + 5), 2)


def test_errors_by_length_are_those_of_the_sentences_of_that_length():
    long = GoldPair(["mot"] * 15, ["word"] * 15, {(n, n) for n in range(15)}, set())
    links = [*(pair.sure for pair in PAIRS), {(n, n) for n in range(5)}]
    found = gold.by_length(links, [*PAIRS, long])
    assert found == {"1 to 10": 0.0, "11 to 20": round(100 * (1 - 10 / 20), 2)}


def test_shifted_links_are_those_of_the_next_step():
    [found, _] = gold.align(FRENCH, PAIRS, "fr")["soft, shifted"]
    assert (3, 1) not in found and (1, 1) in found  # 4 of 5 letters of water still look at it
    assert (3, 2) not in found  # after the full stop comes </s>


def test_two_models_together():
    forward, backward = gold.align(FRENCH, PAIRS, "fr"), gold.align(ENGLISH, PAIRS, "en")
    both = gold.combine(forward, backward)
    assert both["soft, intersected"] == [{(2, 0), (1, 1), (3, 2)}, {(0, 0)}]
    assert both["soft, symmetrised"][1] == {(0, 0), (1, 0), (2, 1)}
    assert gold.agreement(forward["soft"], backward["soft"]) == round(100 * 4 / ((4 + 6) / 2), 2)
    assert gold.agreement([set()], [set()]) == 0


def test_a_statistical_aligner_gets_the_words_in_lower_case(monkeypatch):
    pytest.importorskip("sacremoses", reason="needs sacremoses")
    given = []
    monkeypatch.setattr(statistical, "align", lambda *arguments: given.append(arguments))
    gold.align_statistically((["L'eau."], ["Water."]), PAIRS[:1], "eflomal")
    [(training, wanted, tool)] = given
    assert training == [(["l'", "eau", "."], ["water", "."])]
    assert wanted == [(["l'", "eau", "froide", "."], ["cold", "water", "."])]
    assert tool == "eflomal"


def test_training_texts_of_other_lengths_are_refused():
    with pytest.raises(AlignerError, match="2 French lines but 1 English"):
        gold.align_statistically((["a", "b"], ["a"]), PAIRS, "eflomal")


@pytest.fixture(scope="module")
def published():
    folder = Path(os.environ.get("S2S_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "alibi_wordalign_fr_en").is_dir():
        pytest.skip(f"needs alibi_wordalign_fr_en in {folder}: set S2S_DATA")
    return alibi.read(folder / "alibi_wordalign_fr_en")


def test_the_published_sentences_are_joined_word_for_word(published):
    for pair in published:
        for tokens, language in ((pair.fr, "fr"), (pair.en, "en")):
            text, spans = join(tokens, language)
            assert [text[begin:end] for begin, end in spans] == [plain(word) for word in tokens]
            assert " ".join(text.split()) == text
            assert not re.search(" [,.]( |$)", text)
            assert language == "en" or "' " not in text


def test_fast_align_on_the_published_sentences_alone_is_far_better_than_the_diagonal(published):
    if not statistical.installed("systran-align"):
        pytest.skip("needs systran-align: pip install systran-align")
    lower = [([w.lower() for w in pair.fr], [w.lower() for w in pair.en]) for pair in published]
    found = statistical.align([], lower, "systran-align")["symmetrised"]
    diagonal = [
        {(len(pair.fr) * place // len(pair.en), place) for place in range(len(pair.en))}
        for pair in published
    ]
    errors = [gold.measure(links, published)["aer"] for links in (found, diagonal)]
    assert errors[0] < 35 < errors[1]
