"""Tests that no line of input ends fairseq-interactive."""

import io
import logging
import sys
from pathlib import Path

import fairseq_cli.interactive
import pytest

from fairseq_plugins.compat import interactive
from fairseq_plugins.compat.patching import original

from .conftest import PLUGIN, lines, run

TOO_LONG = " ".join(["nine"] * 9)
TYPED = ["one two three", TOO_LONG, "", TOO_LONG, "four", "five six"]


@pytest.fixture
def translate(corpus, checkpoint: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    """Type lines to a model that takes nine words and the end of a sentence."""

    def translate(typed: list[str], *args: object) -> dict[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(typed) + "\n"))
        common = [corpus.bin, "--user-dir", PLUGIN, "--path", checkpoint]
        run("interactive", *common, "--max-source-positions", 9, *args)
        return lines(capsys.readouterr().out, "D")

    return translate


def test_importing_the_command_leaves_the_root_logger_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(fairseq_cli, "interactive", fairseq_cli.interactive)  # put back after
    monkeypatch.delitem(sys.modules, "fairseq_cli.interactive")
    interactive.commands()
    assert logging.getLogger().handlers == []


def test_upstream_still_ends_at_a_line_that_is_too_long(
    translate, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = original(fairseq_cli.interactive, "make_batches")
    monkeypatch.setattr(fairseq_cli.interactive, "make_batches", upstream)
    with pytest.raises(Exception, match="Size of sample #0 is invalid"):
        translate(TYPED)


@pytest.mark.parametrize("buffer, batch", [(1, 1), (2, 1), (4, 2), (100, 3)])
def test_the_other_lines_keep_their_ids_and_outputs(
    translate, caplog, buffer: int, batch: int
) -> None:
    with caplog.at_level(logging.WARNING):
        got = translate(TYPED, "--buffer-size", buffer, "--batch-size", batch)
    assert got == {0: "one two three", 2: "", 4: "four", 5: "five six"} | {2: got[2]}
    said = [r.getMessage() for r in caplog.records if r.name == interactive.__name__]
    assert len(said) == 2
    assert "has 10 tokens and the model takes 9" in said[0]


def test_max_tokens_is_a_limit_too(translate) -> None:
    assert translate(["one two three", "four"], "--max-tokens", 3) == {1: "four"}
