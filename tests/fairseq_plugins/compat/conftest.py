"""A tiny corpus, a model that copies, and fairseq's commands run inside this process."""

import random
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import fairseq_plugins  # noqa: F401  (before fairseq, so that it registers nothing)

# isort: split

import fairseq_cli.generate
import fairseq_cli.interactive
import fairseq_cli.preprocess
import fairseq_cli.train
import pytest
import torch

from fairseq_plugins import compat

from ... import warm_process

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLUGIN = str(HERE / "copy_plugin")
DIGITS = "zero one two three four five six seven eight nine".split()
OFFICIAL = any(each.name == "fairseq" for each in distributions())  # and not its fork
of_the_fork = pytest.mark.skipif(OFFICIAL, reason="official fairseq does not have this fault")
QUIET = {"PYTHONWARNINGS": "ignore:`torch.jit.script` is:FutureWarning"}  # torch 2.15, of fairseq
SIZES = {"train": 40, "valid": 11, "test": 13}  # 11 and 13 are no multiples of 8


def run(command: str, *args: object) -> None:
    """Run a command of fairseq in this process."""
    module = getattr(fairseq_cli, command)
    with mock.patch.object(sys, "argv", [f"fairseq-{command}", *map(str, args)]):
        module.cli_main()


def start(
    command: str, *args: object, stdin: str = "", cold: bool = False, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of fairseq in a process of its own; a cold one imports everything itself."""
    code = f"import fairseq_plugins; from fairseq_cli.{command} import cli_main; cli_main()"
    return subprocess.run(
        [sys.executable if cold else warm_process.python(), "-c", code, *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            **QUIET,
            **env,
        },
        timeout=120,
        check=False,
    )


def lines(text: str, kind: str) -> dict[int, str]:
    """The last field of the lines H-0, H-1, ... of fairseq's output, by id."""
    found = (line.split("\t") for line in text.splitlines() if line.startswith(f"{kind}-"))
    return {int(fields[0][2:]): fields[-1] for fields in found}


@pytest.fixture(scope="session", autouse=True)
def repaired() -> None:
    """Repair the fairseq of this process."""
    torch.set_num_threads(1)
    compat.apply()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Sentences of digits, binarized (``bin``) and raw; the first test sentence has a name."""
    folder = tmp_path_factory.mktemp("corpus")
    chance = random.Random(1)
    text = {}
    for split, size in SIZES.items():
        text[split] = [" ".join(chance.choices(DIGITS, k=2 + i % 7)) for i in range(size)]
    text["test"][0] = "four Alice seven"
    for split, sentences in text.items():
        for side in ("src", "tgt"):
            (folder / f"{split}.{side}").write_text("\n".join(sentences) + "\n")
    prefixes = [arg for split in SIZES for arg in (f"--{split}pref", folder / split)]
    for name in ("mmap", "raw"):
        args = ["-s", "src", "-t", "tgt", "--joined-dictionary", "--dataset-impl", name]
        run("preprocess", *args, *prefixes, "--destdir", folder / name)
    return SimpleNamespace(bin=folder / "mmap", raw=folder / "raw", text=text)


@pytest.fixture(scope="session")
def train_args(corpus: SimpleNamespace) -> list[object]:
    """The arguments of one epoch with the model that copies."""
    return [
        *(corpus.bin, "--user-dir", PLUGIN, "--arch", "compat_copy", "--task", "translation"),
        *("--optimizer", "sgd", "--lr", 0.1, "--max-tokens", 100, "--max-epoch", 1),
        *("--num-workers", 0),
    ]


@pytest.fixture(scope="session")
def train_copy(
    train_args: list[object], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Train the model that copies; returns the folder of its checkpoints."""

    def train(*args: object) -> Path:
        folder = tmp_path_factory.mktemp("checkpoints")
        run("train", *train_args, "--save-dir", folder, *args)
        return folder

    return train


@pytest.fixture(scope="session")
def checkpoint(train_copy: Callable[..., Path]) -> Path:
    """A checkpoint of the model that copies."""
    return train_copy() / "checkpoint_last.pt"


@pytest.fixture(scope="session")
def blind_checkpoint(train_copy: Callable[..., Path]) -> Path:
    """A checkpoint of the model without attention."""
    return train_copy("--no-attention") / "checkpoint_last.pt"


@pytest.fixture(scope="session")
def generate_args(corpus: SimpleNamespace, checkpoint: Path) -> list[object]:
    """The arguments of fairseq-generate with that checkpoint."""
    model = ["--user-dir", PLUGIN, "--path", checkpoint]
    return [corpus.bin, *model, "--scoring", "sacrebleu", "--num-workers", 0]
