"""Every metric against hand-made numbers or its library, and what score.py refuses."""

import json
import math
from pathlib import Path

import pytest
import sacrebleu
import sentencepiece
from sacrebleu.metrics.bleu import BLEU

from scripts import score, spm
from scripts.scoring.generated import join_bytes, read_generated
from scripts.scoring.metrics import METRICS
from scripts.scoring.outputs import Outputs
from scripts.scoring.sequences import nearest
from scripts.scoring.translations import moses, streams


def value(metric: str, texts: list[str], references: list[list[str]], **settings) -> float:
    return METRICS[metric](Outputs(texts, references, **settings)).value


GERMAN = ["Ein Hund läuft über die Wiese.", "Zwei Kinder spielen im Sand."]
RIGHT = [["Ein Hund rennt über die Wiese."], ["Zwei kleine Kinder spielen im Sand."]]


def test_bleu_and_chrf_of_one_reference_are_sacrebleus_own() -> None:
    only = [[right[0] for right in RIGHT]]
    assert value("bleu", GERMAN, RIGHT, language="de") == sacrebleu.corpus_bleu(GERMAN, only).score
    assert value("chrf", GERMAN, RIGHT, language="de") == sacrebleu.corpus_chrf(GERMAN, only).score


def test_chinese_bleu_counts_characters() -> None:
    texts, references = ["我不知道你在说什么。"], [["我知道你在说什么。"]]
    own = sacrebleu.corpus_bleu(texts, [references[0]], tokenize="zh").score
    assert own > 50  # cut by 13a it would be one word, and the score nothing
    assert value("bleu", texts, references, language="zh") == own
    signature = METRICS["bleu"](Outputs(texts, references, "zh")).signature
    assert "tok:zh" in signature and "case:mixed" in signature


def test_bleu_uses_each_examples_own_number_of_references() -> None:
    texts = ["the cat sat on the mat today", "a dog ran home very fast"]
    references = [["a cat sat on the mat"], ["the dog ran home", "a dog ran home quite fast"]]
    counts, totals, lengths = [0] * 4, [0] * 4, [0, 0]
    for text, right in zip(texts, references, strict=True):
        one = BLEU(effective_order=True).sentence_score(text, right)
        counts = [a + b for a, b in zip(counts, one.counts, strict=True)]
        totals = [a + b for a, b in zip(totals, one.totals, strict=True)]
        lengths = [lengths[0] + one.sys_len, lengths[1] + one.ref_len]
    logs = [math.log(c / t) for c, t in zip(counts, totals, strict=True)]
    penalty = min(1.0, math.exp(1 - lengths[1] / lengths[0]))
    expected = 100 * penalty * math.exp(sum(logs) / 4)
    assert value("bleu", texts, references) == pytest.approx(expected)


def test_a_missing_reference_is_none_of_no_words() -> None:
    assert streams([["a"], ["b", "c"]]) == [["a", "b"], [None, "c"]]
    texts, references = ["yes", "a b c d e"], [["yes it is"], ["a b c d e", "a b"]]
    padded = [["yes it is", "a b c d e"], ["", "a b"]]  # the empty one would be nearer than 3 words
    ours = value("bleu", texts, references)
    assert ours < sacrebleu.corpus_bleu(texts, padded).score


def test_moses_cuts_as_the_perl_scripts_do() -> None:
    cut = moses("de")
    assert cut("Ein „Hund“, z. B. DER große.") == "ein &quot; hund &quot; , z. b. der große ."
    assert cut("Er   ist (fast) da !") == "er ist ( fast ) da !"
    assert moses("en")("It's a well-known dog.") == "it &apos;s a well-known dog ."  # no -a


def test_the_lower_cased_score_is_that_of_text_cut_by_hand() -> None:
    texts, references = ["A dog, a „big“ one, runs."], [['a dog, a "big" dog, runs.']]
    by_hand = ["a dog , a &quot; big &quot; one , runs ."]
    right = ["a dog , a &quot; big &quot; dog , runs ."]
    own = sacrebleu.corpus_bleu(by_hand, [right], tokenize="none", force=True)
    assert value("bleu_lc_tok", texts, references) == own.score
    assert own.score > 50


