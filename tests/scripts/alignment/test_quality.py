"""Links of an alignment, and how they agree with gold links."""

import pytest

from fairseq_plugins._alignment import group, spell
from scripts.alignment.quality import Counts, count, count_all, piece_links, soft_links

SURE = {(0, 0), (1, 1)}
POSSIBLE = {(1, 2), (2, 2)}


def aligned(alignment, source=("\u2581a", "b", "\u2581c"), target=("\u2581x", "\u2581y")):
    source, target = spell(source, True), spell(target, True)
    return group(source, target, alignment, source.words, target.words)


def test_the_measures_are_those_of_och_and_ney():
    counts = count({(0, 0), (1, 2), (2, 1), (2, 2)}, SURE, POSSIBLE)  # 1 sure, 3 possible, 1 wrong
    assert counts == Counts(found=4, sure=2, found_sure=1, found_possible=3)
    assert counts.precision == 3 / 4
    assert counts.recall == 1 / 2
    assert counts.aer == 1 - (1 + 3) / (4 + 2)
    assert counts.sure_f1 == pytest.approx(2 * (1 / 4) * (1 / 2) / (1 / 4 + 1 / 2))


def test_the_sure_links_alone_are_without_error():
    assert count(SURE, SURE, POSSIBLE).aer == 0
    assert count(SURE | POSSIBLE, SURE, POSSIBLE).aer == 0
    assert count(SURE, SURE, POSSIBLE) == count(SURE, SURE, POSSIBLE | SURE)


def test_no_links_and_wrong_links_are_all_error():
    assert count(set(), SURE, POSSIBLE).aer == 1
    assert count({(5, 5)}, SURE, POSSIBLE).aer == 1
    assert count(set(), SURE, POSSIBLE).precision == 0
    assert count(set(), set(), set()).aer == 0


def test_a_corpus_is_counted_as_one_not_averaged():
    gold = [(SURE, POSSIBLE), ({(0, 0)}, set())]
    total = count_all([SURE, {(9, 9)}], gold)
    assert total == Counts(found=3, sure=3, found_sure=2, found_possible=2)
    assert total.aer == pytest.approx(1 - 4 / 6)
    assert total.percent()["aer"] == 33.33
    with pytest.raises(ValueError):
        count_all([SURE], gold)


def test_a_word_is_linked_to_the_word_with_the_most_of_its_weight():
    # a's two pieces together have more than c, though c's one piece has the most
    found = aligned([[0.3, 0.25, 0.4, 0.05], [0.1, 0.1, 0.7, 0.1], [0, 0, 0, 1]])
    assert soft_links(found) == {(0, 0), (1, 1)}


def test_what_goes_to_no_word_is_not_linked():
    found = aligned([[0.1, 0.1, 0.2, 0.6], [0.1, 0.1, 0.7, 0.1], [0, 0, 0, 1]])
    assert soft_links(found) == {(1, 1)}
    assert soft_links(aligned([[1.0]] * 3, source=())) == set()


def test_words_are_linked_where_any_of_their_pieces_are():
    source, target = spell(["\u2581a", "b", "\u2581c"], True), spell(["\u2581x", "y"], True)
    alignment = [[0.3, 0.25, 0.4, 0.05], [0.5, 0.1, 0.3, 0.1], [0.0, 0.1, 0.0, 0.9]]
    found = group(source, target, alignment, source.words, target.words)
    assert piece_links(found, source.words, target.words) == {(1, 0), (0, 0)}
    assert soft_links(found) == {(0, 0)}
    # with the next steps' attention: a for x, nothing for y
    assert piece_links(found, source.words, target.words, shift=1) == {(0, 0)}
