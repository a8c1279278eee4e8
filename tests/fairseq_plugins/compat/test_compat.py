"""Tests of the list of repairs and of leaving repairs out."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from fairseq_plugins import S2SError, compat


@pytest.fixture
def repairs(monkeypatch: pytest.MonkeyPatch) -> dict[str, SimpleNamespace]:
    """Two repairs that are needed and one that is not, in the place of the real ones."""
    repairs = {
        name: SimpleNamespace(needed=lambda name=name: name != "inert", apply=Mock())
        for name in ("one", "two", "inert")
    }
    monkeypatch.setattr(compat, "REPAIRS", repairs)
    monkeypatch.setattr(compat, "_applied", set())
    monkeypatch.delenv("S2S_COMPAT_SKIP", raising=False)
    return repairs


def counts(repairs: dict[str, SimpleNamespace]) -> list[int]:
    return [repair.apply.call_count for repair in repairs.values()]


def test_applying_twice_applies_each_needed_repair_once(repairs) -> None:
    compat.apply()
    compat.apply()
    assert counts(repairs) == [1, 1, 0]


def test_repairs_are_left_out_by_name(repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_COMPAT_SKIP", "one, inert")
    compat.apply()
    assert counts(repairs) == [0, 1, 0]


def test_all_leaves_out_every_repair(repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_COMPAT_SKIP", "all")
    compat.apply()
    assert counts(repairs) == [0, 0, 0]


def test_an_unknown_name_is_one_sentence(repairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_COMPAT_SKIP", "one,tow")
    with pytest.raises(S2SError, match="'tow': choose from one, two, inert, or all"):
        compat.apply()
    assert counts(repairs) == [0, 0, 0]


def test_every_repair_bears_its_modules_name_and_tells_its_fault() -> None:
    for name, repair in compat.REPAIRS.items():
        assert repair.__name__ == f"fairseq_plugins.compat.{name}"
        assert repair.__doc__.startswith("Fault: ")
