"""Every recipe from data to its row of results, on small data made by the tests and on the real."""

import os
from typing import NamedTuple

import pytest

from ...warm_process import MORE
from ..sandbox import ROOT
from .conftest import Clone

REAL = (ROOT / os.environ.get("S2S_DATA", "../shared/data")).resolve()
SHORT = "--max-update 2 --max-tokens 600 --num-workers 0 --data-buffer-size 0".split()
# Of the real sets: one batch is enough to validate, and untrained models would write on and on.
ONE_BATCH = "--max-valid-steps 1 --max-tokens-valid 4000".split()
BRIEF = "--beam 1 --max-len-a 0 --max-len-b 5"


class Recipe(NamedTuple):
    """A call, the data set that it reads, and what it must record: metrics by task and model."""

    call: str
    data: str | None
    recorded: dict[tuple[str, str], set[str]]


BLEU = {"bleu", "bleu_lc_tok", "chrf"}
WER = {"wer", "per"}
ROUGE = {"rouge1", "rouge2", "rougeL"}
RECIPES = [
    Recipe("scan.sh jump", "scan", {("scan-jump", "s2s_attn"): {"exact"}}),
    Recipe("cmudict.sh", "cmudict", {("cmudict", "s2s_attn"): WER}),
    Recipe(
        "multi30k.sh de-en s2s_attn",
        "multi30k",
        {(f"multi30k-de-en-{test}", "s2s_attn"): BLEU for test in ("test2016", "test2017")},
    ),
    Recipe(
        "multi30k.sh de-en s2s_attn transformer",
        "multi30k",
        {
            (f"multi30k-de-en-{test}", model): BLEU
            for test in ("test2016", "test2017")
            for model in ("s2s_attn", "transformer")
        },
    ),
    Recipe(
        "tatoeba.sh en-zh", "tatoeba_cmn_eng", {("tatoeba-en-zh", "s2s_attn"): {"bleu", "chrf"}}
    ),
    Recipe(
        "long_sentences.sh s2s",
        "multi30k",
        {("long-sentences", "s2s"): {"bleu", "chrf"}},
    ),
    Recipe(
        "alignment.sh s2s_attn",
        "tatoeba_fra_eng",
        {("alibi-alignment", "s2s_attn"): {"aer", "sure_f1"}},
    ),
    Recipe("g2p.sh high", "sigmorphon2021_g2p", {("sigmorphon2021-eng_us", "s2s_attn"): WER}),
    Recipe("g2p.sh kor", "sigmorphon2021_g2p", {("sigmorphon2021-kor", "s2s_attn"): WER}),
    Recipe(
        "summaries.sh csl s2s copy",
        "csl_title_devtest",
        {("csl", "s2s"): ROUGE, ("csl", "s2s_attn, copying"): ROUGE},
    ),
    Recipe("summaries.sh dialogsum s2s_attn", "dialogsum", {("dialogsum", "s2s_attn"): ROUGE}),
    Recipe("questions.sh", "webquestions", {("webquestions", "s2s_attn"): {"exact"}}),
    Recipe("shapes.sh aligned", None, {("shape-aligned", "s2s_attn"): {"exact"}}),
    Recipe(
        "chatterbot.sh chinese",
        "chatterbot",
        {("chatterbot-chinese", "s2s_attn"): {"bleu", "distinct1", "distinct2", "length"}},
    ),
]


def tasks(clone: Clone) -> dict[tuple[str, str], set[str]]:
    """The metrics that were recorded for each task and model."""
    found: dict[tuple[str, str], set[str]] = {}
    for row in clone.results():
        found.setdefault((row["task"], row["model"]), set()).add(row["metric"])
    return found


ANOTHER = {  # calls of a recipe that stands above with less, too
    "multi30k.sh de-en s2s_attn transformer",
    "g2p.sh kor",
    "summaries.sh csl s2s copy",
}


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(each, id=each.call, marks=[pytest.mark.slow] * (each.call in ANOTHER))
        for each in RECIPES
    ],
)
def test_a_recipe_goes_from_data_to_results(clone: Clone, recipe: Recipe) -> None:
    done = clone.run(*recipe.call.split(), *SHORT)
    assert done.returncode == 0, done.stderr[-3000:]
    assert tasks(clone) == recipe.recorded
    assert all(row["command"].endswith(" ".join(SHORT)) for row in clone.results())


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.call)
def test_the_same_on_the_published_data(clone: Clone, recipe: Recipe) -> None:
    if recipe.data is None:
        pytest.skip("makes its data itself")
    if not (REAL / recipe.data).is_dir():
        pytest.skip(f"needs {REAL / recipe.data}")
    flags = {"S2S_DATA": str(REAL), MORE: BRIEF}
    done = clone.run(*recipe.call.split(), *SHORT, *ONE_BATCH, **flags)
    assert done.returncode == 0, done.stderr[-3000:]
    assert tasks(clone) == recipe.recorded