PHONES = ["h ə l o ʊ", "k æ t", "d  ɒ g ", ""]
LISTED = [["h ɛ l o ʊ", "h ə l o ʊ"], ["k ʌ t", "k ɪ t ɪ"], ["d ɒ g"], ["ə"]]


def test_a_word_is_wrong_that_equals_none_of_its_pronunciations() -> None:
    assert value("wer", PHONES, LISTED) == 50.0
    assert value("exact", PHONES, LISTED) == 50.0


def test_accents_written_apart_or_together_are_the_same() -> None:
    composed, apart = "t \u00e9 \u00f5\u02d0", "t e\u0301 o\u0303\u02d0"
    for text, reference in [(apart, composed), (composed, apart)]:
        assert value("wer", [text], [[reference]]) == 0
        assert value("per", [text], [[reference]]) == 0
        assert value("exact", [text], [[reference]]) == 100


def test_phone_errors_are_edits_to_the_nearest_pronunciation() -> None:
    # 0 of 5, 1 of 3, 0 of 3, 1 of 1
    assert value("per", PHONES, LISTED) == pytest.approx(100 * 2 / 12)
    assert nearest("a b c".split(), [["a", "b"], ["a", "b", "c", "d"]]) == (1, 4)


def test_rouge_is_the_f_measure_of_stems() -> None:
    texts, references = ["The cats sat."], [["the cat sat down"]]
    assert value("rouge1", texts, references) == pytest.approx(100 * 6 / 7)  # 3/3 and 3/4
    assert value("rouge2", texts, references) == pytest.approx(100 * 4 / 5)  # 2/2 and 2/3
    assert value("rougeL", ["sat the cats"], references) == pytest.approx(100 * 4 / 7)


def test_rouge_of_several_references_is_their_best_or_their_mean() -> None:
    texts, references = ["one two", "six"], [["one two", "one"], ["seven"]]
    assert value("rouge1", texts, references, reduce="max") == pytest.approx(100 * 1 / 2)
    mean = (1 + 2 / 3) / 2
    assert value("rouge1", texts, references, reduce="mean") == pytest.approx(100 * mean / 2)
    signatures = {
        METRICS["rouge1"](Outputs(texts, references, "en", r)).signature for r in ("max", "mean")
    }
    assert len(signatures) == 2


def test_chinese_rouge_counts_characters() -> None:
    found = value("rouge1", ["我爱 你"], [["我爱他们"]], language="zh")
    assert found == pytest.approx(100 * 4 / 7)  # 2/3 and 2/4


def test_german_words_keep_their_umlauts() -> None:
    assert value("rouge1", ["Größe"], [["große"]], language="de") == 0.0
    assert value("rouge1", ["Größe!"], [["größe"]], language="de") == 100.0


def test_perplexity_of_equal_chances_is_their_number() -> None:
    scores = [[-3.0] * 4]  # two words and their end in four pieces of 3 bits
    assert value("ppl", ["x"], [["one two", "x y z"]], scores=scores) == 8.0
    assert value("ppl_word", ["x"], [["one two", "x y z"]], scores=scores) == 16.0


def test_the_measures_of_replies() -> None:
    texts = ["I see .", "I see .", "a b"]
    references = [["I see ."]] * 3
    assert value("length", texts, references) == pytest.approx(8 / 3, abs=0.01)
    assert value("distinct1", texts, references) == pytest.approx(5 / 8, abs=1e-4)
    assert value("distinct2", texts, references) == pytest.approx(3 / 5, abs=1e-4)
    assert value("generic", texts, references) == pytest.approx(100 * 2 / 3, abs=0.01)
    assert value("generic", ["a", "b"], references[:2]) == 0  # each was said once
    assert value("bleu1", texts, references) == pytest.approx(
        100 * 6 / 8 * math.exp(1 - 9 / 8), abs=0.01
    )


