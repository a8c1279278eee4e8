"""Tests of refusing options that fairseq would run."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from fairseq_plugins import S2SError
from fairseq_plugins.compat import code_in_options

from .conftest import start

Attack = Callable[[str, Path], Path]  # the code -> a checkpoint that holds it


def changed(checkpoint: Path, folder: Path, change: Callable[[dict], None]) -> Path:
    with torch.serialization.safe_globals([Namespace]):
        state = torch.load(checkpoint, weights_only=True)
    change(state)
    torch.save(state, folder / "evil.pt")
    return folder / "evil.pt"


@pytest.fixture
def wav2vec2(checkpoint: Path, tmp_path: Path) -> Attack:
    """A model that needs no plugin at all."""

    def attack(code: str, folder: Path) -> Path:
        model = {"_name": "wav2vec2", "conv_feature_layers": code}
        return changed(checkpoint, folder, lambda state: state["cfg"].update(model=model))

    return attack


@pytest.fixture
def lstm(train_copy: Callable[..., Path]) -> Attack:
    """fairseq's own lstm, which keeps its options in a Namespace."""
    flags = ("--arch", "lstm", "--encoder-embed-dim", 8, "--encoder-hidden-size", 8)
    trained = train_copy(*flags, "--decoder-embed-dim", 8, "--decoder-hidden-size", 8)

    def attack(code: str, folder: Path) -> Path:
        def change(state: dict) -> None:
            state["cfg"]["model"].decoder_attention = code

        return changed(trained / "checkpoint_last.pt", folder, change)

    return attack


@pytest.mark.parametrize("model", ["wav2vec2", "lstm"])
def test_both_known_attacks_work_on_fairseq_and_are_refused(
    generate_args: list[object], tmp_path: Path, request: pytest.FixtureRequest, model: str
) -> None:
    proof = tmp_path / "proof"
    evil = request.getfixturevalue(model)(f"__import__('os').system('touch {proof}')", tmp_path)
    arguments = [str(x) for x in generate_args]
    arguments[arguments.index("--path") + 1] = str(evil)
    done = start("generate", *arguments, S2S_ALLOW_NAMESPACE="1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    sentence = f"{evil} is not loaded: fairseq would run its option"
    assert done.stderr.splitlines()[-1].startswith(sentence)
    assert not proof.exists()
    unrepaired = {"S2S_ALLOW_NAMESPACE": "1", "S2S_COMPAT_SKIP": "code_in_options"}
    start("generate", *arguments, **unrepaired)
    assert proof.exists()


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        " exit() ",
        "[(512, 10, 5)] + [os.system('true')]",
        "[f for f in open('x')]",
        "f'{exit()}'",
        "(lambda: exit())()",
        "-" * 100_000 + "exit()",
    ],
)
def test_a_call_is_code(text: str) -> None:
    assert code_in_options.calls(text)


@pytest.mark.parametrize(
    "text",
    [
        "[(512, 10, 5)] + [(512, 3, 2)] * 4",  # wav2vec2's own
        "(0.9, 0.98)",
        "1000,5000",
        "{'a': (1, 2)}",
        "relu",
        "my corpora/en-de (2)/bin",
        "a sentence (in brackets)",
        "${model.dropout}",
        "\0(",
        "",
    ],
)
def test_other_texts_are_not(text: str) -> None:
    assert not code_in_options.calls(text)


def test_every_place_of_an_option_is_looked_at() -> None:
    code = "exit()"
    deep = {"cfg": {"task": {"x": [1, {"y": ("a", Namespace(z=code))}]}}}
    for state in (deep, {"cfg": None, "args": Namespace(arch=code)}):
        with pytest.raises(S2SError, match=r"evil\.pt is not loaded: fairseq would run its option"):
            code_in_options.check(state, "evil.pt")
    code_in_options.check({"cfg": {"task": {"data": "data(1)"}, "common": {"x": code}}}, "ok.pt")


@pytest.mark.parametrize(
    "options",
    [
        {"x": "__import__('o", "y": "s').system('true')", "code": "${.x}${.y}"},
        {"code": "${oc.env:HOME}"},
        {"code": "${common.code}"},
        {"code": "${common.reference}"},
        {"code": "[${common.tpu}]"},
        {"code": "${common.many.0}"},
    ],
)
def test_a_call_is_not_put_together_by_interpolation(options: dict) -> None:
    common = {"code": "exit()", "reference": "${common.code}", "tpu": "x", "many": ["exit()"]}
    for cfg in (
        {"model": options, "common": common},
        OmegaConf.create({"model": {"deep": options}}),
    ):
        if isinstance(cfg, DictConfig):
            cfg.common = common
        with pytest.raises(S2SError, match="fairseq would run its option"):
            code_in_options.check({"cfg": cfg}, "evil.pt")


def test_a_reference_to_another_option_passes() -> None:
    cfg = {"optimization": {"lr": [0.1]}, "lr_scheduler": {"lr": "${optimization.lr}"}}
    cfg["optimizer"] = {"tpu": "${common.tpu}"}  # which is not there
    for form in (cfg, OmegaConf.create(cfg)):
        code_in_options.check({"cfg": form}, "ok.pt")


def test_a_sound_checkpoint_passes(checkpoint: Path) -> None:
    code_in_options.check(torch.load(checkpoint, weights_only=True), str(checkpoint))
