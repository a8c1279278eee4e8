"""Tests of how a mistake of the user ends a command; a whole run is in test_corrupt_checkpoints."""

import sys

import pytest

from fairseq_plugins import S2SError
from fairseq_plugins.compat.one_sentence import apply

HANDLERS = {
    "bare": "raise",
    "cause": "raise Exception('architectures match') from error",
    "context": "raise Exception('architectures match')",
    "suppressed": "raise Exception('something else') from None",
}


def raised(how: str, module: str = "fairseq.trainer") -> Exception:
    """An exception as the code of a module lets it out."""
    code = f"try: raise S2SError('Mend this.')\nexcept S2SError as error: {HANDLERS[how]}"
    try:
        exec(code, {"__name__": module, "S2SError": S2SError})
    except Exception as error:
        return error
    raise AssertionError


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


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a fault of ours"),
        raised("context", module="__main__"),  # a fault in the user's own handler
        raised("suppressed"),
    ],
    ids=["alone", "handler", "suppressed"],
)
def test_other_exceptions_go_to_the_previous_hook(hook, capsys, error: Exception) -> None:
    assert hook(error) == [error]
    assert capsys.readouterr().err == ""


def test_the_traceback_is_shown_on_request(hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_TRACEBACK", "1")
    error = raised("bare")
    assert hook(error) == [error]
