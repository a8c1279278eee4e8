"""Tests of --replace-unk: the model copies, so it says an unknown word where it reads one."""

import io
from pathlib import Path

import pytest
from fairseq import utils
from fairseq.data import Dictionary

from fairseq_plugins import S2SError
from fairseq_plugins.compat import replace_unk
from fairseq_plugins.compat.patching import original
from fairseq_plugins.compat.replace_unk import Alignment

from .conftest import PLUGIN, lines, run


@pytest.fixture
def raw(generate_args, corpus) -> list[object]:
    return [corpus.raw, *generate_args[1:], "--dataset-impl", "raw", "--beam", 2]


def test_upstream_still_fails_in_three_ways() -> None:
    assert replace_unk.needed()
    with pytest.raises(FileNotFoundError):
        original(utils, "load_align_dict")("@@ ")
    with pytest.raises(IndexError):
        utils.replace_unk("<unk>", "Alice", [], {}, "<unk>")
    with pytest.raises(TypeError):
        utils.replace_unk("<unk>", "Alice", [(0, 0)], {}, "<unk>")


def test_without_the_flag_the_word_is_unknown(raw, capsys) -> None:
    run("generate", *raw)
    assert lines(capsys.readouterr().out, "H")[0] == "four <unk> seven"


@pytest.mark.parametrize("printed", [[], ["--print-alignment"], ["--print-alignment=soft"]])
def test_the_source_word_is_copied(printed: list[str], raw, corpus, capsys) -> None:
    run("generate", *raw, *printed, "--replace-unk")
    out = capsys.readouterr().out
    assert [lines(out, "H")[i] for i in range(13)] == corpus.text["test"]
    assert bool(lines(out, "A")) == bool(printed)


def test_the_source_word_is_looked_up(raw, tmp_path: Path, capsys) -> None:
    (tmp_path / "names").write_text("Alice Alicia\n")
    run("generate", *raw, "--replace-unk", tmp_path / "names")
    assert lines(capsys.readouterr().out, "H")[0] == "four Alicia seven"


def test_interactive_copies_what_was_typed(
    corpus, checkpoint: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["Bob one", "two", "three Carol Bob"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(typed) + "\n"))
    args = [corpus.bin, "--user-dir", PLUGIN, "--path", checkpoint, "--replace-unk"]
    run("interactive", *args, "--buffer-size", 3, "--batch-size", 2)
    assert lines(capsys.readouterr().out, "D") == dict(enumerate(typed))


def test_a_model_without_attention_is_refused_in_one_sentence(raw, blind_checkpoint) -> None:
    with pytest.raises(S2SError, match="needs a model with attention"):
        run("generate", *raw, "--path", blind_checkpoint, "--replace-unk")


def test_scoring_references_is_refused_in_one_sentence(raw) -> None:
    with pytest.raises(S2SError, match="does not go together with --score-reference"):
        run("generate", *raw, "--replace-unk", "--score-reference")


def test_unknown_pieces_are_replaced_before_pieces_are_joined() -> None:
    dictionary = Dictionary()
    tokens = dictionary.encode_line("▁a b <unk> ▁c", append_eos=True)
    alignment = Alignment([], {0: 0, 1: 1, 2: 2, 3: 3}, 4, None)
    _, text, _ = utils.post_process_prediction(
        tokens, "▁a b x ▁c", alignment, {}, dictionary, "sentencepiece"
    )
    assert text == "abx c"


def test_where_words_do_not_match_tokens_nothing_is_copied() -> None:
    assert Alignment([], {0: 1}, 2, None).word(0, "joined") is None
    assert Alignment([], {0: 1}, 2, None).word(0, "two words") == "words"
    assert Alignment([], {0: 1}, 2, None).word(1, "two words") is None
    assert Alignment([], {0: 1}, 2, ["as", "typed"]).word(0, "<unk> <unk>") == "typed"
