"""Tests of --print-alignment with and without attention."""

import pytest
from fairseq.sequence_generator import SequenceGeneratorWithAlignment as Generator

from fairseq_plugins import S2SError
from fairseq_plugins.compat.patching import original

from .conftest import lines, run


@pytest.fixture
def blind(generate_args, blind_checkpoint) -> list[object]:
    """Generate with a model that has no attention."""
    return [*generate_args, "--path", blind_checkpoint]


def test_upstream_still_transposes_what_is_not_there(
    blind, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "_prepare_batch_for_alignment"
    monkeypatch.setattr(Generator, name, original(Generator, name))
    with pytest.raises(IndexError):
        run("generate", *blind, "--print-alignment")


def test_a_model_without_attention_is_refused_in_one_sentence(blind) -> None:
    with pytest.raises(S2SError, match="needs a model with attention"):
        run("generate", *blind, "--print-alignment")


def test_a_model_with_attention_is_aligned(generate_args, corpus, capsys) -> None:
    run("generate", *generate_args, "--beam", 2, "--print-alignment")
    aligned = lines(capsys.readouterr().out, "A")
    for i, sentence in enumerate(corpus.text["test"]):
        assert aligned[i].split() == [f"{j}-{j}" for j in range(len(sentence.split()))]
