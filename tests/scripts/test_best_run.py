"""The best of several trainings, by their checkpoints."""

import json
import math
from pathlib import Path

import pytest
import torch

from scripts import best_run


def training(folder: Path, name: str, best: object, maximised: bool = False) -> str:
    """A --save-dir whose validation reached ``best``."""
    (folder / name).mkdir()
    state = {
        "model": {},
        "extra_state": {"best": best},
        "cfg": {"checkpoint": {"maximize_best_checkpoint_metric": maximised}},
    }
    torch.save(state, folder / name / "checkpoint_last.pt")
    return str(folder / name)


@pytest.mark.parametrize(
    ("bests", "maximised", "place"),
    [
        ([3.0, 2.0, 2.5], False, 1),
        ([3.0, 2.0, 3.5], True, 2),
        ([math.nan, 4.0], False, 1),
        ([math.inf, 4.0], True, 1),
        ([2.0, 2.0], False, 0),
    ],
)
def test_the_best_has_the_lowest_loss_or_the_highest_score(
    tmp_path: Path, capsys, bests: list[float], maximised: bool, place: int
) -> None:
    folders = [training(tmp_path, str(n), best, maximised) for n, best in enumerate(bests)]
    best_run.main(folders)
    assert capsys.readouterr().out == f"{place}\n"


@pytest.mark.parametrize(
    ("best", "says"),
    [
        (None, "holds no validation loss"),
        ("low", "holds no validation loss"),
        (math.nan, "all trainings diverged"),
    ],
)
def test_what_was_not_validated_is_one_sentence(tmp_path: Path, best: object, says: str) -> None:
    with pytest.raises(SystemExit, match=f"^best_run.py: .*{says}"):
        best_run.main([training(tmp_path, "a", best)])


def test_no_training_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="checkpoint_last.pt cannot be read"):
        best_run.main([str(tmp_path)])


def scores(folder: Path, **found: float) -> list[str]:
    for name, value in found.items():
        content = {"metrics": {"bleu": value, "wer": value, "length": value}, "examples": 9}
        (folder / f"{name}.json").write_text(json.dumps(content))
    return [str(folder / f"{name}.json") for name in found]


@pytest.mark.parametrize(("metric", "place"), [("bleu", 1), ("wer", 2)])
def test_a_search_is_chosen_by_its_score(tmp_path: Path, capsys, metric: str, place: int) -> None:
    best_run.main(["--metric", metric, *scores(tmp_path, a=3.0, b=5.0, c=1.0)])
    assert capsys.readouterr().out == f"{place}\n"


@pytest.mark.parametrize(
    ("metric", "says"),
    [("chrf", "a.json has no chrf"), ("length", "neither a high nor a low length is good")],
)
def test_a_score_that_cannot_choose_is_one_sentence(tmp_path: Path, metric: str, says: str) -> None:
    with pytest.raises(SystemExit, match=f"^best_run.py: .*{says}"):
        best_run.main(["--metric", metric, *scores(tmp_path, a=1.0)])
