"""Python and fairseq's commands without their start: each in a fork of one warm process.

A test or a recipe that calls a dozen commands would import torch and fairseq as often, some four
seconds each. Here a server imports them once, and nothing of this project; stand-ins of ``python``
and ``fairseq-*`` send it their arguments, folder, environment and open files, and it runs the real
command in a fork of itself. A stand-in that is killed does not kill its command.
"""

import array
import atexit
import contextlib
import functools
import importlib
import json
import logging
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path

COMMANDS = ("train", "generate", "interactive", "preprocess", "validate")
WARM = ("torch", "fairseq", *(f"fairseq_cli.{command}" for command in COMMANDS))
OPTIONAL = ("torch._dynamo", "sacrebleu", "sacremoses", "sentencepiece", "rouge_score.rouge_scorer")
MORE = "MORE_GENERATE_FLAGS"  # a variable with flags for fairseq-generate that win over a recipe's
CLIENT = """#!{python} -SE
import array, json, os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect({address!r})
call = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
files = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
link.sendmsg([len(call).to_bytes(4, "big")], [files])
link.sendall(call)
sys.exit(int.from_bytes(link.recv(1), "big"))
"""


class WarmProcess:
    """The server, and the folder of stand-ins, which may stand at the head of a PATH."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.bin = Path(self.folder.name) / "bin"
        self.bin.mkdir()
        address = str(Path(self.folder.name) / "socket")
        for name in ("python", *(f"fairseq-{command}" for command in COMMANDS)):
            client = self.bin / name
            client.write_text(CLIENT.format(python=sys.executable, address=address))
            client.chmod(0o755)
        self.process = subprocess.Popen(
            [sys.executable, __file__, address],
            stdin=subprocess.PIPE,  # which tells the server when this process has ended
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout.readline() == "ready\n"


_server = functools.cache(WarmProcess)  # one for this process, from its first use on


def commands() -> Path:
    """The folder of the stand-ins."""
    return _server().bin


def python() -> str:
    """What stands in for ``sys.executable``; it knows ``FILE``, ``-c CODE`` and ``-m NAME``."""
    return str(commands() / "python")


def serve(address: str) -> None:
    """Answer calls until whoever started this has ended."""
    for name in WARM:
        importlib.import_module(name)
    for name in OPTIONAL:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    # Each command of fairseq sets up the logging when it is imported, as long as no other has.
    for name in [name for name in sys.modules if name.partition(".")[0] == "fairseq_cli"]:
        del sys.modules[name]
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
    print("ready", flush=True)
    while True:
        link = listener.accept()[0]
        if child := _fork(listener, link):
            threading.Thread(target=_report, args=(child, link)).start()


def _fork(listener: socket.socket, link: socket.socket) -> int:
    head, files, _, _ = link.recvmsg(4, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    descriptors = array.array("i", files[0][2])
    call = b""
    while len(call) < int.from_bytes(head, "big"):
        call += link.recv(1 << 20)
    child = os.fork()
    if child == 0:
        listener.close()
        link.close()
        for place, descriptor in enumerate(descriptors):
            os.dup2(descriptor, place)
        status = 1
        try:
            status = _run(*json.loads(call))
        finally:
            os._exit(status)
    for descriptor in descriptors:
        os.close(descriptor)
    return child


def _run(argv: list[str], folder: str, environment: dict[str, str]) -> int:
    """One command, as a process of its own would run it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0:1] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    program, sys.argv = Path(argv[0]).name, argv
    if program == "fairseq-generate":
        sys.argv = argv + environment.get(MORE, "").split()
    try:
        if program == "python":
            _run_python(argv[1:])
        else:
            importlib.import_module(f"fairseq_cli.{program.removeprefix('fairseq-')}").cli_main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # which a command may have replaced
        return 1
    finally:
        atexit._run_exitfuncs()  # ends the loaders, which would notice after five seconds
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _run_python(arguments: list[str]) -> None:
    """``FILE ...``, ``-c CODE ...`` or ``-m NAME ...``."""
    sys.argv = arguments
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        sys.path.insert(0, "")
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(arguments[1], "<string>", "exec"), vars(sys.modules["__main__"]))
    elif arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(arguments[0]).parent))
        runpy.run_path(arguments[0], run_name="__main__")


def _report(child: int, link: socket.socket) -> None:
    """Tell the stand-in its command's exit status."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    link.send((status if status >= 0 else 128 - status).to_bytes(1, "big"))
    link.close()


if __name__ == "__main__":
    serve(sys.argv[1])
