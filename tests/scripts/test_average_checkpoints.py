"""scripts/average_checkpoints.py against arithmetic done by hand."""

import argparse
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from scripts.average_checkpoints import main


def save(path: Path, number: int, **weights: torch.Tensor) -> Path:
    torch.save(
        {"cfg": {"number": number}, "extra_state": {"epoch": number}, "model": weights}, path
    )
    return path


def averaged(folder: Path, *paths: Path) -> dict[str, Any]:
    output = folder / "average.pt"
    main([*map(str, paths), "--output", str(output)])
    return torch.load(output, weights_only=True)


def test_weights_are_means_and_the_rest_is_the_last_one_s(tmp_path: Path) -> None:
    paths = [
        save(tmp_path / "1.pt", 1, w=torch.tensor([[1.0, 2.0]]), steps=torch.tensor(10)),
        save(tmp_path / "2.pt", 2, w=torch.tensor([[2.0, 6.0]]), steps=torch.tensor(20)),
        save(tmp_path / "3.pt", 3, w=torch.tensor([[6.0, 1.0]]), steps=torch.tensor(31)),
    ]
    result = averaged(tmp_path, *paths)
    assert result["model"]["w"].tolist() == [[3.0, 3.0]]
    assert result["model"]["steps"].item() == 31
    assert result["model"]["steps"].dtype == torch.int64
    assert (result["cfg"], result["extra_state"]) == ({"number": 3}, {"epoch": 3})


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_mean_is_exact_until_it_is_rounded_once(tmp_path: Path, dtype: torch.dtype) -> None:
    values = [
        torch.randn(50, generator=torch.Generator().manual_seed(n)).to(dtype) for n in range(7)
    ]
    paths = [save(tmp_path / f"{n}.pt", n, w=value) for n, value in enumerate(values)]
    mean = averaged(tmp_path, *paths)["model"]["w"]
    exact = [
        sum(map(Fraction, column)) / 7 for column in zip(*(v.tolist() for v in values), strict=True)
    ]
    assert mean.dtype == dtype
    assert (
        mean.tolist()
        == torch.tensor([float(x) for x in exact], dtype=torch.float64).to(dtype).tolist()
    )


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    paths = []
    for number in (1, 2):
        w = torch.full((2,), float(number))
        paths.append(save(tmp_path / f"{number}.pt", number, w=w, output=w))
    model = averaged(tmp_path, *paths)["model"]
    assert model["w"].tolist() == [1.5, 1.5]
    assert model["w"].data_ptr() == model["output"].data_ptr()


def test_the_options_of_fairseqs_own_models_are_read(tmp_path: Path) -> None:
    path, output = tmp_path / "lstm.pt", tmp_path / "average.pt"
    torch.save({"model": {"w": torch.ones(2)}, "args": argparse.Namespace(lr=1)}, path)
    main([str(path), "--output", str(output)])
    with torch.serialization.safe_globals([argparse.Namespace]):
        assert torch.load(output, weights_only=True)["args"].lr == 1


def test_one_checkpoint_is_its_own_average(tmp_path: Path) -> None:
    path = save(tmp_path / "1.pt", 1, w=torch.tensor([0.1, -0.0]))
    main([str(path), "--output", str(path)])  # onto itself
    assert torch.load(path, weights_only=True)["model"]["w"].tolist() == pytest.approx([0.1, 0.0])


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("trap",)


def unequal_names(folder: Path) -> list[Path]:
    w, v = torch.zeros(2), torch.zeros(3)
    return [save(folder / "1.pt", 1, w=w, v=v), save(folder / "2.pt", 2, w=w)]


def unequal_shapes(folder: Path) -> list[Path]:
    return [save(folder / "1.pt", 1, w=torch.zeros(2)), save(folder / "2.pt", 2, w=torch.zeros(3))]


def missing(folder: Path) -> list[Path]:
    return [folder / "nowhere.pt"]


def torn(folder: Path) -> list[Path]:
    path = save(folder / "torn.pt", 1, w=torch.zeros(2))
    path.write_bytes(path.read_bytes()[:100])
    return [path]


def empty(folder: Path) -> list[Path]:
    (folder / "empty.pt").touch()
    return [folder / "empty.pt"]


def text(folder: Path) -> list[Path]:
    (folder / "text.pt").write_text("hello\n")
    return [folder / "text.pt"]


def code(folder: Path) -> list[Path]:
    torch.save({"model": {}, "extra_state": Trap()}, folder / "code.pt")
    return [folder / "code.pt"]


def other_class(folder: Path) -> list[Path]:
    torch.save({"model": {}, "args": Fraction(1, 2)}, folder / "fraction.pt")
    return [folder / "fraction.pt"]


def weights_only(folder: Path) -> list[Path]:
    torch.save({"w": torch.zeros(2)}, folder / "weights.pt")
    return [folder / "weights.pt"]


def no_tensor(folder: Path) -> list[Path]:
    torch.save({"model": {"w": "text"}}, folder / "text.pt")
    return [folder / "text.pt"]


def diverged(folder: Path) -> list[Path]:
    rows = (torch.zeros(2), torch.tensor([1.0, torch.nan]))
    return [save(folder / f"{number}.pt", number, w=w) for number, w in enumerate(rows)]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (unequal_names, "1.pt has a tensor v and"),
        (unequal_shapes, "w is (2,) in"),
        (missing, "nowhere.pt cannot be read: No such file or directory"),
        (torn, "torn.pt is no checkpoint that can be read safely"),
        (empty, "empty.pt is no checkpoint that can be read safely"),
        (text, "text.pt is no checkpoint that can be read safely"),
        (code, "code.pt is no checkpoint that can be read safely"),
        (other_class, "fraction.pt is no checkpoint that can be read safely"),
        (weights_only, "weights.pt is no fairseq checkpoint"),
        (no_tensor, "text.pt is no fairseq checkpoint"),
        (diverged, "w is not finite everywhere: a training went astray"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = make(tmp_path)
    output = tmp_path / "average.pt"
    output.write_text("precious")
    with pytest.raises(SystemExit) as stop:
        main([*map(str, paths), "--output", str(output)])
    assert says in str(stop.value.code)
    assert str(stop.value.code).startswith("average_checkpoints.py: ")
    assert "\n" not in str(stop.value.code)
    assert output.read_text() == "precious"
    assert not (tmp_path / "trap").exists()


def test_an_interrupted_write_leaves_the_old_average(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "1.pt", 1, w=torch.zeros(2))
    output = tmp_path / "average.pt"
    output.write_text("precious")

    def full_disk(_: object, file: Path) -> None:
        Path(file).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(SystemExit, match="No space left"):
        main([str(path), "--output", str(output)])
    assert output.read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1.pt", "average.pt"]


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    path = save(tmp_path / "1.pt", 1, w=torch.zeros(2))
    with pytest.raises(SystemExit, match=r"average\.pt cannot be written"):
        main([str(path), "--output", str(tmp_path / "nowhere/average.pt")])
