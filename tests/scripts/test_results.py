"""The record of results, what a training cost, and the tables that are made from them."""

import argparse
import json
import math
import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
import torch
from markdown_it import MarkdownIt
from torch import nn

from scripts import results
from scripts.tabulating import groups, record, summary, tables, training
from tests.scripts.sandbox import ROOT

KEYS = "task model metric value seeds values spread parameters minutes command complete versions"


FACTS = ("cmudict", "s2s", "wer", 1.0, [1], {"1": 1.0}, None, 10, 60.0, "x", True, 9, {})
ROW = dict(zip(record.KEYS, FACTS, strict=True))


def add(folder: Path, task: str = "cmudict", model: str = "s2s", *flags, **scores: float) -> int:
    """Add numbers, by default of seed 1 and a model of 10 weights and 60 minutes."""
    (folder / "scores.json").write_text(
        json.dumps({"metrics": scores or {"wer": 30.0}, "examples": 100})
    )
    argv = ["add", "--results", str(folder / "docs/results.json"), "--task", task]
    argv += ["--model", model, "--seed", "1", "--scores", str(folder / "scores.json")]
    argv += ["--parameters", "10", "--minutes", "60", "--command", "scripts/recipes/x.sh"]
    return results.main([*argv, *map(str, flags)])


def read(folder: Path) -> list[dict]:
    return json.loads((folder / "docs/results.json").read_text())


def refused(capsys, said: str) -> None:
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("results.py: ") and error.count("\n") == 1


# --- the record


def test_an_object_has_every_key_and_one_seed_no_spread(tmp_path: Path) -> None:
    assert add(tmp_path, wer=30.5, per=7.25) == 0
    per, wer = read(tmp_path)
    assert set(KEYS.split()) <= set(wer)
    assert (wer["task"], wer["model"], wer["metric"]) == ("cmudict", "s2s", "wer")
    assert (wer["value"], wer["seeds"], wer["values"]) == (30.5, [1], {"1": 30.5})
    assert (wer["spread"], wer["complete"], per["value"]) == (None, True, 7.25)
    assert wer["versions"]["torch"] == torch.__version__
    assert "note" not in wer


def test_the_value_is_the_mean_of_the_seeds_and_a_seed_is_replaced(tmp_path: Path) -> None:
    for seed, wer, minutes in [(10, 33.0, 10), (2, 31.0, 20), (1, 99.0, 99), (1, 29.0, 60)]:
        flags = ("--seed", seed, "--minutes", minutes)
        assert add(tmp_path, "cmudict", "s2s", *flags, wer=wer) == 0
    (row,) = read(tmp_path)
    assert row["seeds"] == [1, 2, 10]
    assert row["values"] == {"1": 29.0, "2": 31.0, "10": 33.0}
    assert (row["value"], row["spread"], row["minutes"]) == (31.0, 4.0, 30.0)


def test_an_object_is_complete_when_all_its_seeds_are(tmp_path: Path) -> None:
    for flags, complete in [
        (["--seed", 1], True),
        (["--seed", 2, "--incomplete"], False),
        (["--seed", 1], False),
        (["--seed", 2], True),
    ]:
        add(tmp_path, "cmudict", "s2s", *flags)
        assert read(tmp_path)[0]["complete"] is complete


def test_a_note_stays_until_another_is_given(tmp_path: Path) -> None:
    for flags, note in [(["--note", "a"], "a"), ([], "a"), (["--note", ""], None)]:
        add(tmp_path, "cmudict", "s2s", *flags)
        assert read(tmp_path)[0].get("note") == note


def test_seeds_of_models_of_two_sizes_are_not_mixed(tmp_path: Path, capsys) -> None:
    add(tmp_path)
    before = (tmp_path / "docs/results.json").read_bytes()
    assert add(tmp_path, "cmudict", "s2s", "--seed", 2, "--parameters", 11) == 1
    refused(capsys, "s2s has 11 parameters, but 10 with the seeds")
    assert (tmp_path / "docs/results.json").read_bytes() == before
    assert add(tmp_path, "cmudict", "s2s", "--parameters", 11) == 0  # the only seed: a new model


