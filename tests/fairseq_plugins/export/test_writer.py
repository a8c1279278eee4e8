"""A package holds all that a model needs, and no pickle."""

import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from fairseq_plugins import S2SError, load
from fairseq_plugins.cli import main
from fairseq_plugins.export import export, writer
from fairseq_plugins.package import WEIGHTS, checksum, is_package, read_package

from ..builders import needs_graphs
from ..commands import reversed_digits
from ..golden.__main__ import HERE as GOLDEN

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def package(digits, trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("packages") / "digits"
    return export(
        trained, out, data=digits / "bin", licence="CC0-1.0", trained_on="digits | made here"
    )


def test_it_answers_as_the_checkpoint_does(digits, trained, package):
    texts = [source for source, _ in reversed_digits(40, longest=5, seed=5)]
    expected = load(trained, data=digits / "bin").generate(texts, nbest=3)
    assert load(package.folder).generate(texts, nbest=3) == expected


def test_whoever_may_read_one_file_may_read_all(package):
    assert len({path.stat().st_mode for path in package.folder.iterdir()}) == 1


def test_it_stands_alone(package):
    assert is_package(package.folder)
    names = {path.name for path in package.folder.iterdir()}
    assert names == {
        "README.md",
        "card.json",
        "config.json",
        "dict.src.txt",
        "dict.tgt.txt",
        "model.safetensors",
    }
    assert package.languages == ("src", "tgt") and package.graphs is None
    for name, expected in package.checksums.items():
        assert checksum(package.folder / name) == expected


@needs_graphs
def test_no_file_of_it_is_a_pickle(digits, trained, tmp_path):
    pytest.importorskip("onnxscript")
    folder = export(trained, tmp_path / "all", data=digits / "bin", onnx=True, torch=True).folder
    assert {"source.onnx", "step.onnx", "source.pt2", "step.pt2"} < set(os.listdir(folder))
    for path in folder.iterdir():
        data = path.read_bytes()
        assert not data.startswith(b"\x80"), path  # the protocol's opcode
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for part in archive.namelist():
                    if part.endswith("/sample_inputs/model.pt"):  # torch reads no .pt2 without
                        assert archive.read(part) == b""
                        continue
                    assert not part.endswith((".pkl", ".pt")), part
                    assert not archive.read(part).startswith(b"\x80"), part


@needs_graphs
def test_torch_reads_the_exported_step(digits, trained, tmp_path):
    folder = export(trained, tmp_path / "torch", data=digits / "bin", torch=True).folder
    source = torch.export.load(folder / "source.pt2").module()
    step = torch.export.load(folder / "step.pt2").module()
    for path in folder.glob("*.pt2"):
        with zipfile.ZipFile(path) as archive:
            told = b"".join(archive.read(part) for part in archive.namelist())
        assert str(ROOT).encode() not in told  # no path of this machine
    carried = source(torch.tensor([[4, 5, 6, 2]]))
    lprobs, alignment, *_ = step(torch.tensor([2]), *carried)
    assert lprobs.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert alignment.sum().item() == pytest.approx(1, abs=1e-5)


def test_a_torch_that_is_too_old_for_graphs_is_one_sentence(digits, trained, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("Constraints violated (batch)!")

    monkeypatch.setattr(torch.export, "export", fail)
    monkeypatch.setattr(torch, "__version__", "2.13.0")
    with pytest.raises(RuntimeError, match="Constraints"):  # a fault of ours
        export(trained, tmp_path / "out", data=digits / "bin", torch=True)
    monkeypatch.setattr(torch, "__version__", "2.6.0+cpu")
    with pytest.raises(S2SError, match=r"torch 2\.6\.0\+cpu cannot write .*: use torch 2\.13 or"):
        export(trained, tmp_path / "out", data=digits / "bin", torch=True)
    assert not (tmp_path / "out").exists()


def test_tied_weights_are_stored_once(digits, tmp_path):
    from ..commands import train

    flags = ["--arch", "s2s_attn_tiny", "--share-decoder-input-output-embed", "--max-update", 2]
    train(digits / "bin", tmp_path / "tied", *flags)
    folder = export(tmp_path / "tied", tmp_path / "out", data=digits / "bin").folder
    with safe_open(folder / WEIGHTS, "pt") as file:
        tied = file.metadata()
        assert set(tied) & set(file.keys()) == set()
    assert tied == {"decoder.output_proj.weight": "decoder.embed_tokens.weight"}
    load(folder).generate(["1 2"])


def test_the_card_tells_what_is_known(package):
    text = (package.folder / "README.md").read_text("utf-8")
    assert text.startswith('---\nlicense: "cc0-1.0"\nlanguage: ["src", "tgt"]\n')
    assert "| trained on | digits \\| made here |" in text
    assert "| licence | CC0-1.0 |" in text
    assert "with additive attention" in text
    card = json.loads((package.folder / "card.json").read_text("utf-8"))
    assert card["licence"] == "CC0-1.0"
    assert int(card["scores"]["updates"].replace(",", "")) > 0


def test_a_package_can_be_exported_again(package, tmp_path):
    again = export(package.folder, tmp_path / "again")
    assert again.checksums == package.checksums
    assert (again.folder / "README.md").read_text() == (package.folder / "README.md").read_text()


def test_an_earlier_package_is_replaced_and_nothing_else(digits, trained, package, tmp_path):
    for _ in range(2):
        export(package.folder, tmp_path / "out")
    (tmp_path / "out" / "diary.txt").write_text("mine")
    with pytest.raises(S2SError, match="diary.txt"):
        export(package.folder, tmp_path / "out")
    assert (tmp_path / "out" / "diary.txt").read_text() == "mine"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dict.en.txt").write_text("mine 1\n")
    with pytest.raises(S2SError, match="dict.en.txt"):
        export(package.folder, tmp_path / "data")
    assert (tmp_path / "data" / "dict.en.txt").read_text() == "mine 1\n"


@pytest.fixture
def chinese(tmp_path):
    """A model from zh-CN to en, of which only the names of the data tell."""
    folder = tmp_path / "chinese"
    folder.mkdir()
    state = torch.load(GOLDEN / "s2s_attn/checkpoint_best.pt", weights_only=True)
    state["cfg"]["task"] |= {"source_lang": None, "target_lang": None}
    torch.save(state, folder / "checkpoint_best.pt")
    for side, language in (("src", "zh-CN"), ("tgt", "en")):
        shutil.copy(GOLDEN / f"s2s_attn/dict.{side}.txt", folder / f"dict.{language}.txt")
        (folder / f"train.zh-CN-en.{language}.bin").touch()
    return folder


def test_a_language_may_have_a_country(chinese, tmp_path):
    for _ in range(2):  # the second replaces the first
        package = export(chinese, tmp_path / "out")
    assert package.languages == ("zh-CN", "en")
    assert load(package.folder).generate(["1 2"]) == load(chinese).generate(["1 2"])


def test_a_language_that_is_no_name_leaves_the_earlier_package(chinese, tmp_path):
    out = export(chinese, tmp_path / "out").folder
    before = (out / "config.json").read_bytes()
    shutil.copy(chinese / "dict.en.txt", chinese / "dict.e n.txt")
    with pytest.raises(S2SError, match="language 'e n' is no name"):
        export(chinese, out, languages=("zh-CN", "e n"))
    assert (out / "config.json").read_bytes() == before


def test_a_package_that_cannot_be_read_leaves_the_earlier_one(chinese, tmp_path, monkeypatch):
    out = export(chinese, tmp_path / "out").folder
    before = (out / "config.json").read_bytes()
    monkeypatch.setattr(writer, "FORMAT", "another")
    with pytest.raises(S2SError, match="is not that of an exported model"):
        export(chinese, out)
    assert (out / "config.json").read_bytes() == before


@pytest.mark.parametrize("bytes_", [10, 2000])  # of a dictionary, of the weights
def test_a_full_disk_is_one_sentence_and_leaves_the_earlier_package(chinese, tmp_path, bytes_):
    resource = pytest.importorskip("resource")
    out = export(chinese, tmp_path / "out").folder
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))
    try:
        with pytest.raises(S2SError, match=r"package .*out cannot be written: .*") as caught:
            export(chinese, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chinese", "out"]


def test_changed_weights_are_refused(package, tmp_path):
    folder = export(package.folder, tmp_path / "out").folder
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-5] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(S2SError, match="not the file that was exported"):
        load(folder)


