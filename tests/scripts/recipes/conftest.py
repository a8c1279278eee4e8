"""A clone in which the recipes run on small data, with fairseq's commands in a warm process."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ... import warm_process
from ..sandbox import ROOT
from . import tiny_data

LINKED = ("scripts", "fairseq_plugins", "chatbot")


class Clone:
    """A folder with the scripts in it and no .venv, so that the PATH is what the test says."""

    def __init__(self, root: Path, commands: Path, data: Path) -> None:
        self.root, self.commands, self.data = root, commands, data
        root.mkdir()
        for name in LINKED:
            (root / name).symlink_to(ROOT / name)

    def run(self, script: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A recipe to its end, its output beside that of all its commands."""
        environment = {
            "PATH": f"{self.commands}:{os.environ['PATH']}",
            "HOME": str(self.root),
            "S2S_DATA": str(self.data),
            "RESULTS": str(self.root / "results.json"),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        return subprocess.run(
            [shutil.which("bash"), f"scripts/recipes/{script}", *arguments],
            cwd=self.root,
            env=environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )

    def results(self) -> list[dict]:
        """The rows that the recipes have recorded."""
        return json.loads((self.root / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_data.make(folder)
    return folder


@pytest.fixture
def clone(tmp_path: Path, data: Path) -> Clone:
    return Clone(tmp_path / "a clone", warm_process.commands(), data)
