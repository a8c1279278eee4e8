"""Models of a report: named, counted, or refused in a sentence."""

import os
import shutil

import pytest
import torch

from fairseq_plugins import S2SError
from scripts.reporting import loading

LANGUAGES = ("src", "tgt")
TIED = ("decoder.embed_tokens.weight", "decoder.output_projection.weight", "decoder.fc_out.weight")
NO_PARAMETERS = ("version", "_float_tensor")


@pytest.mark.parametrize("name", ["s2s", "s2s_attn", "lstm", "transformer"])
def test_parameters_are_the_weights_of_the_checkpoint(checkpoints, corpus, name):
    path = checkpoints / name / "checkpoint_best.pt"
    found = loading.load(name, path, corpus / "bin", LANGUAGES)
    weights = loading.read_state(path)["model"]
    tied = TIED if name in ("lstm", "transformer") else ()
    counted = {
        key: len(tensor.flatten())
        for key, tensor in weights.items()
        if key not in tied and not key.endswith(NO_PARAMETERS)
    }
    assert found.parameters == sum(counted.values())
    assert found.updates == 12
    assert found.seconds > 0
    assert found.arch.startswith(name)
    assert found.log == (path.parent / "train.log" if name == "s2s" else None)


def test_a_name_is_given_or_the_folders(checkpoints, monkeypatch):
    best = checkpoints / "lstm" / "checkpoint_best.pt"
    assert loading.split_name(str(best.parent)) == ("lstm", best)
    assert loading.split_name(str(best)) == ("lstm", best)
    assert loading.split_name(f"with attention={best.parent}") == ("with attention", best)
    monkeypatch.chdir(best.parent)
    assert loading.split_name("checkpoint_best.pt")[0] == "lstm"


def test_a_path_may_hold_an_equals_sign(checkpoints, tmp_path):
    folder = tmp_path / "lr=0.1"
    shutil.copytree(checkpoints / "s2s", folder)
    assert loading.split_name(str(folder)) == ("lr=0.1", folder / "checkpoint_best.pt")


def test_languages_are_the_models_own_or_the_datas(checkpoints, corpus):
    path = checkpoints / "transformer" / "checkpoint_best.pt"
    assert loading.languages_of(path, None) == LANGUAGES


def test_another_direction_is_refused(checkpoints, corpus):
    path = checkpoints / "s2s" / "checkpoint_best.pt"
    with pytest.raises(S2SError, match="from src to tgt, but the test set from tgt to src"):
        loading.load("s2s", path, corpus / "bin", ("tgt", "src"))


@pytest.mark.parametrize("name", ["s2s_attn", "lstm"])
def test_a_dictionary_of_another_size_is_refused(checkpoints, corpus, tmp_path, name):
    for language in LANGUAGES:
        text = (corpus / "bin" / f"dict.{language}.txt").read_text()
        (tmp_path / f"dict.{language}.txt").write_text(text + "more 1\n")
    with pytest.raises(S2SError, match="give the data it was trained on"):
        loading.load(name, checkpoints / name / "checkpoint_best.pt", tmp_path, LANGUAGES)


def test_dictionaries_beside_the_checkpoint_come_first(checkpoints, corpus, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(checkpoints / "lstm", own)
    for language in LANGUAGES:
        shutil.copy(corpus / "bin" / f"dict.{language}.txt", own)
    assert loading.load("lstm", own / "checkpoint_best.pt", None, LANGUAGES).model.folder == own
    with pytest.raises(S2SError, match="give the folder of the binarised data"):
        loading.load("lstm", checkpoints / "lstm" / "checkpoint_best.pt", tmp_path, LANGUAGES)


class Attack:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize(
    "content, told",
    [
        ({"cfg": {"model": Attack()}, "model": {}}, "more than weights"),
        ({"model": {}}, "no cfg and model"),
        ({"cfg": {"model": None}, "model": {}}, "which model"),
    ],
)
def test_files_that_are_no_models_are_refused(tmp_path, monkeypatch, content, told):
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "odd.pt")
    with pytest.raises(S2SError, match=told):
        loading.load("odd", tmp_path / "odd.pt", tmp_path, LANGUAGES)
    assert not (tmp_path / "executed").exists()


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.pt").touch()
    with pytest.raises(S2SError, match="is empty"):
        loading.load("empty", tmp_path / "empty.pt", tmp_path, LANGUAGES)
