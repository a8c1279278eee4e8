"""The machine and the versions that a run was made with."""

import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "fairseq-fixed", "fairseq", "numpy", "joeynmt", "OpenNMT-py")
VARIABLES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "S2S_NO_FAST")


def describe() -> dict[str, Any]:
    """Processor, versions, threads and commit."""
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": processor(),
        "processors": os.cpu_count(),
        "bfloat16": sorted(set(re.findall(r"\b(?:avx512_bf16|amx_bf16)\b", cpuinfo()))),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: v for name in PACKAGES if (v := installed(name))},
        "torch_threads": torch.get_num_threads(),
        "torch_build": torch.__config__.show().split("\n")[1:8],
        "variables": {name: os.environ.get(name) for name in VARIABLES},
        "commit": git("rev-parse", "HEAD"),
        "changed_files": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def cpuinfo() -> str:
    """What Linux tells of the processor, else nothing."""
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


def processor() -> str:
    """The processor's name."""
    names = re.findall(r"^model name\s*: (.*)$", cpuinfo(), re.M)
    return names[0] if names else platform.processor() or platform.machine()


def installed(package: str) -> str | None:
    """A package's version, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git(*arguments: str) -> str | None:
    """What git answers in this clone, None outside one."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
