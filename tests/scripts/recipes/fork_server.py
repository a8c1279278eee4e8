"""fairseq's commands and Python scripts without their start: each in a fork of one warm process.

A recipe calls a dozen commands, each of which would import torch and fairseq for some five seconds.
Here a server imports them once; stand-ins of ``python`` and ``fairseq-*`` on the PATH send it their
arguments, folder, environment and open files, and it runs the real command in a fork of itself.
"""

import array
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path

COMMANDS = ("train", "generate", "preprocess", "validate")
WARM = ("sacrebleu", "sacremoses", "sentencepiece", "rouge_score.rouge_scorer", "torch", "fairseq")
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


class ForkServer:
    """The warm process and the folder of stand-ins that belongs at the head of a PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        address = str(folder / "socket")
        for name in ("python", *(f"fairseq-{command}" for command in COMMANDS)):
            client = self.bin / name
            client.write_text(CLIENT.format(python=sys.executable, address=address))
            client.chmod(0o755)
        self.process = subprocess.Popen(
            [sys.executable, __file__, address], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End the warm process."""
        self.process.kill()
        self.process.communicate()


def serve(address: str) -> None:
    """Answer calls until killed."""
    for name in (*WARM, *(f"fairseq_cli.{command}" for command in COMMANDS)):
        import_module(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
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
    program, sys.argv = Path(argv[0]).name, argv
    if program == "fairseq-generate":
        sys.argv = argv + environment.get(MORE, "").split()
    try:
        if program == "python":
            sys.argv = argv[1:]
            sys.path.insert(0, str(Path(argv[1]).parent))
            runpy.run_path(argv[1], run_name="__main__")
        else:
            import_module(f"fairseq_cli.{program.removeprefix('fairseq-')}").cli_main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _report(child: int, link: socket.socket) -> None:
    """Tell the stand-in its command's exit status."""
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    link.send((status if status >= 0 else 128 - status).to_bytes(1, "big"))
    link.close()


if __name__ == "__main__":
    serve(sys.argv[1])
