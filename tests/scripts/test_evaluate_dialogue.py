"""The numbers of a dialogue model, and the recipe that makes them."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu
import sentencepiece

from scripts import evaluate_dialogue, spm
from scripts.scoring.generated import read_generated
from scripts.scoring.ruler import Ruler, distinct

from .sandbox import ROOT, Sandbox
from .test_prepare_dialogue import write_corpus

REPLIES = ["I do not know .", "I do not know .", "Yes, the cat sat on the mat."]
REFERENCES = ["I know .", "No .", "The cat sat on a mat."]


@pytest.fixture(scope="module")
def english() -> Ruler:
    return Ruler("en")


def test_bleu_is_the_geometric_mean_of_the_shares_of_ngrams(english: Ruler) -> None:
    # of "the the cat sat": the (once), cat, sat are in the reference; so are "the cat", "cat sat"
    found = english.bleu(["the the cat sat"], ["The cat sat down"])
    shares = [3 / 4, 2 / 3, 1 / 2]
    assert found["bleu-1"] == 75.0
    assert found["bleu-2"] == pytest.approx(100 * math.prod(shares[:2]) ** (1 / 2), abs=0.01)
    assert found["bleu-3"] == pytest.approx(100 * math.prod(shares) ** (1 / 3), abs=0.01)
    assert found["bleu-4"] == 0.0  # nothing is smoothed


def test_replies_that_are_too_short_are_penalised(english: Ruler) -> None:
    found = english.bleu(["the cat"], ["the cat sat down"])
    assert found["bleu-1"] == pytest.approx(100 * math.exp(1 - 4 / 2), abs=0.01)


@pytest.mark.parametrize("language, tokenizer", [("en", "13a"), ("zh", "zh")])
def test_bleu_4_is_sacrebleus_own(language: str, tokenizer: str) -> None:
    texts = {
        "en": (REPLIES, REFERENCES),
        "zh": (["我不知道你在说什么。", "好的，再见！"], ["我知道你在说什么。", "好的！"]),
    }[language]
    own = sacrebleu.corpus_bleu(
        texts[0], [texts[1]], lowercase=True, tokenize=tokenizer, smooth_method="none"
    )
    assert own.score > 0
    assert Ruler(language).bleu(*texts)["bleu-4"] == pytest.approx(own.score, abs=0.005)


def test_a_chinese_word_is_a_character_and_case_does_not_count(english: Ruler) -> None:
    assert Ruler("zh").words("我爱DVD。") == ["我", "爱", "dvd", "。"]
    assert english.words("It's MINE.") == ["it's", "mine", "."]


def test_distinct_counts_different_ngrams_over_all() -> None:
    said = [["a", "b", "a"], ["a", "b"]]
    assert distinct(said, 1) == 2 / 5
    assert distinct(said, 2) == 2 / 3
    assert distinct([["a"]], 2) == 0.0


def test_generic_replies_are_the_ten_most_frequent(english: Ruler) -> None:
    replies = ["OK.", "ok ."] + [f"Reply {letter} ." for letter in "abcdefghijklmn"]
    found = english.describe(replies)
    assert found["generic share"] == 2 / 16  # what was said once is not generic
    assert next(iter(found["generic replies"].items())) == ("ok .", 2)
    assert len(found["generic replies"]) == 10
    assert found["different replies"] == pytest.approx(15 / 16, abs=1e-4)
    assert "好的。" in Ruler("zh").describe(["好的。"])["generic replies"]
    assert found["mean length"] == pytest.approx((2 * 2 + 14 * 3) / 16, abs=0.01)


def test_perplexity_of_equal_chances_is_their_number(english: Ruler) -> None:
    # a piece in eight: 3 bits each; "one two" and its end are three words of four pieces
    found = english.perplexity([[-3.0] * 4], ["one two"])
    assert found == {"piece": 8.0, "word": 16.0}


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prefix = tmp_path_factory.mktemp("pieces") / "spm"
    spm.train([*REPLIES, *REFERENCES] * 5, prefix, 300)
    return prefix.with_name("spm.model")


def generated(path: Path, replies: list[str], pieces: Path) -> Path:
    """What fairseq-generate prints for these replies, in another order."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    lines = []
    for number, reply in reversed(list(enumerate(replies))):
        line = " ".join(processor.encode(reply, out_type=str))
        lines += [f"S-{number}\thello", f"H-{number}\t-1.5\t{line}", f"D-{number}\t-1.5\t{line}"]
        lines += [f"P-{number}\t{' '.join(['-2.0000'] * (line.count(' ') + 2))}"]
    path.write_text("\n".join(lines) + "\nGenerate test with beam=5: BLEU\n", encoding="utf-8")
    return path