def test_bytes_become_the_character_they_spell() -> None:
    assert join_bytes("a <0xE7><0x8C><0xAB>!") == "a 猫!"
    assert join_bytes("<0xE7>") == "\ufffd"
    assert join_bytes("<0xZZ> <unk>") == "<0xZZ> <unk>"


def test_of_several_answers_the_best_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "generated"
    file.write_text("H-1\t-1\tone\nH-1\t-2\tuno\nH-0\t-1\tnull\n")
    assert read_generated(file, "H", 2) == ["null", "one"]


# --- the command


def files(folder: Path) -> list[str]:
    """The files of a sound test set, and the command line that names them."""
    printed = ["S-1\tx", "H-1\t-0.5\tso <0xE7><0x8C><0xAB>", "P-1\t-1.0 -1.0", "noise"]
    printed += ["H-0\t-0.5\tthat is it", "P-0\t-1.0 -1.0 -1.0 -1.0", "Generate test: BLEU"]
    (folder / "generated").write_text("\n".join(printed) + "\n", encoding="utf-8")
    (folder / "references.jsonl").write_text('["that is it", "x"]\n["so 猫"]\n', encoding="utf-8")
    argv = [
        "--generated",
        str(folder / "generated"),
        "--references",
        str(folder / "references.jsonl"),
    ]
    argv += ["--scored", str(folder / "generated"), "--answers", str(folder / "answers")]
    return [*argv, "--output", str(folder / "scores.json")]


def test_the_json_holds_numbers_signatures_and_the_count(tmp_path: Path, capsys) -> None:
    assert score.main([*files(tmp_path), "--metrics", "exact", "ppl", "chrf"]) == 0
    found = json.loads((tmp_path / "scores.json").read_text())
    assert found["metrics"] == {"exact": 100.0, "ppl": 2.0, "chrf": 100.0}
    assert set(found["signatures"]) == set(found["metrics"])
    assert "nrefs:var" in found["signatures"]["chrf"]
    assert found["examples"] == 2
    assert json.loads(capsys.readouterr().out) == found
    assert (tmp_path / "answers").read_text(encoding="utf-8") == "that is it\nso 猫\n"


def test_every_metric_has_a_number(tmp_path: Path) -> None:
    assert score.main([*files(tmp_path), "--metrics", *METRICS]) == 0
    assert list(json.loads((tmp_path / "scores.json").read_text())["metrics"]) == list(METRICS)


