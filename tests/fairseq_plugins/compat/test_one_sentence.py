"""Tests of how a mistake of the user ends a command; a whole run is in test_corrupt_checkpoints."""

import sys

import pytest

from fairseq_plugins import S2SError
from fairseq_plugins.compat.one_sentence import apply


def raised(how: str) -> Exception:
    """An exception as fairseq lets it out."""
    try:
        try:
            raise S2SError("Mend this.")
        except S2SError as error:
            if how == "bare":
                raise
            raise Exception("architectures match") from (error if how == "cause" else None)
    except Exception as error:
        if how == "context":
            error.__suppress_context__ = False
        return error


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch):
    """The hook, before one that tells the exception it got."""
    got = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: got.append(error))
    apply()
    apply()

    def call(error: BaseException) -> list[BaseException]:
        sys.excepthook(type(error), error, error.__traceback__)
        return got

    return call


@pytest.mark.parametrize("how", ["bare", "cause", "context"])
def test_only_the_sentence_is_printed(how: str, hook, capsys) -> None:
    assert hook(raised(how)) == []
    assert capsys.readouterr().err == "Mend this.\n"


def test_other_exceptions_go_to_the_previous_hook(hook, capsys) -> None:
    error = ValueError("a fault of ours")
    assert hook(error) == [error]
    assert capsys.readouterr().err == ""


def test_the_traceback_is_shown_on_request(hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_TRACEBACK", "1")
    error = raised("bare")
    assert hook(error) == [error]
