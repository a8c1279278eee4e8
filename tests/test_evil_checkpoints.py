"""A checkpoint that would run code is refused by every command, and runs nothing."""

import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

pytest.importorskip("fairseq")

from . import warm_process  # noqa: E402
from .fairseq_plugins.commands import (  # noqa: E402
    USER_DIR,
    preprocess,
    reversed_digits,
    train,
    write_corpus,
)

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"


class Attack:
    """Pickled, it is a call of ``os.system``."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.proof}",)


def in_part(*keys: str) -> Callable[[dict, Path, Attack], None]:
    """The attack somewhere in the state, in the present format."""

    def save(state: dict, path: Path, attack: Attack) -> None:
        part = state
        for key in keys:
            part = part[key]
        part["attack"] = attack
        torch.save(state, path)

    return save


def legacy(state: dict, path: Path, attack: Attack) -> None:
    """In the format of torch before 1.6."""
    torch.save({**state, "attack": attack}, path, _use_new_zipfile_serialization=False)


def raw(state: dict, path: Path, attack: Attack) -> None:
    """A pickle without any of torch's."""
    path.write_bytes(pickle.dumps(attack))


FORMS = {
    "model": in_part("model"),
    "optimizer state": in_part("last_optimizer_state"),
    "cfg": in_part("cfg"),
    "model's cfg": in_part("cfg", "model"),
    "extra state": in_part("extra_state"),
    "legacy format": legacy,
    "raw pickle": raw,
}

PYTHON = ["{python}"]
CHAT = [*PYTHON, "-m", "chatbot", "--model", "{evil}"]
COMMANDS = {
    "s2s generate": [*PYTHON, "-m", "fairseq_plugins.cli", "generate", "{evil}", "--data", "{bin}"],
    "s2s-chat --message": [*CHAT, "--message", "hi"],
    "s2s-chat": [*CHAT, "--port", "0", "--no-page"],
    "align.py": [SCRIPTS / "align.py", "--model", "{evil}", "--text", "{text}", "--out", "{out}"],
    "average_checkpoints.py": [SCRIPTS / "average_checkpoints.py", "{evil}", "--output", "{out}"],
    "report.py": [SCRIPTS / "report.py", "--models", "{evil}", "--data", "{bin}", "--out", "{out}"],
    "results.py": [
        *(SCRIPTS / "results.py", "add", "--results", "{out}", "--task", "x", "--model", "s2s"),
        *("--scores", "{scores}", "--checkpoint", "{evil}", "--seed", "1", "--command", "x"),
    ],
    "judge_chat.py": [SCRIPTS / "judge_chat.py", "--model", "{evil}"],
    "benchmark_chat.py": [SCRIPTS / "benchmark_chat.py", "--model", "{evil}"],
    "fairseq-generate": ["fairseq-generate", "{bin}", "--user-dir", USER_DIR, "--path", "{evil}"],
    "fairseq-validate": [
        *("fairseq-validate", "{bin}", "--user-dir", USER_DIR, "--task", "translation"),
        *("--path", "{evil}", "--max-tokens", "500"),
    ],
    "fairseq-interactive": [
        *("fairseq-interactive", "{bin}", "--user-dir", USER_DIR, "--path", "{evil}"),
    ],
    "fairseq-train --restore-file": [
        *("fairseq-train", "{bin}", "--user-dir", USER_DIR, "--arch", "s2s_attn_tiny"),
        *("--optimizer", "adam", "--max-tokens", "500", "--restore-file", "{evil}"),
        *("--save-dir", "{out}"),
    ],
    "fairseq-train --finetune-from-model": [
        *("fairseq-train", "{bin}", "--user-dir", USER_DIR, "--arch", "s2s_attn_tiny"),
        *("--optimizer", "adam", "--max-tokens", "500", "--finetune-from-model", "{evil}"),
        *("--save-dir", "{out}"),
    ],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    for seed, (subset, count) in enumerate((("train", 60), ("valid", 10), ("test", 10))):
        write_corpus(folder, subset, reversed_digits(count, longest=4, seed=seed))
    preprocess(folder)
    return folder


@pytest.fixture(scope="module")
def state(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("sound")
    train(data / "bin", folder, "--arch", "s2s_attn_tiny", "--max-update", 1)
    return torch.load(folder / "checkpoint_best.pt", weights_only=True)


@pytest.fixture
def evil(state: dict, data: Path, tmp_path: Path) -> Callable[[str], Path]:
    """The maker of a checkpoint that would write a file ``proof`` beside its folder."""

    def make(form: str) -> Path:
        copy = {key: dict(part) if isinstance(part, dict) else part for key, part in state.items()}
        copy["cfg"] = {key: dict(part or {}) for key, part in copy["cfg"].items()}
        folder = tmp_path / "evil"
        shutil.copytree(data / "bin", folder)
        FORMS[form](copy, folder / "checkpoint_best.pt", Attack(tmp_path / "proof"))
        return folder / "checkpoint_best.pt"

    return make


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_an_attack(evil: Callable[[str], Path], tmp_path: Path, form: str) -> None:
    path = evil(form)
    if form == "raw pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert (tmp_path / "proof").exists()


def refuses(command: list, path: Path, data: Path, tmp_path: Path) -> None:
    names = {"evil": path, "folder": path.parent, "bin": data / "bin", "text": data / "test.src"}
    names |= {"out": tmp_path / "out", "scores": tmp_path / "scores.json"}
    names["python"] = warm_process.python()
    names["scores"].write_text('{"metrics": {"bleu": 1.0}, "examples": 3}')
    filled = [str(part).format(**names) for part in command]
    if filled[0].startswith("fairseq-"):
        filled[0] = str(warm_process.commands() / filled[0])
    elif filled[0].endswith(".py"):
        filled.insert(0, names["python"])
    done = subprocess.run(
        filled, cwd=ROOT, input="1 2\n", capture_output=True, text=True, timeout=120
    )
    assert not (tmp_path / "proof").exists()
    assert done.returncode not in (0, None), done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr, done.stderr
    assert str(path) in last or path.name in last, last
    assert not (tmp_path / "out").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_a_pickle(
    evil: Callable[[str], Path], data: Path, tmp_path: Path, command: str
) -> None:
    refuses(COMMANDS[command], evil("model"), data, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", [form for form in FORMS if form != "model"])
@pytest.mark.parametrize("command", ["s2s generate", "s2s-chat", "fairseq-generate"])
def test_it_is_refused_in_every_form(
    evil: Callable[[str], Path], data: Path, tmp_path: Path, command: str, form: str
) -> None:
    refuses(COMMANDS[command], evil(form), data, tmp_path)


def test_the_allow_list_is_torchs_own(state: dict, tmp_path: Path) -> None:
    """Our checkpoints need no class to be allowed, and none is added."""
    torch.save(state, tmp_path / "sound.pt")
    assert torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "sound.pt") == []
    code = (
        "import torch, fairseq_plugins.hub, chatbot.responder\n"
        "allowed = torch.serialization.get_safe_globals()\n"
        "print({each.__module__.split('.')[0] for each in allowed} - {'torch'})"
    )
    done = subprocess.run(
        [warm_process.python(), "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