def test_the_order_of_adding_does_not_show(tmp_path: Path) -> None:
    names = [("scan-jump", "s2s"), ("cmudict", "s2s_attn"), ("cmudict", "s2s")]
    for folder, order in [("a", names), ("b", names[::-1])]:
        (tmp_path / folder).mkdir()
        for task, model in order:
            add(tmp_path / folder, task, model)
    found = [(tmp_path / folder / "docs/results.json").read_text() for folder in "ab"]
    assert found[0] == found[1]
    assert [(row["task"], row["model"]) for row in json.loads(found[0])] == sorted(names)


def put_slowly(path: Path, task: str, start: Barrier) -> None:
    run = record.Run(task, "s2s", "1", "x", None, None, True, 9, {})
    start.wait()
    with record.changing(path) as rows:
        time.sleep(0.1)  # all of them read before one writes, unless they wait for each other
        record.put(rows, run, "wer", 1.0)


def test_an_ensemble_has_the_seeds_of_its_models(tmp_path: Path) -> None:
    add(tmp_path, "cmudict", "s2s, ensemble of 3", "--seed", "1+2+10", wer=20.0)
    (row,) = read(tmp_path)
    assert (row["seeds"], row["values"], row["spread"]) == ([1, 2, 10], {"1+2+10": 20.0}, None)


