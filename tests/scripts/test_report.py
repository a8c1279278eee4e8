"""scripts/report.py: from checkpoints to a page, or to one sentence."""

import json
import re
import shutil

import pytest

from scripts import report
from scripts.reporting import answering, dialogue
from scripts.reporting.section import Section

from .reporting.conftest import MODELS, checkpoints, corpus  # noqa: F401  (fixtures)


def arguments(checkpoints, corpus, out, *more):  # noqa: F811
    models = [str(checkpoints / name) for name in MODELS]
    return ["--models", *models, "--data", str(corpus / "bin"), "--out", str(out), *map(str, more)]


def test_four_models_make_a_page_and_the_second_time_from_what_was_kept(
    checkpoints,  # noqa: F811
    corpus,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(answering, "max_len", lambda longest: 9)  # hardly trained, they never end
    (tmp_path / "drawn").write_text("1 2 3\n")
    flags = ["--beam", 2, "--cache", tmp_path / "cache", "--title", "Digits <turned>"]
    flags += ["--limit", 20, "--sentences", tmp_path / "drawn"]
    given = arguments(checkpoints, corpus, tmp_path / "out", *flags)
    assert report.main(given) == 0
    text = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Digits &lt;turned&gt;" in text
    numbers = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(numbers["sections"]) == [
        *("overview", "lengths", "significance", "curves", "alignments")
    ]
    assert list(numbers["sections"]["overview"]) == list(MODELS)
    assert len(numbers["sections"]["significance"]["pairs"]) == 6
    assert list(numbers["sections"]["curves"]) == ["s2s"]
    figures = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert {"length-bleu.png", "length-bleu.svg", "curves-updates.png"} <= figures
    drawn = {sentence["model"] for sentence in numbers["sections"]["alignments"]["sentences"]}
    assert drawn == set(MODELS) - {"s2s"}

    monkeypatch.setattr(answering, "_generate", pytest.fail)
    assert report.main(given) == 0
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == numbers


def test_text_files_and_sections_may_be_chosen(checkpoints, corpus, tmp_path):  # noqa: F811
    files = ["--sources", corpus / "test.src", "--references", corpus / "test.tgt", "--limit", 7]
    more = [*files, "--sections", "overview", "--cache", tmp_path / "cache"]
    assert report.main(arguments(checkpoints, corpus, tmp_path / "out", *more)) == 0
    numbers = json.loads((tmp_path / "out" / "report.json").read_text())
    assert numbers["sentences"] == 7
    assert list(numbers["sections"]) == ["overview"]


@pytest.mark.parametrize(
    "change, told",
    [
        (["--subset", "none"], "no subset none"),
        (["--data", "{tmp}/none"], "none"),
        (["--models", "{tmp}/none"], "no checkpoint"),
        (["--models", "{tmp}"], "train a model"),
        (["--models", "A={first}", "A={first}"], "Two models are called A"),
        (["--sources", "{tmp}/one", "--references", "{tmp}/two"], "parallel"),
        (["--sources", "{tmp}/nil", "--references", "{tmp}/nil"], "not empty"),
        (["--sentences", "{tmp}/none", "--sections", "alignments"], "cannot be read"),
        (["--out", "{tmp}"], "which is not from here"),
        (["--out", "{tmp}/one/below"], "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    checkpoints,  # noqa: F811
    corpus,  # noqa: F811
    tmp_path,
    capsys,
    change,
    told,
):
    (tmp_path / "one").write_text("a\n")
    (tmp_path / "two").write_text("a\nb\n")
    (tmp_path / "nil").touch()
    before = sorted(tmp_path.iterdir())
    places = {"tmp": tmp_path, "first": checkpoints / "s2s"}
    more = [part.format(**places) for part in change]
    assert report.main(arguments(checkpoints, corpus, tmp_path / "out", *more)) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"report\.py: [^\n]+\.\n", error) and told in error
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "given",
    [
        ["--models", "a", "--out", "b"],
        ["--models", "a", "--out", "b", "--sources", "c"],
        ["--models", "a", "--out", "b", "--data", "c", "--beam", "0"],
        ["--models", "a", "--out", "b", "--data", "c", "--sections", "none"],
        ["--models", "a", "--out", "b", "--data", "c", "--sections", "dialogue"],
        ["--models", "a", "--out", "b", "--data", "c", "--dialogue", "de"],
    ],
)
def test_arguments_that_do_not_fit_are_refused(given, capsys):
    with pytest.raises(SystemExit) as exit_:
        report.main(given)
    assert exit_.value.code == 2
    assert "report.py: error" in capsys.readouterr().err


def test_replies_are_examined_on_valid_and_the_named_subset(
    checkpoints,  # noqa: F811
    corpus,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    asked = []

    def section(subjects, valid, test, language, *, messages):
        asked.append((language, len(valid.sources), len(test.sources), messages))
        return Section(f"dialogue-{language}", "Replies", [], [], {})

    monkeypatch.setattr(dialogue, "section", section)
    more = ["--dialogue", "en", "zh=train", "--messages", 5, "--sections", "dialogue"]
    assert report.main(arguments(checkpoints, corpus, tmp_path / "out", *more)) == 0
    assert asked == [("en", 40, 60, 5), ("zh", 40, 300, 5)]
    numbers = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(numbers["sections"]) == ["dialogue-en", "dialogue-zh"]


def test_languages_may_be_named(checkpoints, corpus, tmp_path, capsys):  # noqa: F811
    data = tmp_path / "bin"
    shutil.copytree(corpus / "bin", data)
    more = ["--source-lang", "tgt", "--target-lang", "src"]
    assert report.main(arguments(checkpoints, corpus, tmp_path / "out", *more)) == 1
    assert "one direction" in capsys.readouterr().err
