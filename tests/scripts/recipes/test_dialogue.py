"""The dialogue recipe from conversations to rows of results."""

import pytest

from .conftest import Clone
from .fork_server import MORE
from .test_smoke import BRIEF, ONE_BATCH, REAL, SHORT, tasks

METRICS = {"ppl", "ppl_word", "length", "generic", "distinct1", "distinct2"}
METRICS |= {f"bleu{n}" for n in range(1, 5)}
RECORDED = {(f"xdailydialog-{language}", "s2s_attn"): METRICS for language in ("en", "zh")}


def test_both_languages_are_measured(clone: Clone) -> None:
    done = clone.run("dialogue.sh", *SHORT, S2S_OUT="an output")
    assert done.returncode == 0, done.stderr[-3000:]
    assert tasks(clone) == RECORDED
    assert (clone.root / "an output/checkpoints/dialogue/checkpoint_best.pt").is_file()
    assert not (clone.root / "checkpoints").exists()


@pytest.mark.slow
def test_the_same_on_the_published_data(clone: Clone) -> None:
    if not (REAL / "xdailydialog").is_dir():
        pytest.skip(f"needs {REAL / 'xdailydialog'}")
    flags = {"S2S_DATA": str(REAL), MORE: BRIEF}
    done = clone.run("dialogue.sh", *SHORT, *ONE_BATCH, **flags)
    assert done.returncode == 0, done.stderr[-3000:]
    assert tasks(clone) == RECORDED
