"""setup.py: what the distribution holds and needs, and that a user's own fairseq outlives it."""

import email
import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .sandbox import ROOT

EXTRAS = ("", "chatbot", "docs", "export", "fairseq", "onnx", "recipes", "test")
OWN = {
    "fairseq/__init__.py": b"version = 'the official one'\n",
    "fairseq/options.py": b"own = True\n",
}
FORK = {"fairseq/__init__.py": b"version = 'the fork'\n", "fairseq/options.py": b"own = False\n"}


def pip(*arguments: str | Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHONPATH"))}
    command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", *arguments]
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that ``pip install .`` builds, from a copy of the files that it takes."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("fairseq_plugins", "chatbot"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    out = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", out, copy)
    (built,) = out.glob("*.whl")
    return built


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def requirements(wheel: Path) -> list[Requirement]:
    return [Requirement(line) for line in metadata(wheel).get_all("Requires-Dist", [])]


def stand_in(folder: Path, name: str, version: str, files: dict[str, bytes]) -> None:
    """A wheel of that name and version that holds only these files."""
    base = f"{name.replace('-', '_')}-{version}"
    info = f"{base}.dist-info"
    content = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{base}-py3-none-any.whl", "w") as archive:
        for path, data in [*content.items(), (f"{info}/RECORD", record.encode())]:
            archive.writestr(path, data)


def digests(folder: Path) -> dict[str, str]:
    """Each file of the installed fairseq, its metadata included, and the digest of its bytes."""
    files = [
        f for part in folder.glob("fairseq*") if "s2s" not in part.name for f in part.rglob("*")
    ]
    return {
        str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in files
        if f.is_file() and not f.is_relative_to(folder / "fairseq_plugins") and f.suffix != ".pyc"
    }


@pytest.fixture
def site(tmp_path: Path, wheel: Path) -> tuple[Path, Path, Path]:
    """An environment with a user's own fairseq, and a registry of stand-ins to resolve from."""
    registry = tmp_path / "registry"
    registry.mkdir()
    for requirement in requirements(wheel):
        version = next(
            (s.version for s in requirement.specifier if s.operator in ("==", ">=")), "1.0"
        )
        files = FORK if requirement.name == "fairseq-fixed" else {}
        stand_in(registry, requirement.name, version, files)
    stand_in(registry, "fairseq", "0.12.2", OWN)
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin/python"
    pip("--python", python, "install", "--no-index", "--find-links", registry, "fairseq==0.12.2")
    (packages,) = environment.glob("lib/python*/site-packages")
    return python, registry, packages


def test_a_users_own_fairseq_survives_byte_for_byte(
    site: tuple[Path, Path, Path], wheel: Path
) -> None:
    python, registry, packages = site
    before = digests(packages)
    assert set(OWN) < set(before)
    for extra in ("", "[chatbot,test]"):
        wanted = f"fairseq-s2s{extra} @ {wheel.as_uri()}"
        pip("--python", python, "install", "--no-index", "--find-links", registry, wanted)
        assert (packages / "fairseq_plugins/__init__.py").exists()
        assert digests(packages) == before


def test_the_stand_in_notices_what_would_overwrite_it(
    site: tuple[Path, Path, Path], wheel: Path
) -> None:
    python, registry, packages = site
    before = digests(packages)
    wanted = f"fairseq-s2s[fairseq] @ {wheel.as_uri()}"
    pip("--python", python, "install", "--no-index", "--find-links", registry, wanted)
    assert digests(packages) != before


def test_fairseq_stands_only_in_its_extra(wheel: Path) -> None:
    named = [r for r in requirements(wheel) if "fairseq" in r.name]
    assert [str(r.marker) for r in named] == ['extra == "fairseq"']


def test_the_wheel_holds_the_code_the_dialogues_and_the_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (n for n in names if n.endswith("entry_points.txt"))
        scripts = archive.read(entry_points).decode()
    for name in ("__init__.py", "py.typed"):
        assert f"fairseq_plugins/{name}" in names and f"chatbot/{name}" in names
    corpus = {str(f.relative_to(ROOT)) for f in (ROOT / "chatbot/corpus").rglob("*.txt")}
    assert corpus <= set(names)
    assert any(name.endswith("LICENSE") for name in names)
    assert not any(name.startswith(("tests", "scripts")) for name in names)
    assert "s2s = fairseq_plugins.cli:main" in scripts
    assert "s2s-chat = chatbot.__main__:main" in scripts


def pins() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_every_python_has_one_exact_pin_for_all_that_setup_py_names(
    wheel: Path, python: str
) -> None:
    valid = [p for p in pins() if not p.marker or p.marker.evaluate({"python_version": python})]
    names = [p.name for p in valid]
    assert len(names) == len(set(names))
    assert all([s.operator for s in p.specifier] == ["=="] for p in valid)
    pinned = {p.name.lower(): next(iter(p.specifier)).version for p in valid}
    for requirement in requirements(wheel):
        every = [{"python_version": python, "extra": extra} for extra in EXTRAS]
        if requirement.marker and not any(map(requirement.marker.evaluate, every)):
            continue  # not on this Python
        assert requirement.specifier.contains(pinned[requirement.name.lower()])
