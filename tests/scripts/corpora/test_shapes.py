"""scripts/corpora/shapes.py: five honest tasks; what decides the test can be learnt from train."""

from collections import Counter, defaultdict

import pytest

from scripts.corpora.corpus import Corpus, CorpusError
from scripts.corpora.shapes import SHAPES, load, number_words

from .samples import sizes, sources

ONE_TOKEN = ("one-to-one", "one-to-many")
SEVERAL = ("many-to-one", "aligned", "many-to-many")


def pairs(corpus: Corpus, *subsets: str) -> list[tuple[list[str], list[str]]]:
    return [(e.source.split(), e.targets[0].split()) for name in subsets for e in corpus[name]]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_seed_gives_the_same_corpus_and_another_seed_another(shape: str) -> None:
    assert load(shape, 3) == load(shape, 3)
    assert load(shape, 3) != load(shape, 4)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_input_of_the_test_is_in_valid(shape: str) -> None:
    corpus = load(shape)
    assert not sources(corpus, "test") & sources(corpus, "valid")
    assert all(len(sources(corpus, name)) == len(corpus[name]) for name in ("valid", "test"))


@pytest.mark.parametrize("shape", SEVERAL)
def test_no_input_of_the_test_is_in_train(shape: str) -> None:
    corpus = load(shape)
    assert sizes(corpus) == {"train": 6000, "valid": 500, "test": 500}
    assert not sources(corpus, "train") & (sources(corpus, "valid") | sources(corpus, "test"))


@pytest.mark.parametrize("shape", ONE_TOKEN)
def test_the_vote_of_the_training_lines_is_right_and_one_line_often_is_not(shape: str) -> None:
    corpus = load(shape)
    heard = defaultdict(list)
    for (source,), target in pairs(corpus, "train"):
        heard[source].append(target)
    asked = pairs(corpus, "valid", "test")
    assert set(heard) == {source for (source,), _ in asked}
    for (source,), target in asked:
        vote = [Counter(place).most_common(1)[0][0] for place in zip(*heard[source], strict=True)]
        assert vote == target
    first = sum(heard[source][0] == target for (source,), target in asked)
    assert first / len(asked) < 0.8


@pytest.mark.parametrize(
    "shape, source, target",
    [
        ("one-to-one", {1}, {1}),
        ("one-to-many", {1}, set(range(3, 9))),
        ("many-to-many", {1, 2, 3, 4, 5}, set(range(1, 10))),
    ],
)
def test_inputs_and_outputs_have_their_lengths(
    shape: str, source: set[int], target: set[int]
) -> None:
    found = pairs(load(shape), "train", "valid", "test")
    assert {len(tokens) for tokens, _ in found} == source
    assert {len(tokens) for _, tokens in found} <= target
    assert len({len(tokens) for _, tokens in found}) > len(target) / 2


def test_the_last_opinion_and_its_negation_decide_the_polarity() -> None:
    good = set("good great lovely clever funny".split())
    bad = set("bad awful boring stupid dull".split())
    classes = Counter()
    for words, (said,) in pairs(load("many-to-one"), "train", "test"):
        places = [place for place, word in enumerate(words) if word in good | bad]
        if not places:
            expected = "neutral"
        else:
            turned = places[-1] > 0 and words[places[-1] - 1] == "not"
            expected = "positive" if (words[places[-1]] in good) != turned else "negative"
        assert said == expected
        classes[said] += 1
    assert all(count > 6500 / 5 for count in classes.values())  # to name one class does not help


def test_every_word_has_its_tag_and_many_words_have_two() -> None:
    tags = defaultdict(set)
    for words, said in pairs(load("aligned"), "train", "test"):
        assert len(words) == len(said)
        for place, (word, tag) in enumerate(zip(words, said, strict=True)):
            tags[word].add(tag)
            before = [other for other in said[: place + 1] if other in ("DET", "PRON")][-1]
            kinds = {"DET": {"DET", "ADJ", "NOUN"}, "PRON": {"PRON", "ADV", "VERB"}}
            assert tag in kinds[before]
    assert Counter(map(len, tags.values())) == {1: 6, 2: 12}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (317, "three hundred seventeen"),
        (1000, "one thousand"),
        (20_005, "twenty thousand five"),
        (99_999, "ninety nine thousand nine hundred ninety nine"),
        (512_040, "five hundred twelve thousand forty"),
    ],
)
def test_numbers_are_read_as_in_english(number: int, words: str) -> None:
    assert number_words(number) == words


def test_another_shape_is_refused_with_the_choices() -> None:
    with pytest.raises(CorpusError, match="no shape round: choose one of one-to-one, one-to-many"):
        load("round")
