"""XDailyDialog as pairs of message and reply, and the recipe around it."""

import gzip
import hashlib
import json
import os
import random
import re
from pathlib import Path

import pytest
import sentencepiece

from chatbot.dialog import SEPARATOR
from scripts import prepare_dialogue
from scripts.prepare_dialogue import detokenise, forgetful, make_pairs, without_leaks

from .sandbox import ROOT, Sandbox

DATA = (ROOT / os.environ.get("S2S_DATA", "../shared/data") / "xdailydialog").resolve()
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"needs {DATA}")

# --- English


@pytest.mark.parametrize(
    "tokenised, written",
    [
        ("The kitchen stinks .", "The kitchen stinks."),
        ("I ' Ve tried , and you ’ re right !", "I've tried, and you're right!"),
        ("Don ’ t ! It's ten o ’ clock , ma ’ am .", "Don't! It's ten o'clock, ma'am."),
        ("I ‘ d say he ’ s here .", "I'd say he's here."),
        ("It's $ 29.95 , or 1.5 % .", "It's $29.95, or 1.5%."),
        ("At 8: 30 ? No , at 8 : 45 .", "At 8:30? No, at 8:45."),
        ("10 , 000 people , 30 cars", "10,000 people, 30 cars"),
        ("I see.Thank you . Mr.Smith ?", "I see. Thank you. Mr. Smith?"),
        ("Look at Stars.com in the U.S.A .", "Look at Stars.com in the U.S.A."),
        ("Well ... I ( really ) do .", "Well... I (really) do."),
        ('He said , " hello . " Then he left .', 'He said, "hello." Then he left.'),
        ('" Yes " and “ no ” .', '"Yes" and "no".'),
        ('It was "Titanic " , not " Jaws " .', 'It was "Titanic", not "Jaws".'),
        ("We saw ' Titanic ' , I ’ m sure .", "We saw 'Titanic', I'm sure."),
        ("my parents ' house", "my parents' house"),
        ('He left . "', 'He left."'),
        ("Fine 。 And you ?", "Fine. And you?"),
        ("a part-time job - or not", "a part-time job - or not"),
        ("", ""),
    ],
)
def test_english_is_put_together_as_it_is_written(tokenised: str, written: str) -> None:
    assert detokenise(tokenised) == written
    assert detokenise(written) == written  # what is written stays


# --- pairs


def test_each_reply_follows_its_message_and_the_exchanges_before() -> None:
    said = ["Hi!", "Hello.", "How are you?", "Fine.", "Bye."]
    assert list(make_pairs(said, turns=0)) == [
        ("hi", "Hello."),
        ("hello", "How are you?"),
        ("how are you", "Fine."),
        ("fine", "Bye."),
    ]
    assert [source for source, _ in make_pairs(said, turns=1)] == [
        "hi",
        "hi <sep> hello",
        "hi <sep> hello <sep> how are you",
        "hello <sep> how are you <sep> fine",
    ]


def test_a_share_of_the_sources_forgets_what_was_before() -> None:
    pairs = [(f"before {n} <sep> then <sep> message {n}", "reply") for n in range(4000)]
    rng = random.Random(1)
    forgotten = [pair for pair in forgetful(pairs, rng) if SEPARATOR not in pair[0]]
    assert 900 < len(forgotten) < 1100
    assert all(source.startswith("message ") for source, _ in forgotten)


# --- leaks


def test_what_is_held_out_is_not_trained_on_and_nothing_counts_twice() -> None:
    a, b, c, d = (([f"Hello {letter} .", "Yes ."], [f"你好{letter}", "是"]) for letter in "abcd")
    other_spacing = (["hello B.", "yes."], ["完全不同", "是"])
    splits = {"train": [a, b, c, a, d], "valid": [c, d, c], "test": [other_spacing]}
    kept, report = without_leaks(splits)
    assert kept == {"train": [a], "valid": [c, d], "test": [other_spacing]}
    assert report["train"] == {"read": 5, "leaked": 3, "repeated": 1, "kept": 1}
    assert report["valid"] == {"read": 3, "leaked": 0, "repeated": 1, "kept": 2}
    assert report["test"] == {"read": 1, "leaked": 0, "repeated": 0, "kept": 1}


# --- files

TALK = {
    "en": ["Is {n} a number ?", "It ' s {n} , yes .", "Good ."],
    "zh": ["{n}是数字吗？", "是{n}。", "好。"],
}
NUMBERS = {"train": range(60), "valid": range(55, 70), "test": range(70, 80)}


