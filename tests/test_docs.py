"""What the pages of docs/ say can be done is done here, as they say it."""

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fairseq_plugins import load
from fairseq_plugins.model_card import describe, read_model_card

from . import warm_process
from .fairseq_plugins.commands import preprocess, reversed_digits, write_corpus

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.M | re.S)
LOADED = re.compile(  # what a browser fetches by itself
    r"<(?:img|script|iframe|source|video|audio)[^>]+src=[\"']?(?:https?:)?//[^>]+>"
    r"|<link(?![^>]+rel=[\"']?canonical)[^>]+href=[\"']?(?:https?:)?//[^>]+>"
    r"|(?:url\(|@import )[\"']?(?:https?:)?//[^)]+",
)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """The language, the title and the code of each block of a page."""
    return BLOCK.findall((DOCS / page).read_text("utf-8"))


def test_the_page_on_python_runs_as_it_stands(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    names = {}
    for place, (_, _, code) in enumerate(blocks("python.md")):
        exec(compile(code, f"python.md, block {place}", "exec"), names)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "3 2 1"  # which the page promises
    assert "There is no checkpoint at no/such/folder" in said[-2]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A binarised corpus of reversed digits."""
    folder = tmp_path_factory.mktemp("digits")
    for seed, (subset, count) in enumerate((("train", 1000), ("valid", 50), ("test", 50))):
        write_corpus(folder, subset, reversed_digits(count, longest=4, seed=seed))
    return preprocess(folder)


@pytest.mark.parametrize(
    ("package", "arch"),
    [("cosine_attention", "s2s_attn_cosine"), ("minimal_gate", "s2s_attn_mgu")],
)
def test_the_page_on_extending_runs_as_it_stands(package, arch, digits, tmp_path, monkeypatch):
    [code] = [code for _, title, code in blocks("extend.md") if title == f"{package}/__init__.py"]
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text(code, "utf-8")
    flags = "--task translation --rnn-type gru --dropout 0 --optimizer adam --lr 0.01 --clip-norm 1"
    flags += " --max-tokens 500 --max-epoch 4 --data-buffer-size 0 --num-workers 0 --seed 1"
    for side in ("encoder", "decoder"):
        flags += f" --{side}-embed-dim 32 --{side}-hidden-size 32"
    flags += " --attention-dim 32 --no-epoch-checkpoints --save-dir run"
    process = subprocess.run(
        [warm_process.commands() / "fairseq-train", digits, "--user-dir", package, "--arch", arch]
        + flags.split(),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-2000:]

    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(package)
    model = load(tmp_path / "run", data=digits)
    assert model.generate(["1 2 3"])[0][0].text == "3 2 1"
    [[right], [wrong]] = (model.score([("4 5", target)]) for target in ("5 4", "4 5"))
    assert sum(right) > sum(wrong)
    if package == "cosine_attention":
        options = read_model_card(tmp_path / "run" / "checkpoint_best.pt").options
        assert "with cosine attention" in describe(options, attends=True)
    texts = ["1 2 3", "7", "9 0 4 4"]
    alone = [model.generate([text], beam=2)[0][0] for text in texts]
    for one, [together] in zip(alone, model.generate(texts, beam=2), strict=True):
        assert one.tokens == together.tokens
        assert one.score == pytest.approx(together.score, abs=1e-5)
    model.close()


def test_both_tutorials_have_the_same_commands_and_outputs():
    english, chinese = blocks("tutorial.md"), blocks("tutorial.zh.md")
    assert english == chinese
    assert len(english) > 20


@pytest.mark.parametrize("page", sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")))
def test_links_of_a_page_lead_to_files(page):
    """As GitHub follows them."""
    text = re.sub(r"^```.*?^```", "", (DOCS / page).read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (DOCS / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "docs/trust.md"])
def test_the_table_of_stacks_is_what_was_recorded(page):
    text = (ROOT / page).read_text("utf-8")
    rows = {tuple(re.split(r"\s*\|\s*", line.strip(" |"))) for line in text.splitlines()}
    for stack in json.loads((DOCS / "stacks.json").read_text("utf-8")):
        fork = stack.get("fairseq-fixed")
        installer = "uv" if stack["installer"] == "uv" else "pip"
        passed, skipped = re.fullmatch(r"(\d+) passed, (\d+) skipped", stack["tests"]).groups()
        row = (
            stack["python"],
            f"fork {fork}" if fork else f"official {stack['fairseq']}",
            stack["torch"].partition("+")[0],
            f"{installer} {stack[installer]}",
            f"{int(passed):,}",
            skipped,
        )
        assert row in rows


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("needs mkdocs (the extra docs)")
    process = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-4000:]
    assert "WARNING" not in process.stderr
    pages = [*(tmp_path / "site").rglob("*.html"), *(tmp_path / "site").rglob("*.css")]
    assert len(pages) > 25
    for page in pages:
        assert not LOADED.findall(page.read_text("utf-8")), page
    options = (tmp_path / "site/reference/architectures/index.html").read_text("utf-8")
    assert "--attention-temperature" in options and "--arch s2s_gnmt" in options
