"""Who may use a chat that others can reach: a user and a password, never on the command line."""

import base64
import binascii
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = "S2S_CHAT_CREDENTIALS"
SHORTEST = 12  # characters of a password
HOW = (
    "write USER:PASSWORD into a file that only you can read (chmod 600) and name it with "
    f"--credentials, or set {VARIABLE}"
)


@dataclass(frozen=True)
class Credentials:
    """Who may use the chat; the password is in no representation of this."""

    user: str
    password: str = field(repr=False)

    def admit(self, authorization: bytes) -> bool:
        """Whether a header tells them, however long a comparison takes."""
        kind, _, told = authorization.partition(b" ")
        if kind.lower() == b"bearer":
            return _same(told.strip(), self.password.encode())
        if kind.lower() != b"basic":
            return False
        try:
            told = base64.b64decode(told.strip(), validate=True)
        except binascii.Error:
            return False
        user, _, password = told.partition(b":")
        right = _same(user, self.user.encode())
        return _same(password, self.password.encode()) and right


def read_credentials(file: Path | None, environment: Mapping[str, str]) -> Credentials | None:
    """Those of a file, else of the environment; None where neither is given.

    Raises:
        ValueError: in one sentence that does not tell the password
        OSError: for a file that cannot be read
    """
    if file is None and VARIABLE not in environment:
        return None
    where = str(file or VARIABLE)
    if file is None:
        told = environment[VARIABLE].encode(errors="surrogateescape")
    else:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ValueError(f"Others on this machine can read {file}: run chmod 600 {file}.")
        told = file.read_bytes()[:4096]
    try:
        text = told.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{where} is no UTF-8: {HOW}.") from None
    user, colon, password = text.strip("\r\n").partition(":")
    if not (user and colon) or "\n" in text.strip("\r\n"):
        raise ValueError(f"{where} does not hold one line USER:PASSWORD: {HOW}.")
    if len(password) < SHORTEST:
        raise ValueError(
            f"The password in {where} has {len(password)} characters: give it {SHORTEST} or more."
        )
    return Credentials(user, password)


def _same(one: bytes, other: bytes) -> bool:
    return secrets.compare_digest(one, other)