def write_corpus(folder: Path) -> Path:
    """A small corpus in the form of the real one; the last five of train are in valid too."""
    for split, pattern in prepare_dialogue.SPLITS.items():
        for language, turns in TALK.items():
            file = folder / pattern.format(lang=language, Lang=language.title())
            file.parent.mkdir(parents=True, exist_ok=True)
            end = "" if split == "train" else " __eou__\t1\t2 2 2\t0 0 0"
            lines = [" __eou__ ".join(turns).format(n=n) + end for n in NUMBERS[split]]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def prepared(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    assert prepare_dialogue.main(["--data", str(corpus), "--out", str(out)]) == 0
    return out


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split("\n")[:-1]


def test_the_files_hold_what_the_report_says(prepared: Path) -> None:
    report = json.loads((prepared / "report.json").read_text())
    assert report["dialogues"]["train"] == {"read": 60, "leaked": 5, "repeated": 0, "kept": 55}
    assert report["pairs"]["train"] == {"en": 110, "zh": 110}
    for name, count in {"train": 220, "valid": 60, "test.en": 20, "test.zh": 20}.items():
        assert len(lines(prepared / f"{name}.src")) == len(lines(prepared / f"{name}.tgt")) == count
    # "It's 7, yes." is answered by "Good.", after a question that no other split asks
    assert report["test pairs that training holds too"] == {"en": 0, "zh": 0}


def test_pieces_are_the_text_and_the_separator_is_one(prepared: Path) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(prepared / "spm.model"))
    replies = [pieces.decode(line.split()) for line in lines(prepared / "test.en.tgt")]
    assert replies == lines(prepared / "replies.en.txt")
    assert replies[:2] == ["It's 70, yes.", "Good."]
    later = lines(prepared / "test.zh.src")[1].split()
    assert later.count(SEPARATOR) == 1
    assert pieces.decode(later) == f"70是数字吗 {SEPARATOR} 是70"
    known = {line.rsplit(" ", 1)[0] for line in lines(prepared / "spm.dict.txt")}
    assert {piece for line in lines(prepared / "train.src") for piece in line.split()} <= known


def test_the_words_of_the_messages_are_known_and_those_of_no_message_are_not(prepared) -> None:
    known = {line.rsplit(" ", 1)[0] for line in lines(prepared / "words.txt")}
    assert {"number", "是数", "字"} <= known
    assert not {"good", "好", SEPARATOR} & known  # nobody answers them


