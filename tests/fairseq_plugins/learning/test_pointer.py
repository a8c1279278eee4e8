"""The pointer-generator copies words that it has never seen, by the way that its users go."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts import mark_unknown

from ..commands import generate, hypotheses, preprocess, train, write_corpus

pytestmark = pytest.mark.slow

SYLLABLES = "ba do fi gu ka lo mi nu pe ra so ti vu we ya zo".split()
CHARACTERS = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰飞鹏宇浩凯俊峰建林雪梅"
WHEN = ["today", "yesterday", "last week", "on a cold morning"]
WHERE = ["in the garden", "at school", "by the old mill"]
DID = ["met", "called", "helped", "paid"]
WHEN_ZH = ["今天", "昨天", "上 个 星期"]
WHERE_ZH = ["花园 里", "学校", "老 磨坊 旁边"]
DID_ZH = ["见到", "帮助", "叫"]

Pair = tuple[str, str]


def english_name(rng: random.Random) -> str:
    """Three syllables."""
    return "".join(rng.choices(SYLLABLES, k=3)).capitalize()


def chinese_name(rng: random.Random) -> str:
    """Three characters."""
    return "".join(rng.choices(CHARACTERS, k=3))


def english_pair(rng: random.Random, names: Sequence[str]) -> Pair:
    """An active sentence and its passive."""
    when, where, did = rng.choice(WHEN), rng.choice(WHERE), rng.choice(DID)
    a, b = rng.sample(names, 2)
    return f"{when} {a} {did} {b} {where}", f"{where} {b} was {did} by {a} {when}"


def chinese_pair(rng: random.Random, names: Sequence[str]) -> Pair:
    """The same in Chinese."""
    when, where, did = rng.choice(WHEN_ZH), rng.choice(WHERE_ZH), rng.choice(DID_ZH)
    a, b = rng.sample(names, 2)
    return f"{when} {a} 在 {where} {did} 了 {b}", f"{b} {when} 在 {where} 被 {a} {did} 了"


class Sentences(NamedTuple):
    """Pairs whose names in ``test`` do not occur in ``train``."""

    train: list[Pair]
    test: list[Pair]
    names: list[str]


def make_sentences(train_names: int, count: int) -> Sentences:
    """Half English, half Chinese; 100 of each to test."""
    rng = random.Random(1)
    train, test, all_names = [], [], []
    for make_name, make_pair in ((english_name, english_pair), (chinese_name, chinese_pair)):
        names = sorted({make_name(rng) for _ in range(train_names + 100)})
        rng.shuffle(names)
        train += [make_pair(rng, names[100:]) for _ in range(count)]
        test += [make_pair(rng, names[:100]) for _ in range(100)]
        all_names += names
    return Sentences(train, test, all_names)


def model_flags(*flags: object) -> list[object]:
    """A small model that trains in less than a minute."""
    return [
        *("--arch", "s2s_attn_tiny", "--disable-validation", "--save-interval", 100),
        *("--max-tokens", 600, "--lr", 0.004, "--lr-scheduler", "cosine"),
        *("--warmup-updates", 50),
        *flags,
    ]


def translate(data: Path, checkpoint: Path) -> list[str]:
    """The test set by a beam of 5, in order."""
    output = generate(data, checkpoint, "--beam", 5, "--max-len-a", 1, "--max-len-b", 10)
    return [text for _, text in sorted(hypotheses(output).items())]


def exact(found: Sequence[str], pairs: Sequence[Pair]) -> float:
    """The share that equals the targets."""
    return sum(text == pair[1] for text, pair in zip(found, pairs, strict=True)) / len(pairs)


@pytest.fixture(scope="module")
def marked(tmp_path_factory) -> tuple[Path, Sentences]:
    """A corpus whose names are markers: vocabulary, mark, fairseq-preprocess."""
    folder, sentences = tmp_path_factory.mktemp("names"), make_sentences(3000, 3000)
    for subset, pairs in (("train", sentences.train), ("test", sentences.test)):
        write_corpus(folder / "raw", subset, pairs)
    write_corpus(folder / "raw", "valid", sentences.test[:5])
    closed = WHEN + WHERE + DID + WHEN_ZH + WHERE_ZH + DID_ZH + ["was by 在 被 了"]
    size = len({word for words in closed for word in words.split()})
    dictionary = folder / "dict.txt"
    texts = [str(folder / "raw" / f"train.{side}") for side in ("src", "tgt")]
    run_mark("vocabulary", "--size", size, "--markers", 15, "--output", dictionary, *texts)
    for subset in ("train", "valid", "test"):
        run_mark("mark", "--dict", dictionary, *mark_flags(folder, subset))
    return preprocess(folder, "--srcdict", dictionary), sentences


def mark_flags(folder: Path, subset: str) -> list[object]:
    """Files of ``raw`` in, marked files beside that folder out."""
    raw = folder / "raw" / subset
    return [
        *("--source", raw.with_suffix(".src"), "--target", raw.with_suffix(".tgt")),
        *("--source-output", folder / f"{subset}.src"),
        *("--target-output", folder / f"{subset}.tgt"),
    ]


def run_mark(*arguments: object) -> None:
    """scripts/mark_unknown.py."""
    assert mark_unknown.main([str(argument) for argument in arguments]) == 0


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--attention-history", "coverage"]
        + ["--criterion", "label_smoothed_cross_entropy_with_coverage"],
    ],
    ids=["plain", "coverage"],
)
def test_names_never_seen_are_copied_exactly_through_their_markers(marked, tmp_path, flags):
    data, sentences = marked
    flags = model_flags("--pointer-generator", "--max-update", 250, *flags)
    train(data, tmp_path / "save", *flags)
    found = translate(data, tmp_path / "save" / "checkpoint_last.pt")
    (tmp_path / "generated").write_text("".join(f"{line}\n" for line in found), encoding="utf-8")
    run_mark(
        "restore",
        *("--source", data.parent / "raw" / "test.src"),
        *("--generated", tmp_path / "generated", "--output", tmp_path / "restored"),
    )
    restored = (tmp_path / "restored").read_text(encoding="utf-8").splitlines()
    assert exact(restored[:100], sentences.test[:100]) > 0.95
    assert exact(restored[100:], sentences.test[100:]) > 0.95


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, Sentences]:
    """A corpus without markers, whose dictionary holds every name."""
    folder, sentences = tmp_path_factory.mktemp("whole"), make_sentences(400, 3000)
    for subset, pairs in (("train", sentences.train), ("test", sentences.test)):
        write_corpus(folder, subset, pairs)
    write_corpus(folder, "valid", sentences.test[:5])
    texts = [folder / f"{subset}.src" for subset in ("train", "test")]
    words = {word for text in texts for word in text.read_text(encoding="utf-8").split()}
    words |= set("was by 在 被 了".split())
    dictionary = "".join(f"{word} 1\n" for word in sorted(words))
    (folder / "dict.txt").write_text(dictionary, encoding="utf-8")
    return preprocess(folder, "--srcdict", folder / "dict.txt"), sentences


def test_words_of_the_dictionary_that_no_target_held_are_copied(whole, tmp_path):
    data, sentences = whole
    scores = {}
    for name, flags in (("pointer", ["--pointer-generator"]), ("none", [])):
        train(data, tmp_path / name, *model_flags("--max-update", 250, *flags))
        found = translate(data, tmp_path / name / "checkpoint_last.pt")
        scores[name] = exact(found, sentences.test)
    assert scores["pointer"] > 0.95
    assert scores["none"] == 0
