"""The tables of options hold what the commands take."""

import pytest

pytest.importorskip("griffe")

from fairseq.dataclass.utils import gen_parser_from_dataclass  # noqa: E402

from scripts.documenting import options  # noqa: E402


@pytest.mark.parametrize("kind", ["models", "criterions", "tasks"])
def test_every_registered_name_is_there(kind):
    text = options.write(kind)
    for name in options.registered()[kind]:
        assert f" {name}`" in text or f"`{name}`" in text


def test_every_flag_of_a_model_is_there_once():
    import argparse

    text = options.write("models")
    parser = argparse.ArgumentParser()
    gen_parser_from_dataclass(parser, options.registered()["models"]["s2s_attn"]())
    flags = [action.option_strings[0] for action in parser._actions if action.dest != "help"]
    assert len(flags) > 50
    for flag in flags:
        rows = [line for line in text.splitlines() if line.startswith(f"| `{flag}` |")]
        assert sum(row.count(" | ") == 3 for row in rows) == 1, flag


def test_a_preset_shows_what_it_changes():
    text = options.write("models").split("### `--arch s2s_sutskever2014`")[1].split("###")[0]
    assert "| `--encoder-layers` | `1` | `4` |" in text
    assert "--rnn-type" not in text  # lstm, as before
