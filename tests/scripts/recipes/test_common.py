"""What the recipes share: choices, seeds, going on, and bad input in one sentence."""

import json
from statistics import mean

import pytest

from ..sandbox import ROOT
from . import tiny_data
from .conftest import Clone
from .test_smoke import RECIPES, SHORT, tasks

SCRIPTS = sorted(path.name for path in (ROOT / "scripts/recipes").glob("*.sh"))
SCRIPTS.remove("common.sh")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_the_head_of_the_recipe(clone: Clone, script: str) -> None:
    done = clone.run(script, "--help")
    assert done.returncode == 0
    assert f"Usage: scripts/recipes/{script}" in done.stdout.replace('SEEDS="1 2 3" ', "")
    assert "Needs: scripts/setup_env.sh" in done.stdout
    assert "common.sh" not in done.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_unknown_choice_is_one_sentence(clone: Clone, script: str) -> None:
    done = clone.run(script, "klingon")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"scripts/recipes/{script}: klingon" in done.stderr
    assert {path.name for path in clone.root.iterdir()} == {"scripts", "fairseq_plugins", "chatbot"}


@pytest.mark.parametrize("recipe", [each for each in RECIPES if each.data], ids=lambda r: r.call)
def test_missing_data_are_one_sentence(clone: Clone, recipe) -> None:
    done = clone.run(*recipe.call.split(), S2S_DATA="/nowhere")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"/nowhere/{recipe.data} is no folder" in done.stderr
    assert not list(clone.root.glob("data-bin/*"))
    assert not (clone.root / "results.json").exists()


@pytest.mark.parametrize(
    ("call", "task", "model", "metric"),
    [
        ("g2p.sh high", "sigmorphon2021-eng_us", "s2s_attn", "wer"),
        ("multi30k.sh s2s", "multi30k-en-de-test2016", "s2s", "bleu"),
    ],
)
@pytest.mark.slow
def test_several_seeds_make_one_row_and_an_ensemble(
    clone: Clone, call: str, task: str, model: str, metric: str
) -> None:
    done = clone.run(*call.split(), *SHORT, SEEDS="1 2")
    assert done.returncode == 0, done.stderr[-3000:]
    together = f"{model}, ensemble of 2"
    assert {(task, model), (task, together)} <= set(tasks(clone))
    rows = {(row["task"], row["model"], row["metric"]): row for row in clone.results()}
    single, both = rows[task, model, metric], rows[task, together, metric]
    assert single["seeds"] == both["seeds"] == [1, 2]
    assert list(single["values"]) == ["1", "2"]
    assert list(both["values"]) == ["1+2"]
    assert both["parameters"] == 2 * single["parameters"]


@pytest.mark.slow
def test_one_model_reads_all_languages_of_a_track(clone: Clone) -> None:
    macro, rows = track_of(clone, "low", tiny_data.LOW)
    assert {row["minutes"] for row in rows} == {macro["minutes"]}
    assert {row["parameters"] for row in rows} == {macro["parameters"]}


@pytest.mark.slow
def test_each_language_of_a_track_has_its_model(clone: Clone) -> None:
    macro, rows = track_of(clone, "medium", tiny_data.MEDIUM)
    assert macro["minutes"] == pytest.approx(sum(row["minutes"] for row in rows), abs=1)
    assert len(list((clone.root / "checkpoints").iterdir())) == len(tiny_data.MEDIUM)


def track_of(clone: Clone, track: str, names: tuple[str, ...]) -> tuple[dict, list[dict]]:
    """A track's row and those of its languages, after its recipe was run."""
    done = clone.run("g2p.sh", track, *SHORT)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = {row["task"]: row for row in clone.results() if row["metric"] == "wer"}
    macro = rows.pop(f"sigmorphon2021-{track}")
    assert sorted(rows) == sorted(f"sigmorphon2021-{language}" for language in names)
    assert macro["value"] == pytest.approx(mean(row["value"] for row in rows.values()), abs=1e-3)
    return macro, list(rows.values())


@pytest.mark.slow
def test_a_recipe_goes_on_where_it_was_stopped(clone: Clone) -> None:
    for updates in ("2", "4"):
        done = clone.run("cmudict.sh", *SHORT, "--max-update", updates)
        assert done.returncode == 0, done.stderr[-3000:]
    assert "Loaded checkpoint" in done.stdout
    log = (clone.root / "checkpoints/cmudict-1/train.log").read_text()
    assert "num_updates: 4 >= max_update: 4" in log
    assert len(json.loads((clone.root / "results.json").read_text())) == 2  # not twice
    last = clone.root / "checkpoints/cmudict-1/checkpoint_last.pt"
    before = last.read_bytes(), (clone.root / "results.json").read_bytes()
    done = clone.run("cmudict.sh", *SHORT, "--max-update", "4")
    assert done.returncode == 0, done.stderr[-3000:]
    assert last.read_bytes() == before[0]
    done = clone.run("cmudict.sh", *SHORT, "--max-update", "4", "--dropout", "0.6")
    assert done.returncode == 2
    assert "checkpoints/cmudict-1 was trained with other flags" in done.stderr.splitlines()[-1]
    assert (last.read_bytes(), (clone.root / "results.json").read_bytes()) == before


def test_data_are_made_anew_once_the_new_ones_are_ready(clone: Clone) -> None:
    script = "../prepare_multi30k.sh"
    done = clone.run(script, VOCAB_SIZE="300")
    assert done.returncode == 0, done.stderr[-3000:]
    made = clone.root / "data-bin/multi30k/dict.en.txt"
    small = made.read_bytes()
    done = clone.run(script, S2S_DATA="/nowhere")
    assert done.returncode == 1
    assert made.read_bytes() == small
    done = clone.run(script, VOCAB_SIZE="320")
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(made.read_bytes().splitlines()) > len(small.splitlines())
    assert sorted(path.name for path in (clone.root / "data-bin").iterdir()) == [
        "multi30k",
        "multi30k.text",
    ]


def test_unequal_files_leave_nothing_behind(clone: Clone, tmp_path) -> None:
    folder = tmp_path / "data/multi30k"
    folder.mkdir(parents=True)
    for path in (clone.data / "multi30k").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with (folder / "train.de").open("a", encoding="utf-8") as lines:
        lines.write("Eine Zeile zu viel.\n")
    done = clone.run("multi30k.sh", "s2s", S2S_DATA=str(folder.parent))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "70 lines" in done.stderr and "71" in done.stderr
    assert not list(clone.root.glob("data-bin/*"))


@pytest.mark.slow
def test_a_student_learns_from_what_the_trained_models_say(clone: Clone) -> None:
    without = clone.run("multi30k.sh", "distilled", *SHORT)
    assert without.returncode == 2
    sentence = without.stderr.splitlines()[-1]
    assert "there is no teacher yet: run SEEDS='1 2 3' scripts/recipes/multi30k.sh" in sentence
    done = clone.run("multi30k.sh", "s2s_attn", "distilled", *SHORT)
    assert done.returncode == 0, done.stderr[-3000:]
    models = {model for _, model in tasks(clone)}
    assert models == {"s2s_attn", "s2s_attn, distilled"}
    text = clone.root / "data-bin/multi30k-en-de.text/train.src"
    examples = len(text.read_text(encoding="utf-8").splitlines())
    for part in ("train", "train1"):  # the references, and what the teachers say
        loaded = f"multi30k-en-de-distilled {part} en-de {examples} examples"
        assert loaded in done.stdout + done.stderr