def test_the_same_seed_gives_the_same_files(corpus: Path, prepared: Path, tmp_path: Path) -> None:
    prepare_dialogue.main(["--data", str(corpus), "--out", str(tmp_path)])
    for file in prepared.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_one_language_needs_only_its_own_files(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    for file in [*tmp_path.glob("*/zh*"), *tmp_path.glob("*/*Zh*")]:
        file.unlink()
    for file in tmp_path.glob("test/*"):  # packed files are read too
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    out = tmp_path / "out"
    argv = ["--data", str(tmp_path), "--out", str(out), "--lang"]
    assert prepare_dialogue.main([*argv, "en"]) == 0
    assert len(lines(out / "train.src")) == 110
    assert not (out / "replies.zh.txt").exists()
    assert prepare_dialogue.main([*argv, "zh"]) == 1


@pytest.mark.parametrize(
    "fault, reason",
    [
        (lambda file: file.unlink(), "exists"),
        (lambda file: file.write_bytes(b"\xff\n"), "is damaged"),
        (lambda file: file.write_text("Hi\tthere\n \t1\n"), "line 2: there is no utterance"),
        (lambda file: file.write_text("Hi __eou__ Yes\n"), "has 60 dialogues and"),
        (
            lambda file: (file.unlink(), Path(f"{file}.gz").write_bytes(b"no gzip")),
            "is damaged",
        ),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, capsys, fault, reason) -> None:
    write_corpus(tmp_path)
    fault(tmp_path / "train/dialogues_text_Zh.txt")
    assert prepare_dialogue.main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert reason in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_negative_turns_are_refused(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        prepare_dialogue.main(["--data", ".", "--out", str(tmp_path), "--turns", "-1"])
    assert "--turns is -1, but must be at least 0" in capsys.readouterr().err


@needs_data
def test_the_leaks_of_the_real_corpus_are_removed() -> None:
    rows = {
        split: prepare_dialogue.read_rows(DATA, split, ["en"]) for split in prepare_dialogue.SPLITS
    }
    kept, report = without_leaks(rows)
    assert {split: counts["read"] for split, counts in report.items()} == {
        "train": 8096,
        "valid": 995,
        "test": 996,
    }
    assert report["train"]["leaked"] > 150
    assert report["valid"]["leaked"] >= 5
    everything = [
        key for rows in kept.values() for row in rows for key in prepare_dialogue.keys(row)
    ]
    assert len(everything) == len(set(everything))


# --- recipes

NOTE = 'echo "${0##*/} $*" >>"$CALLS"'


@pytest.fixture
def recipe(sandbox: Sandbox) -> Sandbox:
    """The recipe with fairseq's commands and Python as stand-ins."""
    sandbox.tool("python", NOTE)
    sandbox.tool("fairseq-train", NOTE)
    sandbox.tool(
        "fairseq-preprocess",
        f'{NOTE}\nwhile [ "$1" != --destdir ]; do shift; done\n'
        'mkdir -p "$2"; touch "$2"/dict.{src,tgt}.txt',
    )
    for name in ("dialogue", "dialogue-en"):
        sandbox.tool(f"data-bin/{name}.text/spm.model", "pieces")
        sandbox.tool(f"data-bin/{name}.text/words.txt", "words")
    return sandbox


def fetched(calls: list[str]) -> dict[str, list[str]]:
    """The name of each file that is fetched, with its other arguments."""
    found = [call.split() for call in calls if "fetch.py" in call]
    return {Path(call[3]).name: call for call in found}


@needs_data
def test_the_checksums_are_those_of_the_local_copies(recipe: Sandbox) -> None:
    recipe.run("scripts/prepare_dialogue.sh")
    calls = fetched(recipe.calls())
    assert len(calls) == 6
    for name, call in calls.items():
        (copy,) = DATA.glob(f"*/{name}.gz")
        assert call[5] == hashlib.sha256(gzip.decompress(copy.read_bytes())).hexdigest()
        assert Path(call[3]).parent.name == copy.parent.name


def test_missing_files_are_fetched_by_commit_and_checksum(recipe: Sandbox) -> None:
    assert recipe.run("scripts/prepare_dialogue.sh", DIALOGUE_LANG="en").returncode == 0
    calls = recipe.calls()
    assert set(fetched(calls)) == {
        "dialogues_text_En.txt",
        "en_dev_human.txt",
        "en_test_human.txt",
    }
    for call in fetched(calls).values():
        assert re.fullmatch(
            "https://raw.githubusercontent.com/liuzeming01/XDailyDialog/[0-9a-f]{40}/data/[\\w.]+",
            call[2],
        )
        assert re.fullmatch("[0-9a-f]{64}", call[5])
        assert "CC BY-NC-SA 4.0" in " ".join(call)
    assert "--data data-bin/xdailydialog --lang en" in calls[3]


def test_local_files_are_used_and_the_tests_of_both_languages_binarised(
    recipe: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "mine/xdailydialog").mkdir(parents=True)
    data = str(tmp_path / "mine")
    result = recipe.run("scripts/prepare_dialogue.sh", S2S_DATA=data, DIALOGUE_TURNS="2")
    assert result.returncode == 0
    assert "CC BY-NC-SA 4.0" in result.stdout
    made, *checked, binarised = recipe.calls()
    text = "data-bin/dialogue.text"
    assert made == (
        f"python scripts/prepare_dialogue.py --data {data}/xdailydialog --lang both "
        f"--out {text} --turns 2"
    )
    assert [call.split()[2] for call in checked] == [
        f"{text}/{name}.src" for name in ("train", "valid", "test.en", "test.zh")
    ]
    assert f"--testpref {text}/test.en,{text}/test.zh" in binarised
    assert (recipe.root / "data-bin/dialogue/spm.model").exists()


def test_a_model_stands_beside_its_vocabulary_and_its_licence(recipe: Sandbox) -> None:
    recipe.run("scripts/prepare_dialogue.sh", DIALOGUE_LANG="en")
    recipe.calls()
    result = recipe.run("scripts/train_dialogue.sh", "--max-epoch", "1", DIALOGUE_LANG="en")
    assert result.returncode == 0
    (trained,) = recipe.calls()
    assert trained.startswith("fairseq-train data-bin/dialogue-en --user-dir fairseq_plugins")
    assert trained.endswith("--max-epoch 1")  # the user's flag comes last, so it wins
    folder = recipe.root / "checkpoints/dialogue-en"
    assert {path.name for path in folder.iterdir()} == {
        "card.json",
        "dict.src.txt",
        "dict.tgt.txt",
        "spm.model",
        "words.txt",
    }
    assert "CC BY-NC-SA 4.0" in json.loads((folder / "card.json").read_text())["licence"]


@pytest.mark.parametrize("script", ["prepare", "train", "evaluate"])
def test_an_unknown_language_is_one_sentence(recipe: Sandbox, script: str) -> None:
    result = recipe.run(f"scripts/{script}_dialogue.sh", DIALOGUE_LANG="fr")
    assert result.returncode == 2
    assert "DIALOGUE_LANG=fr is none of en, zh, both" in result.stderr
    assert recipe.calls() == []


@pytest.mark.parametrize("script", ["prepare", "train", "evaluate"])
def test_every_recipe_is_executable_and_states_its_purpose(recipe: Sandbox, script: str) -> None:
    file = recipe.root / f"scripts/{script}_dialogue.sh"
    first, second = file.read_text().splitlines()[:2]
    assert os.access(file, os.X_OK)
    assert first == "#!/usr/bin/env bash"
    assert second.startswith("# ")