def test_references_can_be_text(tmp_path: Path, capsys) -> None:
    argv = files(tmp_path)
    (tmp_path / "references.txt").write_text('that is it\n["so"]\n', encoding="utf-8")
    argv[argv.index("--references") + 1] = str(tmp_path / "references.txt")
    assert score.main([*argv, "--metrics", "exact"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["exact"] == 50.0


def test_pieces_are_read_as_the_text_that_they_spell(tmp_path: Path, capsys) -> None:
    argv = [*files(tmp_path), "--metrics", "exact"]
    spm.train(["that is it", "so \u732b", "this is that"] * 20, tmp_path / "spm", 300)
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spm.model"))
    lines = [" ".join(model.encode(each, out_type=str)) for each in ("that is it", "so \u732b")]
    printed = "".join(f"H-{number}\t-1\t{line}\n" for number, line in enumerate(lines))
    (tmp_path / "generated").write_text(printed, encoding="utf-8")
    del argv[argv.index("--scored") : argv.index("--answers")]
    refused(tmp_path, capsys, argv, "holds pieces (\u2581), no text: name their model")
    refused(
        tmp_path,
        capsys,
        [*argv, "--pieces", str(tmp_path / "spm.dict.txt")],
        "cannot be read as a SentencePiece",
    )
    assert score.main([*argv, "--pieces", str(tmp_path / "spm.model")]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["exact"] == 100.0


BAD = [
    ("references.jsonl", "", "is empty"),
    ("references.jsonl", '["a"]\n["b"\n', "line 2 is no JSON list of texts"),
    ("references.jsonl", '["a"]\n[]\n', "line 2 lists no output"),
    ("references.jsonl", '["a"]\n["b", " "]\n', "line 2 lists no output, or an empty one"),
    ("references.jsonl", '["a"]\n', "number 1 is the first without a reference"),
    ("references.jsonl", '["a"]\n["b"]\n["c"]\n', "number 2 is the first without an answer"),
    ("references.jsonl", None, "No such file"),
    ("generated", None, "No such file"),
    ("generated", "Traceback\n", "has no H- line"),
    ("generated", "H-0\t-1\ta\nH-2\t-1\tc\n", "number 1 is the first without an answer"),
    ("generated", "H-0\t-1\ta\nH-1\t-1\n", "is cut off"),
    ("generated", "H-0\t-1\ta\nH-1\t-1\tb\nP-0\t-1\nP-1\tone\n", "holds what is no number"),
    ("generated", "H-0\t-1\ta\nH-1\t-1\tb\nP-0\t-1\nP-1\tnan\n", "no finite probabilities"),
    ("generated", "H-0\t-1\ta\nH-1\t-1\tb\nP-0\t-1\nP-1\t-9999\n", "no finite probabilities"),
    ("generated", "H-0\t-1\ta\nH-1\t-1\tb\nP-0\t\nP-1\t\n", "has no score"),
]


@pytest.mark.parametrize("name, content, said", BAD)
def test_bad_files_are_one_sentence(tmp_path: Path, capsys, name: str, content, said: str) -> None:
    argv = files(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    refused(tmp_path, capsys, [*argv, "--metrics", "ppl"], said)


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--metrics", "meteor"], "there is no metric meteor: choose from bleu"),
        (["--metrics", "bleu", "--language", "xx"], "language xx is not known: choose from en"),
        (["--metrics", "bleu_lc_tok", "--language", "zh"], "knows no Chinese"),
        (["--metrics", "bleu", "--answers", "/nowhere/answers"], "its folder is missing"),
        (["--metrics", "bleu", "--answers", "/"], "it is a folder"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(tmp_path: Path, capsys, flags, said: str) -> None:
    refused(tmp_path, capsys, [*files(tmp_path), *flags], said)


def test_perplexity_without_scores_is_one_sentence(tmp_path: Path, capsys) -> None:
    argv = files(tmp_path)
    place = argv.index("--scored")
    del argv[place : place + 2]
    refused(tmp_path, capsys, [*argv, "--metrics", "ppl_word"], "needs --scored FILE")


def test_a_file_is_not_written_over_another(tmp_path: Path, capsys) -> None:
    argv = [*files(tmp_path), "--metrics", "bleu"]
    before = (tmp_path / "generated").read_bytes()
    named = ["--output", str(tmp_path / "generated")]
    refused(tmp_path, capsys, [*argv, *named], "is named twice: what it holds would be lost")
    both = ["--output", str(tmp_path / "x"), "--answers", str(tmp_path / "x")]
    refused(tmp_path, capsys, [*argv, *both], "x is named twice")
    assert (tmp_path / "generated").read_bytes() == before


def test_text_that_is_not_utf8_is_one_sentence(tmp_path: Path, capsys) -> None:
    argv = files(tmp_path)
    (tmp_path / "generated").write_bytes(b"H-0\t-1\t\xff\n")
    refused(tmp_path, capsys, [*argv, "--metrics", "bleu"], "generated, line 1 is no UTF-8")


def refused(folder: Path, capsys, argv: list[str], said: str) -> None:
    assert score.main(argv) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("score.py: ") and printed.err.count("\n") == 1
    assert printed.out == ""
    assert not {"scores.json", "answers"} & {path.name for path in folder.iterdir()}
    assert not list(folder.glob("*.tmp"))
