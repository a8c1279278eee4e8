"""The dialogue recipe from conversations to rows of results."""

from .conftest import Clone
from .test_smoke import SHORT, tasks

METRICS = {"ppl", "ppl_word", "length", "generic", "distinct1", "distinct2"}
METRICS |= {f"bleu{n}" for n in range(1, 5)}


def test_both_languages_are_measured(clone: Clone) -> None:
    done = clone.run("dialogue.sh", *SHORT)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = {(f"xdailydialog-{language}", "s2s_attn"): METRICS for language in ("en", "zh")}
    assert tasks(clone) == expected
