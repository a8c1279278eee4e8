#!/usr/bin/env python3
"""Download one file and check it: the file is whole and the one that was meant, or not there.

Usage: scripts/fetch.py URL FILE --sha256 HEX [--licence TEXT]

What has come of an unfinished download waits in FILE.part; the same command goes on from there
where the server can, and begins again where it cannot. A FILE with the right checksum stays as it
is. Fetching a large corpus over a bad line is a matter of running the command until it succeeds.
"""

import argparse
import hashlib
import http.client
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 16  # bytes
TIMEOUT = 30  # seconds without an answer
ATTEMPTS = 3  # before an interruption is the user's
PAUSE = 2.0  # seconds between them


class FetchError(ValueError):
    """Why a file cannot be had, in one sentence."""


class Interrupted(FetchError):
    """The line broke: what has come is kept, and another attempt may go on."""


def fetch(url: str, file: Path, sha256: str) -> bool:
    """Put what stands at ``url`` into ``file``; whether it had to be downloaded.

    Args:
        sha256: the checksum of the whole file, 64 hexadecimal digits

    Raises:
        FetchError: in one sentence; ``file`` is then as it was before
    """
    part = file.with_name(file.name + ".part")
    try:
        if file.is_file() and checksum(file) == sha256:
            return False
        file.parent.mkdir(parents=True, exist_ok=True)
        resumed = part.exists()
        download(url, part)
        if resumed and checksum(part) != sha256:  # its beginning was of something else
            part.unlink()
            download(url, part)
        found = checksum(part)
        if found != sha256:
            part.unlink()
            raise FetchError(f"{url} has the checksum {found}, but {sha256} was expected.")
        os.replace(part, file)
    except OSError as error:
        raise FetchError(f"{error.filename or file} cannot be written: {error.strerror}.") from None
    return True


def download(url: str, part: Path) -> None:
    """Complete ``part``, over a few interruptions."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            receive(url, part)
            return
        except Interrupted:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE)


def receive(url: str, part: Path) -> None:
    """Append to ``part`` what it lacks, or begin again where the server sends only whole files."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "fairseq-s2s", **({"Range": f"bytes={start}-"} if start else {})}
    request = urllib.request.Request(url, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:
            return  # nothing is left to send: the checksum decides
        kind = Interrupted if error.code >= 500 else FetchError
        answer = f"{error.code} {error.reason}"
        raise kind(f"{url} cannot be had: the server answers {answer}.") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise FetchError(f"{url} cannot be reached: {reason}.") from None
    with response, part.open("ab" if response.status == 206 else "wb") as file:
        for block in blocks(response, url):
            file.write(block)


def blocks(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    """The bytes of an answer; raises Interrupted where it ends before it should."""
    missing = int(response.headers.get("Content-Length") or 0)
    try:
        while block := response.read(BLOCK):
            missing -= len(block)
            yield block
    except (OSError, http.client.HTTPException) as error:
        reason = f"the line broke ({error})"
    else:
        if missing <= 0:
            return
        reason = f"the answer ended {missing:,} bytes too early"
    raise Interrupted(f"{url} is unfinished: {reason}; the same command goes on from there.")


def checksum(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _address(text: str) -> str:
    try:
        host = urllib.parse.urlsplit(text).hostname
    except ValueError:  # "https://[x/a"
        host = None
    if not re.match("https?://", text) or not host:
        raise argparse.ArgumentTypeError(f"{text} is no address that begins with https://")
    return text


def _sha256(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError(f"{text} is no SHA-256: it has 64 hexadecimal digits")
    return text.lower()


def main(arguments: list[str] | None = None) -> int:
    """Fetch one file and say so."""
    parser = argparse.ArgumentParser(description="Download one file and check it.")
    parser.add_argument("url", metavar="URL", type=_address)
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--sha256", metavar="HEX", required=True, type=_sha256)
    parser.add_argument("--licence", metavar="TEXT", help="said beside the file's name")
    options = parser.parse_args(arguments)
    try:
        new = fetch(options.url, options.file, options.sha256)
    except FetchError as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nfetch.py: interrupted; the same command goes on from there.", file=sys.stderr)
        return 130
    size = options.file.stat().st_size
    note = f" Licence: {options.licence}." if options.licence else ""
    print(f"{options.file}: {size:,} bytes, {'fetched' if new else 'there already'}.{note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
