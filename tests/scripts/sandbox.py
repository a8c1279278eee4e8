"""A copy of the shell scripts in a folder of its own, with a PATH whose every tool is known."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = """
    awk basename bash cat cksum cmp cp cut date dirname df env find grep head kill ls mkdir mv ps rm
    sed sleep sort tail tee touch tr uname xargs
""".split()

# Answers as Python and pip would, and notes every call: the decisions without their minutes.
PYTHON = """#!{bash}
case $1 in
    -V) echo "Python ${{FAKE_VERSION:-3.11.7}}" ;;
    -c)
        case "$2" in
            *ensurepip*) [ -z "${{FAKE_NO_VENV:-}}" ] || exit 1 ;;
            *metadata*) [ "${{FAKE_HAS:-}}" = "$3${{4:+==$4}}" ]; exit ;;
        esac
        exec {python} "$@" ;;
    -m)
        shift
        echo "$*" >>"$CALLS"
        echo "run=${{PIP_CONSTRAINT:-}} build=${{PIP_BUILD_CONSTRAINT:-}} $*" >>"$CALLS.env"
        if [ "$1" = venv ]; then mkdir -p "$2/bin" && cp "$0" "$2/bin/python"; fi
        case "$*" in
            "pip index versions torch") echo "Available versions: ${{FAKE_TORCH:-2.13.0}}" ;;
            *--dry-run*) [ -n "${{FAKE_WHEEL:-}}" ]; exit ;;
        esac
        if [ -n "${{FAKE_FAILS:-}}" ]; then
            case "${{READTHEDOCS-compiled}}: $*" in
                *"$FAKE_FAILS"*) echo "ERROR: no such thing"; exit 1 ;;
            esac
        fi
        if [ -n "${{FAKE_SLOW:-}}" ]; then
            case "$*" in *"$FAKE_SLOW"*) sleep "${{FAKE_SECONDS:-60}}" ;; esac
        fi ;;
esac
"""


class Sandbox:
    """A stand-in for a clone: ``root`` holds the scripts, ``bin`` is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a clone"  # the space is meant
        self.bin = folder / "bin"
        self.calls_file = folder / "calls"
        self.bin.mkdir(parents=True)
        for name in ("scripts", ".ci"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__*"))
        for name in ("setup.py", "constraints.txt"):
            shutil.copy(ROOT / name, self.root)
        for tool in TOOLS:
            if path := shutil.which(tool):
                (self.bin / tool).symlink_to(path)

    def tool(self, path: str, text: str) -> None:
        """Write a program: a bare name goes to the PATH, anything else into the clone."""
        file = self.root / path if "/" in path else self.bin / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text if text.startswith("#!") else f"#!{shutil.which('bash')}\n{text}\n")
        file.chmod(0o755)

    def python(self, path: str = "python3.11") -> None:
        """The Python that answers as if it were another one."""
        self.tool(path, PYTHON.format(bash=shutil.which("bash"), python=sys.executable))

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": str(self.bin),
            "HOME": str(self.root.parent),
            "CALLS": str(self.calls_file),
            **more,
        }

    def start(self, script: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Begin a script, in a process group of its own as a terminal would."""
        return subprocess.Popen(
            [str(self.root / script), *arguments],
            env=self.environment(**more),
            cwd=self.root.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a script from another folder and wait for it."""
        process = self.start(script, *arguments, **more)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def calls(self) -> list[str]:
        """What the stand-ins were asked to do since the last call of this."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return lines


def alive(group: int) -> bool:
    """Whether any process of this group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