def evaluate(folder: Path, pieces: Path, replies: list[str], name: str = "my beam") -> int:
    (folder / "references").write_text("\n".join(REFERENCES) + "\n", encoding="utf-8")
    scored = generated(folder / "scored", REFERENCES, pieces)
    system = generated(folder / "greedy", replies, pieces)
    argv = ["--language", "en", "--references", str(folder / "references")]
    argv += ["--pieces", str(pieces), "--scored", str(scored), "--replies", f"{name}={system}"]
    argv += ["--card", str(folder / "card.json")]
    return evaluate_dialogue.main([*argv, "--output", str(folder / "test.json")])


def test_the_json_holds_every_number(tmp_path: Path, pieces: Path, english: Ruler) -> None:
    assert evaluate(tmp_path, pieces, [*REPLIES[:2], "Ünheard of 猫"]) == 0
    found = json.loads((tmp_path / "test.json").read_text(encoding="utf-8"))
    assert found["replies"] == 3
    assert found["perplexity"]["piece"] == 4.0
    assert found["human"] == english.describe(REFERENCES)
    assert found["my beam"]["replies in Chinese"] == pytest.approx(1 / 3, abs=1e-4)
    assert "ünheard of 猫" in found["my beam"]["generic replies"]  # bytes became characters
    assert set(found["my beam"]) == set(found["human"]) | {f"bleu-{n}" for n in range(1, 5)}


def test_the_card_keeps_what_it_says_and_gets_the_main_numbers(tmp_path: Path, pieces) -> None:
    card = tmp_path / "card.json"
    card.write_text('{"licence": "free", "scores": {"older": "1"}}')
    assert evaluate(tmp_path, pieces, REFERENCES, "beam 5") == 0
    perplexity = json.loads((tmp_path / "test.json").read_text())["perplexity"]["word"]
    assert json.loads(card.read_text()) == {
        "licence": "free",
        "scores": {
            "older": "1",
            "test perplexity per word, en": f"{perplexity:.1f}",
            "test BLEU-2, beam 5, en": "100.00",
            "test distinct-2, beam 5, en": "1.000",
        },
    }


def test_replies_that_are_the_references_have_bleu_100(tmp_path: Path, pieces: Path) -> None:
    assert evaluate(tmp_path, pieces, REFERENCES) == 0
    found = json.loads((tmp_path / "test.json").read_text(encoding="utf-8"))["my beam"]
    assert [found[f"bleu-{n}"] for n in range(1, 5)] == [100.0] * 4


def test_replies_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "generated"
    file.write_text("H-10\t-1\tten\nnoise\nH-2\t-1\ttwo\n")
    with pytest.raises(ValueError, match="answers 2 messages, but there are 3 references"):
        read_generated(file, "H", 3)
    file.write_text("H-1\t-1\tone\nH-0\t-1\t\nT-0\tno\n")
    assert read_generated(file, "H", 2) == ["", "one"]


@pytest.mark.parametrize("missing", ["references", "scored", "greedy"])
def test_a_missing_file_is_one_sentence(tmp_path: Path, pieces, capsys, missing: str) -> None:
    evaluate(tmp_path, pieces, REPLIES)
    capsys.readouterr()
    (tmp_path / "test.json").unlink()
    (tmp_path / missing).unlink()
    argv = ["--language", "en", "--references", str(tmp_path / "references"), "--pieces"]
    argv += [str(pieces), "--scored", str(tmp_path / "scored"), "--output"]
    argv += [str(tmp_path / "test.json"), "--replies", f"greedy={tmp_path / 'greedy'}"]
    assert evaluate_dialogue.main(argv) == 1
    said = capsys.readouterr().err
    assert f"{missing}'" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "test.json").exists()


