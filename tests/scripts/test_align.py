"""Errors and pictures of a model's alignments, by the command."""

import json
import shutil

import pytest
import torch

from scripts import align
from tests.fairseq_plugins.commands import reversed_digits, run, train

FRENCH = ["un deux .", "l' un et l' autre .", "trois , dit -il ."]
ENGLISH = ["one two .", "both .", "three , he said ."]
LINKS = ["0-0 1-1 2-2", "0p0 1-0 4-0 5-1", "0-0 1-1 2-3 3-2 4-4"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with hardly trained models fr-en and en-fr, and their dictionaries beside them."""
    folder = tmp_path_factory.mktemp("models")
    pairs = [("un deux .", "one two ."), ("trois , dit-il .", "three , he said .")] * 9
    for language, side in (("fr", 0), ("en", 1)):
        text = "".join(f"{pair[side]}\n" for pair in pairs)
        for subset in ("train", "valid"):
            (folder / f"{subset}.{language}").write_text(text, encoding="utf-8")
    for source, target in (("fr", "en"), ("en", "fr")):
        save = folder / f"{source}-{target}"
        languages = ["--source-lang", source, "--target-lang", target]
        texts = ["--trainpref", folder / "train", "--validpref", folder / "valid"]
        run("preprocess", *languages, *texts, "--destdir", save)
        few = ["--arch", "s2s_attn_tiny", "--max-update", 2, "--no-last-checkpoints"]
        train(save, save, *languages, *few)
    return folder


@pytest.fixture
def gold(tmp_path):
    """Three sentences in the gold's format."""
    story = tmp_path / "gold" / "ali" / "Un_One"
    story.mkdir(parents=True)
    for name, lines in (
        ("Un_sents", FRENCH),
        ("One_sents", ENGLISH),
        ("ali_w2w_Un_One", LINKS),
    ):
        text = "".join(f"{number}\t{line}\n" for number, line in enumerate(lines))
        (story / f"{name}.txt").write_text(text, encoding="utf-8")
    return tmp_path / "gold"


def refused(capsys, *arguments) -> str:
    """The one sentence of a command that fails."""
    assert align.main([*map(str, arguments)]) == 1
    said = capsys.readouterr().err
    [line] = [line for line in said.splitlines() if line.startswith("align.py: ")]
    assert "Traceback" not in said
    return line


def test_errors_of_one_model(models, gold, tmp_path, capsys):
    output = tmp_path / "align.json"
    assert align.main(map_(models / "fr-en", gold, output)) == 0
    told = json.loads(output.read_text(encoding="utf-8"))
    counts = (told["sentences"], told["sure links"], told["possible links, the sure ones too"])
    assert counts == (3, 3 + 3 + 5, 3 + 4 + 5)
    names = [each["system"] for each in told["systems"]]
    assert names == [
        "model, soft",
        "model, pieces",
        "model, soft, shifted",
        "model, pieces, shifted",
    ]
    printed = capsys.readouterr().out.splitlines()
    for each, line in zip(told["systems"], printed[1:], strict=True):
        assert 0 <= each["aer"] <= 100
        assert line.split()[0] == f"{each['aer']:.2f}" and line.endswith(each["system"])


def test_one_systems_errors_go_to_the_results(models, gold, tmp_path):
    output, scores = tmp_path / "align.json", tmp_path / "scores.json"
    wanted = ("--scores", f"model, pieces={scores}")
    assert align.main(map_(models / "fr-en", gold, output, *wanted)) == 0
    systems = {each["system"]: each for each in json.loads(output.read_text())["systems"]}
    found = systems["model, pieces"]
    metrics = {"aer": found["aer"], "sure_f1": found["sure_f1"]}
    assert json.loads(scores.read_text()) == {"metrics": metrics, "examples": 3}


def map_(model, gold, output, *more):
    return [str(x) for x in ("--model", model, "--gold", gold, "--output", output, *more)]


def test_errors_of_both_directions(models, gold, tmp_path, capsys):
    output = tmp_path / "align.json"
    more = ("--reverse-model", models / "en-fr")
    assert align.main(map_(models / "fr-en", gold, output, *more)) == 0
    names = [each["system"] for each in json.loads(output.read_text("utf-8"))["systems"]]
    assert "reverse model, soft" in names and "both models, soft, symmetrised" in names
    assert "The two models agree on " in capsys.readouterr().out


def test_heat_maps_of_any_sentences(models, tmp_path):
    text, out = tmp_path / "text", tmp_path / "pictures"
    text.write_text("un deux .\n\ntrois .\n", encoding="utf-8")
    arguments = ["--model", models / "fr-en", "--text", text, "--out", out]
    assert align.main([*map(str, arguments)]) == 0
    told = json.loads((out / "alignments.json").read_text(encoding="utf-8"))
    assert [each["source words"] for each in told["sentences"]] == [
        ["un", "deux", "."],
        ["trois", "."],
    ]
    drawn = [n for n, each in enumerate(told["sentences"], 1) if each["output words"]]
    expected = {f"{number:03}.{kind}" for number in drawn for kind in ("png", "svg")}
    assert {path.name for path in out.iterdir()} == expected | {"alignments.json"}
    for path in out.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_bad_input_is_one_sentence_and_leaves_nothing(models, gold, tmp_path, capsys):
    model, output, empty = models / "fr-en", tmp_path / "align.json", tmp_path / "empty"
    empty.write_text("\n \n", encoding="utf-8")
    wanted = {
        "no checkpoint": map_(tmp_path / "nowhere", gold, output),
        "nowhere": map_(model, tmp_path / "nowhere", output),
        "from fr as --model does": map_(model, gold, output, "--reverse-model", model),
        "no aligner giza": map_(
            *(model, gold, output, "--train-text", empty, empty, "--aligner", "giza")
        ),
        "x/y cannot be written": map_(model, gold, tmp_path / "x/y"),
        "gold cannot be written": map_(model, gold, gold),
        "empty is a file or a link": ["--model", model, "--text", empty, "--out", empty],
        "gold holds ali, which is not": [
            "--model",
            model,
            "--text",
            empty,
            "--out",
            gold,
        ],
        "holds no sentence": ["--model", model, "--text", empty, "--out", tmp_path / "out"],
    }
    for message, arguments in wanted.items():
        assert message in refused(capsys, *arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"gold", "empty"}


def test_a_system_that_is_not_there_loses_no_errors(models, gold, tmp_path, capsys):
    output = tmp_path / "align.json"
    arguments = map_(models / "fr-en", gold, output, "--scores", f"s={tmp_path / 'x'}")
    assert "there is no system s: choose one of model, soft; " in refused(capsys, *arguments)
    assert json.loads(output.read_text())["systems"] and not (tmp_path / "x").exists()


def test_a_direction_that_nothing_tells_is_not_guessed(models, gold, tmp_path, capsys):
    copy = tmp_path / "copy"
    copy.mkdir()
    for language in ("en", "fr"):  # one dictionary of both
        shutil.copy(models / "fr-en/dict.fr.txt", copy / f"dict.{language}.txt")
    state = torch.load(models / "fr-en/checkpoint_best.pt", weights_only=True)
    state["cfg"]["task"] |= {"source_lang": None, "target_lang": None}
    torch.save(state, copy / "checkpoint_best.pt")
    said = refused(capsys, *map_(copy, gold, tmp_path / "align.json"))
    assert "copy does not tell whether it reads fr or en: give --source-lang" in said
    assert not (tmp_path / "align.json").exists()


def test_pictures_of_an_earlier_run_go(models, tmp_path):
    text, out = tmp_path / "text", tmp_path / "pictures"
    out.mkdir()
    (out / "009.png").touch()
    text.write_text("un deux .\n", encoding="utf-8")
    arguments = ["--model", models / "fr-en", "--text", text, "--out", out]
    assert align.main([*map(str, arguments)]) == 0
    assert not (out / "009.png").exists() and (out / "alignments.json").exists()


def test_a_model_of_other_languages_is_refused(models, gold, tmp_path, capsys):
    folder = tmp_path / "other"
    folder.mkdir()
    for subset in ("train", "valid"):
        for suffix, text in zip(
            ("src", "tgt"), zip(*reversed_digits(9, longest=3, seed=1), strict=True), strict=True
        ):
            (folder / f"{subset}.{suffix}").write_text("\n".join(text) + "\n", encoding="utf-8")
    run(
        *("preprocess", "--source-lang", "src", "--target-lang", "tgt", "--joined-dictionary"),
        *("--trainpref", folder / "train", "--validpref", folder / "valid", "--destdir", folder),
    )
    train(folder, folder, "--arch", "s2s_attn_tiny", "--max-update", 1)
    said = refused(capsys, *map_(folder, gold, tmp_path / "align.json"))
    assert "from src to tgt" in said and "--source-lang fr" in said


def test_the_two_uses_do_not_mix(capsys):
    for arguments in (
        ["--model", "m"],
        ["--model", "m", "--gold", "g"],
        ["--model", "m", "--text", "t"],
        ["--gold", "g", "--output", "o"],
    ):
        with pytest.raises(SystemExit):
            align.main(arguments)
    assert "Traceback" not in capsys.readouterr().err