def test_recipes_that_end_together_lose_nothing(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    path, names = tmp_path / "results.json", [f"task-{number}" for number in range(4)]
    start = fork.Barrier(len(names))
    workers = [fork.Process(target=put_slowly, args=(path, name, start)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [row["task"] for row in record.read(path)] == names
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]  # no lock left behind


def test_a_single_model_and_an_ensemble_make_no_mean(tmp_path: Path, capsys) -> None:
    assert add(tmp_path) == 0
    before = read(tmp_path)
    assert add(tmp_path, "cmudict", "s2s", "--seed", "1+2") == 1
    refused(capsys, "s2s on cmudict cannot be a single model and an ensemble: name them apart")
    assert read(tmp_path) == before


def test_seeds_are_measured_on_the_same_examples(tmp_path: Path, capsys) -> None:
    assert add(tmp_path) == 0
    scores = tmp_path / "half.json"
    scores.write_text('{"metrics": {"wer": 1}, "examples": 50}')
    assert add(tmp_path, "cmudict", "s2s", "--seed", 2, "--scores", scores) == 1
    refused(capsys, "cmudict has 50 examples, but 100 with the seeds that stand in the results")


@pytest.mark.parametrize("flags", [("--seed", "-1"), ("--seed", "1+"), ("--processes", "0")])
def test_numbers_that_cannot_be_are_refused(tmp_path: Path, flags: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        add(tmp_path, "cmudict", "s2s", *flags)
    assert not (tmp_path / "docs").exists()


def test_what_is_removed_is_gone(tmp_path: Path, capsys) -> None:
    add(tmp_path, wer=1.0, per=2.0)
    add(tmp_path, "scan-jump")
    argv = ["remove", "--results", str(tmp_path / "docs/results.json"), "--task", "cmudict"]
    assert results.main([*argv, "--model", "s2s", "--metric", "per"]) == 0
    assert [row["metric"] for row in read(tmp_path)] == ["wer", "wer"]
    assert results.main([*argv, "--model", "lstm"]) == 1
    refused(capsys, "has nothing of cmudict lstm")


@pytest.mark.parametrize(
    "content, said",
    [
        ("{", "is no JSON"),
        ("{}", "is no list of results"),
        ('[{"task": "x"}]', "is no list of results"),
        (json.dumps([ROW | {"value": None}]), "is no list of results"),
        (json.dumps([ROW | {"value": math.nan}]), "is no list of results"),
        (json.dumps([ROW | {"versions": []}]), "is no list of results"),
        (json.dumps([ROW | {"over": 3}]), "is no list of results"),
    ],
)
def test_a_broken_record_is_refused_and_kept(tmp_path: Path, capsys, content, said) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/results.json").write_text(content)
    assert add(tmp_path) == 1
    refused(capsys, said)
    assert (tmp_path / "docs/results.json").read_text() == content


@pytest.mark.parametrize("content", ["{", "[]", '{"metrics": {}}', '{"metrics": {"wer": NaN}}'])
def test_scores_without_numbers_are_one_sentence(tmp_path: Path, capsys, content: str) -> None:
    scores = tmp_path / "other.json"
    scores.write_text(content)
    assert add(tmp_path, "cmudict", "s2s", "--scores", scores) == 1
    refused(capsys, "other.json h")
    assert not (tmp_path / "docs").exists()


# --- what a training cost


class Tied(nn.Module):
    """An embedding that is the output too, and a buffer as fairseq's transformer has one."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.inner = nn.LSTM(4, 4)
        self.output = nn.Linear(4, 7, bias=False)
        self.output.weight = self.embed.weight
        self.register_buffer("version", torch.Tensor([3]))
        nn.init.zeros_(self.inner.bias_ih_l0)  # two vectors of one content are two all the same
        nn.init.zeros_(self.inner.bias_hh_l0)


def checkpoint(path: Path, copied: bool = False, **change) -> Path:
    weights = Tied().state_dict()
    if copied:  # as fairseq moves the weights from a GPU before it saves them
        weights = {name: tensor.clone() for name, tensor in weights.items()}
    extra = {"previous_training_time": torch.tensor(90.0, dtype=torch.float64)}
    content = {"model": weights, "extra_state": extra, "args": argparse.Namespace(arch="lstm")}
    torch.save(content | change, path)
    return path


@pytest.mark.parametrize("copied", [False, True])
def test_tied_weights_count_once_and_buffers_do_not(tmp_path: Path, copied: bool) -> None:
    unique = sum(parameter.numel() for parameter in Tied().parameters())
    assert training.read(checkpoint(tmp_path / "a.pt", copied)) == (unique, 90.0, True)


@pytest.mark.parametrize(
    "max_update, max_epoch, finished",
    [(100, 0, True), (101, 0, False), (0, 3, True), (0, 4, False), (101, 3, True), (0, 0, True)],
)
def test_a_training_that_was_stopped_is_seen_from_its_checkpoint(
    tmp_path: Path, max_update: int, max_epoch: int, finished: bool
) -> None:
    limits = {"max_update": max_update, "max_epoch": max_epoch}
    extra = {"previous_training_time": 90.0, "train_iterator": {"epoch": 4}}
    path = checkpoint(
        tmp_path / "a.pt",
        cfg={"optimization": limits},
        optimizer_history=[{"num_updates": 100}],
        extra_state=extra,
    )
    assert training.read(path).finished == finished
    assert add(tmp_path, "cmudict", "a", "--checkpoint", path) == 0
    assert [row["complete"] for row in read(tmp_path)] == [finished]


def test_a_row_gets_the_cost_of_all_members_on_all_cores(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text('{"metrics": {"wer": 1}, "examples": 9}')
    paths = [str(checkpoint(tmp_path / name)) for name in ("a.pt", "b.pt")]
    argv = ["add", "--results", str(tmp_path / "results.json"), "--task", "cmudict", "--seed", "1"]
    argv += ["--model", "ensemble", "--scores", str(tmp_path / "scores.json"), "--command", "x"]
    assert results.main([*argv, "--checkpoint", *paths, "--processes", "2"]) == 0
    (row,) = record.read(tmp_path / "results.json")
    unique = sum(parameter.numel() for parameter in Tied().parameters())
    assert (row["parameters"], row["minutes"]) == (2 * unique, 6.0)  # 2 x 1.5 minutes on 2 cores
    assert results.main([*argv, "--checkpoint", *paths, "--minutes", "7"]) == 0
    (row,) = record.read(tmp_path / "results.json")
    assert (row["parameters"], row["minutes"]) == (2 * unique, 7.0)


def broken(folder: Path, kind: str) -> Path:
    path = folder / "checkpoint.pt"
    if kind == "untimed":
        checkpoint(path, extra_state={})
    elif kind == "unsafe":
        checkpoint(path, args=Path("/"))
    elif kind == "cut":
        path.write_bytes(checkpoint(path).read_bytes()[:500])
    elif kind == "no model":
        torch.save({"weights": {}}, path)
    return path


@pytest.mark.parametrize(
    "kind, said",
    [
        ("missing", "cannot be read"),
        ("cut", "is no checkpoint that can be read safely"),
        ("unsafe", "is no checkpoint that can be read safely"),
        ("no model", "has no model weights"),
        ("untimed", "does not say how long its training was"),
    ],
)
def test_a_broken_checkpoint_is_one_sentence(tmp_path: Path, capsys, kind, said) -> None:
    (tmp_path / "scores.json").write_text('{"metrics": {"wer": 1}, "examples": 9}')
    argv = ["add", "--results", str(tmp_path / "docs/results.json"), "--task", "cmudict"]
    argv += ["--seed", "1", "--model", "x", "--scores", str(tmp_path / "scores.json")]
    argv += ["--command", "x", "--checkpoint", str(broken(tmp_path, kind))]
    assert results.main(argv) == 1
    refused(capsys, said)
    assert not (tmp_path / "docs").exists()


# --- means over tasks


def macro(folder: Path, *over: str, flags: tuple[str, ...] = ()) -> int:
    argv = ["macro", "--results", str(folder / "docs/results.json"), "--model", "s2s"]
    argv += ["--task", "sigmorphon2021-medium", "--metric", "wer", "--over", *over]
    return results.main([*argv, *flags])


def test_a_macro_is_the_mean_over_tasks_of_each_seed(tmp_path: Path) -> None:
    for task, wers in {"sigmorphon2021-a": (10.0, 20.0), "sigmorphon2021-b": (1.0, 3.0)}.items():
        for seed, wer in enumerate(wers, 1):
            add(tmp_path, task, "s2s", "--seed", seed, wer=wer)
    assert macro(tmp_path, "sigmorphon2021-a", "sigmorphon2021-b") == 0
    row = next(row for row in read(tmp_path) if row["task"] == "sigmorphon2021-medium")
    assert row["values"] == {"1": 5.5, "2": 11.5}
    assert (row["value"], row["spread"]) == (8.5, 6.0)
    assert (row["parameters"], row["minutes"], row["complete"]) == (10, 120.0, True)
    assert record.stale(read(tmp_path)) == []
    add(tmp_path, "sigmorphon2021-a", "s2s", wer=0.0)
    assert record.stale(read(tmp_path)) == [row]


def test_a_macro_keeps_its_note_and_has_the_minutes_that_are_given(tmp_path: Path) -> None:
    add(tmp_path, "sigmorphon2021-a", "s2s")
    for flags in (("--note", "as published"), ("--one-model", "--minutes", "99")):
        assert macro(tmp_path, "sigmorphon2021-a", flags=flags) == 0
    row = next(row for row in read(tmp_path) if row["task"] == "sigmorphon2021-medium")
    assert (row["note"], row["minutes"]) == ("as published", 99.0)


def test_a_macro_loses_no_number_that_was_measured(tmp_path: Path, capsys) -> None:
    add(tmp_path, "sigmorphon2021-a")
    add(tmp_path, "sigmorphon2021-medium")
    before = read(tmp_path)
    assert macro(tmp_path, "sigmorphon2021-a") == 1
    refused(capsys, "wer of s2s on sigmorphon2021-medium was measured: remove it first")
    for over in (["sigmorphon2021-medium"], ["sigmorphon2021-a", "sigmorphon2021-a"]):
        assert macro(tmp_path, *over) == 1
        refused(capsys, "name each task of sigmorphon2021-medium once")
    assert read(tmp_path) == before


def test_a_macro_names_the_tasks_that_lack_numbers(tmp_path: Path, capsys) -> None:
    add(tmp_path, "sigmorphon2021-a")
    add(tmp_path, "sigmorphon2021-b")
    assert macro(tmp_path, "sigmorphon2021-a", "sigmorphon2021-c", "sigmorphon2021-d") == 1
    refused(capsys, "there is no wer of s2s on sigmorphon2021-c, sigmorphon2021-d")
    add(tmp_path, "sigmorphon2021-b", "s2s", "--seed", 2)
    assert macro(tmp_path, "sigmorphon2021-a", "sigmorphon2021-b") == 1
    refused(capsys, "the seeds 1, 2 on some tasks, but not on sigmorphon2021-a")


# --- the tables


def cells(markdown: str) -> list[list[str]]:
    """The source of each cell of the tables, line by line, as a Markdown parser sees them."""
    lines: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "tr_open":
            lines.append([])
        elif token.type == "inline" and token.level >= 4:
            lines[-1].append(token.content.replace("\u00a0", " "))
    return lines


def test_a_table_shows_models_costs_numbers_and_what_was_published(tmp_path: Path) -> None:
    for seed, lower in [(1, 39.0), (2, 40.0)]:
        flags = ("--seed", seed, "--parameters", 1234567)
        add(tmp_path, "multi30k-en-de-test2016", "s2s_attn", *flags, bleu_lc_tok=lower, bleu=38.0)
        add(tmp_path, "multi30k-en-de-test2017", "s2s_attn", *flags, bleu_lc_tok=31.0)
    add(tmp_path, "multi30k-en-de-test2016", "s2s", "--incomplete", bleu_lc_tok=39.1)
    head, plain, attention, published = cells(tables.render(read(tmp_path)))
    assert head == [
        "model",
        "parameters",
        "core-minutes",
        "seeds",
        "BLEU test2016",
        "BLEU tok. lc test2016",
        "BLEU tok. lc test2017",
        "command",
    ]
    recipe = "`scripts/recipes/x.sh`"
    assert plain == ["`s2s` *incomplete*", "10", "60", "1", "", "39.10", "", recipe]
    assert attention == [
        "`s2s_attn`",
        "1,234,567",
        "60",
        "1, 2",
        "**38.00** ± 0.00",
        "**39.50** ± 0.71 ✓",
        "**31.00** ± 0.00",
        recipe,
    ]
    assert published[0] == "*published: Caglayan et al. 2017*"
    assert published[1:] == ["", "", "", "", "*39.00*", "*31.25*", ""]


def test_the_best_is_the_lowest_of_error_rates_and_of_one_task(tmp_path: Path) -> None:
    add(tmp_path, "scan-simple", "a", exact=99.0, length=3.0)
    add(tmp_path, "scan-simple", "b", exact=98.0, length=2.0)
    add(tmp_path, "scan-jump", "a", exact=1.0)
    add(tmp_path, "cmudict", "a", wer=31.2)
    add(tmp_path, "cmudict", "b", wer=31.1)
    text = tables.render(read(tmp_path))
    found = {tuple(line[:2]): line for line in cells(text)}
    assert "**31.10** ✓" in found["`b`", "10"] and "31.20" in found["`a`", "10"]
    assert "**99.00**" in found["scan-simple", "`a`"] and "98.00" in found["scan-simple", "`b`"]
    assert "3.0" in found["scan-simple", "`a`"]  # no length is the best one
    assert "1.00" in found["scan-jump", "`a`"]  # the only one of its task


def test_no_text_breaks_a_table(tmp_path: Path) -> None:
    flags = ("--command", "a | b `c`", "--note", "<b>x | y\nz", "--minutes", 2.345)
    add(tmp_path, "cmudict", "a|b", *flags)
    text = tables.render(read(tmp_path))
    found = cells(text)
    assert {len(line) for line in found} == {6}
    assert found[1][0] == "`a|b`" and found[1][2] == "2.3" and found[1][5] == "`a | b 'c'`"
    assert "- `a\\|b`, cmudict: &lt;b>x \\| y z\n" in text


def test_groups_come_in_order_and_languages_are_folded(tmp_path: Path) -> None:
    names = ["my-task", "alibi-alignment", "xdailydialog-en", "shapes-one-to-many", "webquestions"]
    names += ["dialogsum", "scan-length", "sigmorphon2021-kor", "sigmorphon2021-low", "cmudict"]
    names += ["long-sentences-en-de", "tatoeba-en-zh", "multi30k-de-en-test2016"]
    for name in names:
        add(tmp_path, name)
    text = tables.render(read(tmp_path))
    heads = [line[4:] for line in text.splitlines() if line.startswith("### ")]
    assert heads == list(groups.GROUPS)
    folded = text[text.index("<details markdown>") : text.index("</details>")]
    assert "`s2s`" in folded and "*16.30*" in folded  # the published number of Korean
    assert "*25.10*" not in folded and "*25.10*" in text
    assert text.index("German to English") < text.index("Tatoeba") < text.index("### Long")


def test_ensembles_stand_after_single_models(tmp_path: Path) -> None:
    for model in ("ensemble of 5", "transformer", "s2s"):
        add(tmp_path, "cmudict", model)
    names = [line[0] for line in cells(tables.render(read(tmp_path)))[1:4]]
    assert names == ["`s2s`", "`transformer`", "`ensemble of 5`"]


def test_versions_that_differ_are_told_by_task(tmp_path: Path) -> None:
    add(tmp_path, "cmudict")
    add(tmp_path, "scan-jump")
    rows = read(tmp_path)
    torch_now = f"torch {torch.__version__}"
    assert tables.versions(rows)[0].endswith(f"{torch_now}.")
    rows[1]["versions"] = {"torch": "2.6"}
    assert tables.versions(rows)[0].endswith(f"{torch_now}: cmudict.")
    assert tables.versions(rows)[1] == "Made with torch 2.6: scan-jump."


# --- the README and the page


def table(folder: Path, command: str = "table", option: str = "--page") -> int:
    path = str(folder / "docs/results.json")
    file = folder / {"--page": "results.md", "--readme": "README.md"}[option]
    return results.main([command, "--results", path, option, str(file)])


@pytest.mark.parametrize(
    ("option", "name", "line"),
    [
        ("--page", "results.md", "| `s2s` | 10 | 60 | 1 | 30.00\u00a0✓ |"),
        ("--readme", "README.md", "| cmudict | `s2s` | word errors (%) 30.00\u00a0✓ | 1 | 60 |"),
    ],
)
def test_a_page_gets_the_tables_between_its_markers(tmp_path, capsys, option, name, line) -> None:
    add(tmp_path)
    page = tmp_path / name
    page.write_text("before\n<!-- results -->\nreplace me\n<!-- /results -->\nafter\n")
    assert table(tmp_path, "check", option) == 1
    refused(capsys, f"{name} does not show")
    assert table(tmp_path, "table", option) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- results -->\n\n") and "replace me" not in text
    assert text.endswith("\n<!-- /results -->\nafter\n")
    assert line in text
    assert table(tmp_path, "table", option) == 0
    assert page.read_text(encoding="utf-8") == text  # once more changes nothing
    assert table(tmp_path, "check", option) == 0
    add(tmp_path, wer=29.0)
    assert table(tmp_path, "check", option) == 1


def test_check_sees_a_macro_that_is_stale(tmp_path: Path, capsys) -> None:
    add(tmp_path, "sigmorphon2021-a")
    macro(tmp_path, "sigmorphon2021-a")
    (tmp_path / "results.md").write_text("<!-- results --><!-- /results -->")
    table(tmp_path)
    assert table(tmp_path, "check") == 0
    add(tmp_path, "sigmorphon2021-a", wer=1.0)
    assert table(tmp_path, "check") == 1
    refused(capsys, "wer of s2s on sigmorphon2021-medium is not the mean over its tasks")


@pytest.mark.parametrize(
    "content",
    ["", "<!-- results -->", "<!-- /results --><!-- results -->", "<!-- results -->" * 2],
)
def test_a_page_without_its_markers_stays_as_it_is(tmp_path: Path, capsys, content: str) -> None:
    add(tmp_path)
    (tmp_path / "results.md").write_text(content)
    for command in ("table", "check"):
        assert table(tmp_path, command) == 1
        refused(capsys, "needs one line <!-- results --> and after it one line")
    assert (tmp_path / "results.md").read_text() == content


def test_no_page_and_no_results_are_one_sentence(tmp_path: Path, capsys) -> None:
    assert table(tmp_path) == 1
    refused(capsys, "results.json has no results: add some first")
    add(tmp_path)
    assert table(tmp_path) == 1
    refused(capsys, "No such file")


def test_the_summary_has_a_line_for_each_model_of_a_task(tmp_path: Path) -> None:
    for test, bleu in (("test2016", 39.5), ("test2017", 30.0)):
        add(tmp_path, f"multi30k-en-de-{test}", "a", bleu_lc_tok=bleu, bleu=bleu - 1, chrf=60.0)
        add(tmp_path, f"multi30k-en-de-{test}", "b", bleu_lc_tok=20.0)
    add(tmp_path, "sigmorphon2021-kor", "a")  # told on the page alone
    add(tmp_path, "my-task", "a", "--incomplete", exact=50.0)
    lines = cells(summary.render(read(tmp_path)))
    assert [line[:3] for line in lines[1:]] == [
        [
            "multi30k-en-de test2016 / test2017",
            "`a`",
            "BLEU **38.50** / **29.00**; BLEU tok. lc **39.50** ✓ / **30.00**",
        ],
        ["multi30k-en-de test2016 / test2017", "`b`", "BLEU tok. lc 20.00 / 20.00"],
        [
            "multi30k-en-de test2016 / test2017",
            "*published: [Caglayan et al. 2017](https://arxiv.org/abs/1707.04481)*",
            "BLEU tok. lc *39.00* / *31.25*",
        ],
        ["my-task", "`a` *incomplete*", "exact (%) 50.00"],
    ]
    assert lines[1][3:] == ["1", "60", "`scripts/recipes/x.sh`"]


def test_the_projects_own_results_are_shown() -> None:
    files = ("--readme", str(ROOT / "README.md"), "--page", str(ROOT / "docs/results.md"))
    assert results.main(["check", *files]) == 0