def test_too_few_replies_and_no_references_are_one_sentence(tmp_path, pieces, capsys) -> None:
    assert evaluate(tmp_path, pieces, REPLIES[:2]) == 1
    assert "answers 2 messages, but there are 3 references" in capsys.readouterr().err


# --- the recipe


@pytest.mark.parametrize(
    "language, subsets",
    [("both", {"en": "test", "zh": "test1"}), ("zh", {"zh": "test"})],
)
def test_each_language_is_scored_and_answered_twice(
    sandbox: Sandbox, language: str, subsets: dict[str, str]
) -> None:
    note = 'echo "${0##*/} $*" >>"$CALLS"'
    sandbox.tool("python", note)
    sandbox.tool("fairseq-generate", note)
    run = sandbox.root / "checkpoints" / ("dialogue" if language == "both" else "dialogue-zh")
    run.mkdir(parents=True)
    (run / "checkpoint_best.pt").touch()
    command = ("scripts/evaluate_dialogue.sh", "--lenpen", "2")
    result = sandbox.run(*command, DIALOGUE_LANG=language)
    assert result.returncode == 0
    kinds = ("beam5.out", "greedy.out", "scored")
    generated = {f"test.{lang}.{kind}" for lang in subsets for kind in kinds}
    assert {path.name for path in run.iterdir()} == generated | {"checkpoint_best.pt"}
    calls = sandbox.calls()
    assert len(calls) == 4 * len(subsets)
    for place, (lang, subset) in enumerate(subsets.items()):
        scored, greedy, beam, summed = calls[4 * place : 4 * place + 4]
        assert all(f"--gen-subset {subset} " in call for call in (scored, greedy, beam))
        assert scored.endswith("--score-reference")
        assert "--beam 1 " in greedy
        assert "--beam 5 " in beam
        assert greedy.endswith("--lenpen 2")
        assert beam.endswith("--lenpen 2")  # the user's flag comes last, so it wins
        assert f"--language {lang} " in summed
        assert f"/test.{lang}.json " in summed


def test_without_a_model_nothing_is_written(sandbox: Sandbox) -> None:
    result = sandbox.run("scripts/evaluate_dialogue.sh")
    assert result.returncode == 2
    assert "there is no checkpoints/dialogue/checkpoint_best.pt yet: run" in result.stderr
    assert not (sandbox.root / "checkpoints").exists()


@pytest.mark.slow
def test_the_recipe_runs_from_the_corpus_to_the_numbers(tmp_path: Path) -> None:
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__*"))
    for package in ("chatbot", "fairseq_plugins"):
        (root / package).symlink_to(ROOT / package)
    write_corpus(tmp_path / "data/xdailydialog")
    binaries = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment |= {"S2S_DATA": str(tmp_path / "data")}
    sizes = ("embed-dim=16", "hidden-size=16")
    tiny = [f"--{side}-{size}" for side in ("encoder", "decoder") for size in sizes]

    def run(script: str, *flags: str) -> str:
        command = [str(root / f"scripts/{script}_dialogue.sh"), *flags]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run("prepare")
    run("train", *tiny, "--attention-dim=8", "--max-update=4")
    assert "@ 4 updates" in run("train", *tiny, "--attention-dim=8", "--max-update=8")  # goes on
    run("evaluate")
    for language in ("en", "zh"):
        file = root / f"checkpoints/dialogue/test.{language}.json"
        found = json.loads(file.read_text(encoding="utf-8"))
        assert found["replies"] == 20
        assert 1 < found["perplexity"]["piece"] < 1000
        assert {"human", "greedy", "beam 5"} <= set(found)
    card = json.loads((root / "checkpoints/dialogue/card.json").read_text(encoding="utf-8"))
    assert len(card["scores"]) == 6