def test_options_of_a_package_are_checked_as_those_of_a_checkpoint(package, tmp_path):
    folder = export(package.folder, tmp_path / "out").folder
    config = json.loads((folder / "config.json").read_text())
    for change, sentence in (
        ({"conv_feature_layers": "__import__('os')"}, "unknown model option"),
        ({"encoder_hidden_size": 1 << 30}, "above 65536"),
        ({"_name": "wav2vec2"}, "none of this package"),
    ):
        changed = {**config, "model": {**config["model"], **change}}
        (folder / "config.json").write_text(json.dumps(changed))
        with pytest.raises(S2SError, match=sentence):
            load(folder)


def test_data_beside_a_package_is_refused(package, digits):
    with pytest.raises(S2SError, match="leave data and languages out"):
        load(package.folder, data=digits / "bin")


def test_the_command(digits, trained, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["export", str(trained), str(out), "--data", str(digits / "bin")]
    assert main([*arguments, "--licence", "MIT"]) == 0
    assert str(out) in capsys.readouterr().out
    assert read_package(out).languages == ("src", "tgt")
    assert main(["export", str(tmp_path / "nothing"), str(out)]) == 1
    assert capsys.readouterr().err.startswith("s2s: There is no checkpoint at")
    assert is_package(out)


class Trap:
    """What a file must not run."""

    def __reduce__(self):
        return (os.mkdir, ("trapped",))


@pytest.mark.parametrize("form", ["a pickle", "torch's archive", "a huge header", "no weights"])
def test_weights_that_are_none_are_refused_and_run_nothing(package, tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    folder = export(package.folder, tmp_path / "out").folder
    if form == "a pickle":
        (folder / WEIGHTS).write_bytes(pickle.dumps({"weight": Trap()}))
    elif form == "torch's archive":
        torch.save({"weight": Trap()}, folder / WEIGHTS)
    elif form == "a huge header":
        (folder / WEIGHTS).write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    else:
        (folder / WEIGHTS).write_bytes((2).to_bytes(8, "little") + b"{}")
    config = json.loads((folder / "config.json").read_text())
    config["sha256"][WEIGHTS] = checksum(folder / WEIGHTS)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(S2SError, match="cannot be read|do not fit its own options"):
        load(folder)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [("languages", ["../../etc", "x"]), ("languages", 7), ("model", []), ("graphs", {})],
)
def test_a_configuration_that_leads_elsewhere_is_damaged(package, tmp_path, key, value):
    folder = export(package.folder, tmp_path / "out").folder
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, key: value}))
    with pytest.raises(S2SError, match=r"config\.json is damaged"):
        load(folder)
