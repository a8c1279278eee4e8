"""fairseq's commands, run in this process, and small corpora for them."""

import contextlib
import io
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import fairseq_plugins
import fairseq_plugins.criterions  # noqa: F401
import fairseq_plugins.models  # noqa: F401
import fairseq_plugins.tasks  # noqa: F401
from fairseq_plugins import compat

from .. import warm_process

# fairseq imports nothing of a --user-dir whose package is imported already, as ours is here.
compat.apply()

USER_DIR = str(Path(fairseq_plugins.__file__).parent)


def run(command: str, *arguments: object) -> str:
    """Run ``fairseq-COMMAND`` with our --user-dir; returns what it printed on standard output."""
    from fairseq import checkpoint_utils
    from fairseq_cli import generate, interactive, preprocess, train, validate

    module = {
        "generate": generate,
        "interactive": interactive,
        "preprocess": preprocess,
        "train": train,
        "validate": validate,
    }[command]
    argv = [f"fairseq-{command}", *map(str, arguments), "--user-dir", USER_DIR]
    if command != "preprocess" and "--num-workers" not in argv:
        argv += ["--num-workers", "0"]  # a process that a failed or short run leaves behind stays
    output = io.StringIO()
    vars(checkpoint_utils.save_checkpoint).pop("best", None)  # it outlives a training
    with mock.patch.object(sys, "argv", argv), contextlib.redirect_stdout(output):
        module.cli_main()
    return output.getvalue()


def run_alone(command: str, *arguments: object) -> subprocess.CompletedProcess:
    """The same in a process of its own, for its exit status and all that it prints."""
    argv = [str(warm_process.commands() / f"fairseq-{command}"), *map(str, arguments)]
    argv += ["--user-dir", USER_DIR]
    return subprocess.run(argv, capture_output=True, text=True, cwd=Path(USER_DIR).parent)


def hydra_train(folder: Path, config: str) -> None:
    """``fairseq-hydra-train`` in a process of its own, by a configuration in YAML."""
    (folder / "experiment.yaml").write_text(config, encoding="utf-8")
    code = "from fairseq_cli.hydra_train import cli_main; cli_main()"
    argv = [
        warm_process.python(),
        "-c",
        code,
        "--config-dir",
        folder,
        "--config-name",
        "experiment",
    ]
    process = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr[-2000:]


def write_corpus(folder: Path, subset: str, pairs: list[tuple[str, str]]) -> None:
    """SUBSET.src and SUBSET.tgt."""
    folder.mkdir(parents=True, exist_ok=True)
    for side, suffix in enumerate(("src", "tgt")):
        text = "".join(f"{pair[side]}\n" for pair in pairs)
        (folder / f"{subset}.{suffix}").write_text(text, encoding="utf-8")


def reversed_digits(count: int, *, longest: int, seed: int) -> list[tuple[str, str]]:
    """Sequences of digits and their reversals."""
    rng = random.Random(seed)
    sources = [
        [rng.choice("0123456789") for _ in range(rng.randint(1, longest))] for _ in range(count)
    ]
    return [(" ".join(source), " ".join(reversed(source))) for source in sources]


def preprocess(folder: Path, *flags: object) -> Path:
    """Binarise train, valid and test of ``folder`` with one dictionary."""
    destination = folder / "bin"
    run(
        "preprocess",
        *("--source-lang", "src", "--target-lang", "tgt", "--joined-dictionary"),
        *("--trainpref", folder / "train", "--validpref", folder / "valid"),
        *("--testpref", folder / "test", "--destdir", destination),
        *flags,
    )
    return destination


def train(data: Path, save_dir: Path, *flags: object) -> str:
    """A short training with settings that suit the tiny architectures; later flags win."""
    return run(
        "train",
        data,
        *("--task", "translation", "--source-lang", "src", "--target-lang", "tgt"),
        *("--optimizer", "adam", "--lr", 0.005, "--clip-norm", 1.0, "--max-tokens", 1000),
        *("--seed", 1, "--no-epoch-checkpoints", "--save-dir", save_dir),
        *("--data-buffer-size", 0, "--log-format", "simple"),
        *flags,
    )


def generate(data: Path, checkpoint: Path, *flags: object) -> str:
    """Generate the test set, scored with sacreBLEU."""
    bounds = ["--scoring", "sacrebleu", "--max-len-b", 20]
    return run("generate", data, "--path", checkpoint, *bounds, *flags)


def hypotheses(output: str) -> dict[int, str]:
    """The text of each H- line, by sentence."""
    return {number: fields[1] for number, fields in lines(output, "H")}


def lines(output: str, kind: str) -> Iterator[tuple[int, list[str]]]:
    """The number and the fields of each line of a kind: S, T, H, D, P, A."""
    for line in output.splitlines():
        head, _, rest = line.partition("\t")
        if head.startswith(f"{kind}-"):
            yield int(head[2:]), rest.split("\t")
