"""fairseq's other text tasks and --finetune-from-model with our models."""

import importlib.util
import shutil

import pytest
import torch
from fairseq import checkpoint_utils

from fairseq_plugins.errors import S2SError
from fairseq_plugins.hub import load

from .commands import generate, hypotheses, lines, run, run_alone, train

ARCH = ["--arch", "s2s_attn_tiny", "--max-update", 4, "--data-buffer-size", 0]
MULTILINGUAL = ["--task", "translation_multi_simple_epoch", "--lang-pairs", "src-tgt"]
MULTILINGUAL += ["--langs", "src,tgt", "--encoder-langtok", "src", "--decoder-langtok"]
BART = ["--task", "translation_from_pretrained_bart", "--langs", "src,tgt"]
DENOISING = ["--task", "denoising", "--mask", 0.3, "--mask-length", "span-poisson"]
DENOISING += ["--replace-length", 1, "--sample-break-mode", "eos", "--tokens-per-sample", 64]


def last(folder) -> dict:
    """The training state of a folder, read as fairseq reads it: plain data only."""
    path = folder / "checkpoint_last.pt"
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    return checkpoint_utils.load_checkpoint_to_cpu(str(path))


@pytest.fixture(scope="module")
def sentences(digits, tmp_path_factory):
    """The digits of one side, binarised for the denoising task."""
    folder = tmp_path_factory.mktemp("sentences")
    prefixes = [x for s in ("train", "valid") for x in (f"--{s}pref", digits / f"{s}.src")]
    dictionary = digits / "bin" / "dict.src.txt"
    run("preprocess", "--only-source", *prefixes, "--srcdict", dictionary, "--destdir", folder)
    return folder


def train_denoising(sentences, save_dir, *flags) -> None:
    """A denoising training; it has no languages."""
    run(
        "train",
        sentences,
        *(*DENOISING, "--optimizer", "adam", "--lr", 0.005, "--max-tokens", 1000, "--seed", 1),
        *("--no-epoch-checkpoints", "--num-workers", 0, "--save-dir", save_dir, *ARCH, *flags),
    )


@pytest.fixture(scope="module")
def denoised(sentences, tmp_path_factory):
    """The folder of a model that was trained with it."""
    if importlib.util.find_spec("fairseq.data.token_block_utils_fast") is None:
        pytest.skip("fairseq was installed without its compiled parts")
    folder = tmp_path_factory.mktemp("denoised")
    train_denoising(sentences, folder)
    return folder


@pytest.mark.parametrize("task", [MULTILINGUAL, BART], ids=["multilingual", "bart"])
def test_a_task_trains_resumes_and_generates(digits, tmp_path, task):
    train(digits / "bin", tmp_path / "once", *ARCH, *task, "--max-update", 8)
    train(digits / "bin", tmp_path / "twice", *ARCH, *task)
    assert last(tmp_path / "twice")["optimizer_history"][-1]["num_updates"] == 4
    train(digits / "bin", tmp_path / "twice", *ARCH, *task, "--max-update", 8)
    once, twice = last(tmp_path / "once"), last(tmp_path / "twice")
    assert twice["optimizer_history"][-1]["num_updates"] == 8
    for name, tensor in once["model"].items():
        torch.testing.assert_close(twice["model"][name], tensor, rtol=0, atol=0)
    path = tmp_path / "twice" / "checkpoint_last.pt"
    flags = [*task, "-s", "src", "-t", "tgt", "--num-workers", 0, "--beam", 2]
    output = generate(digits / "bin", path, *flags, "--print-alignment")
    assert len(hypotheses(output)) == len(list(lines(output, "A"))) == 100
    _, _, rebuilt = checkpoint_utils.load_model_ensemble_and_task([str(path)])
    assert rebuilt.args.task == task[1]


def test_denoising_trains_resumes_and_lowers_its_loss(sentences, denoised, tmp_path):
    shutil.copy(denoised / "checkpoint_last.pt", tmp_path)
    train_denoising(sentences, tmp_path, "--max-update", 60)
    before, after = last(denoised), last(tmp_path)
    assert before["optimizer_history"][-1]["num_updates"] == 4
    assert after["optimizer_history"][-1]["num_updates"] == 60
    assert after["extra_state"]["best"] < before["extra_state"]["best"] - 0.2
    _, _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(tmp_path / "checkpoint_last.pt")]
    )
    assert task.source_dictionary[task.mask_idx] == "<mask>"


def test_finetuning_begins_with_the_weights_and_a_new_optimizer(digits, trained, tmp_path):
    """With a learning rate of 0 they stay the same."""
    path = trained / "checkpoint_best.pt"
    flags = [*ARCH, "--finetune-from-model", path, "--lr", 0.0, "--stop-min-lr", -1]
    train(digits / "bin", tmp_path, *flags)
    state = last(tmp_path)
    assert state["optimizer_history"][-1]["num_updates"] == 4
    before = checkpoint_utils.load_checkpoint_to_cpu(str(path))["model"]
    for name, tensor in before.items():
        torch.testing.assert_close(state["model"][name], tensor, rtol=0, atol=0)


def test_finetuning_a_denoising_model_on_its_dictionary_begins_with_its_weights(
    digits, denoised, tmp_path
):
    """Its dictionary ends in ``<mask>``, as a dictionary for both tasks must."""
    data = tmp_path / "bin"
    shutil.copytree(digits / "bin", data)
    for side in ("src", "tgt"):
        with (data / f"dict.{side}.txt").open("a", encoding="utf-8") as dictionary:
            dictionary.write("<mask> 0\n")
    flags = [*ARCH, "--finetune-from-model", denoised / "checkpoint_last.pt"]
    train(data, tmp_path / "save", *flags, "--lr", 0.0, "--stop-min-lr", -1)
    for name, tensor in last(denoised)["model"].items():
        torch.testing.assert_close(last(tmp_path / "save")["model"][name], tensor)


def test_finetuning_with_another_dictionary_is_refused_in_one_sentence(digits, denoised, tmp_path):
    process = run_alone(
        "train",
        digits / "bin",
        *("--task", "translation", "-s", "src", "-t", "tgt", "--optimizer", "adam"),
        *("--max-tokens", 1000, "--save-dir", tmp_path, *ARCH),
        *("--finetune-from-model", denoised / "checkpoint_last.pt"),
    )
    assert process.returncode == 1
    sentence = process.stderr.strip()
    assert "\n" not in sentence
    assert (
        "trained with a source dictionary of 17 symbols, but the one given now has 16" in sentence
    )


def test_resuming_with_other_sizes_is_refused_in_one_sentence(digits, trained):
    process = run_alone(
        "train",
        digits / "bin",
        *("--task", "translation", "-s", "src", "-t", "tgt", "--optimizer", "adam"),
        *("--max-tokens", 1000, "--save-dir", trained, *ARCH, "--decoder-embed-dim", 24),
    )
    assert process.returncode == 1
    sentence = process.stderr.strip()
    assert sentence.startswith("The checkpoint holds another model") and "\n" not in sentence
    assert "its decoder.embed_tokens.weight has the sizes (16, 32), not (16, 24)" in sentence


def test_the_hub_refuses_a_model_with_language_tokens_in_one_sentence(digits, tmp_path):
    train(digits / "bin", tmp_path, *ARCH, *MULTILINGUAL)
    for side in ("src", "tgt"):
        shutil.copy(digits / "bin" / f"dict.{side}.txt", tmp_path)
    with pytest.raises(S2SError, match="source dictionary of 18 symbols, but .* now has 16"):
        load(tmp_path, languages=("src", "tgt"))
