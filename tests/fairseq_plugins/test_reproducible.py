"""The same seed gives the same model; a model of an earlier version is scored as it was."""

import json
from typing import Any

import pytest
import torch

from .commands import preprocess, reversed_digits, train, write_corpus
from .golden.__main__ import HERE, MODELS, said

TOLERANCE = 2e-5  # of log-probabilities, between machines


def numbers(value: Any) -> list[float]:
    """All numbers of a nested value, in their order."""
    if isinstance(value, (list, tuple)):
        return [number for each in value for number in numbers(each)]
    if isinstance(value, dict):
        return [number for key in sorted(value) for number in numbers(value[key])]
    return [value] if isinstance(value, (int, float)) else []


def texts(rows: list[dict]) -> list[list[str]]:
    return [[text for text, _ in row["outputs"]] for row in rows]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_an_earlier_version_says_what_it_said(name: str) -> None:
    expected = json.loads((HERE / name / "said.json").read_text())
    found = said(HERE / name)
    assert texts(found) == texts(expected)
    assert numbers(found) == pytest.approx(numbers(expected), abs=TOLERANCE)
    assert len(numbers(expected)) > 50


@pytest.mark.parametrize("name", MODELS)
def test_it_has_learned_something(name: str) -> None:
    """Else it would say the same whatever a version made of it."""
    expected = json.loads((HERE / name / "said.json").read_text())
    right = sum(row["outputs"][0][0].split() == row["text"].split()[::-1] for row in expected)
    assert right >= 3


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_model(name: str, tmp_path) -> None:
    for seed, (subset, count) in enumerate((("train", 200), ("valid", 20), ("test", 20))):
        write_corpus(tmp_path, subset, reversed_digits(count, longest=5, seed=seed))
    preprocess(tmp_path)
    found = []
    for place, seed in (("one", 1), ("again", 1), ("another", 2)):
        flags = [*MODELS[name], "--dropout", 0.3, "--max-epoch", 2, "--seed", seed]
        train(tmp_path / "bin", tmp_path / place, *flags)
        state = torch.load(tmp_path / place / "checkpoint_last.pt", weights_only=True)
        found.append(state["model"])
    one, again, another = found
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not all(torch.equal(one[key], another[key]) for key in one)
