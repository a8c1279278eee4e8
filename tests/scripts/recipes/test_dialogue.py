"""The dialogue recipe from conversations to rows of results."""

import json

import pytest

from ...warm_process import MORE
from .conftest import Clone
from .test_smoke import BRIEF, ONE_BATCH, REAL, SHORT, tasks

METRICS = {"ppl", "ppl_word", "length", "generic", "distinct1", "distinct2"}
METRICS |= {f"bleu{n}" for n in range(1, 5)}
RECORDED = {(f"xdailydialog-{language}", "s2s_attn"): METRICS for language in ("en", "zh")}


def test_both_languages_are_measured(clone: Clone) -> None:
    done = clone.run("dialogue.sh", *SHORT, S2S_OUT="an output")
    assert done.returncode == 0, done.stderr[-3000:]
    assert tasks(clone) == RECORDED
    run = clone.root / "an output/checkpoints/dialogue"
    assert (run / "checkpoint_best.pt").is_file()
    for language in ("en", "zh"):  # both programs read the same text out of the same pieces
        told = json.loads((run / f"test.{language}.json").read_text("utf-8"))["beam 5"]
        scores = json.loads((run / f"test.{language}.beam5.json").read_text("utf-8"))["metrics"]
        for name, other in (("bleu1", "bleu-1"), ("length", "mean length")):
            assert scores[name] == pytest.approx(told[other], abs=0.006)
    assert not (clone.root / "checkpoints").exists()
    weights = (run / "checkpoint_best.pt").read_bytes()
    again = clone.run("dialogue.sh", *SHORT, "--dropout", "0.5", S2S_OUT="an output")
    assert again.returncode == 2
    assert "an output/checkpoints/dialogue was trained with other flags" in again.stderr
    assert (run / "checkpoint_best.pt").read_bytes() == weights


@pytest.mark.slow
def test_the_same_on_the_published_data(clone: Clone) -> None:
    if not (REAL / "xdailydialog").is_dir():
        pytest.skip(f"needs {REAL / 'xdailydialog'}")
    flags = {"S2S_DATA": str(REAL), MORE: BRIEF}
    done = clone.run("dialogue.sh", *SHORT, *ONE_BATCH, **flags)
    assert done.returncode == 0, done.stderr[-3000:]
    assert tasks(clone) == RECORDED
