"""Whether a checkpoint file is whole, byte for byte.

A checkpoint is a ZIP archive (``torch.save``) with the CRC-32 of every part beside it, which
``torch.load`` does not look at: a weight whose bytes have changed is loaded without a word. Here
the sums are compared. They go with the file wherever it is copied or renamed, and stand in the
checkpoints of a fairseq without this package, too.
"""

import zipfile
from pathlib import Path

HEAD = b"PK\x03\x04"


def is_archive(path: Path) -> bool:
    """Whether a file begins as a checkpoint does, be it whole or not."""
    with path.open("rb") as file:
        return file.read(len(HEAD)) == HEAD


def damage(path: Path) -> str | None:
    """What is wrong with a checkpoint file, to follow its name; None where it is whole."""
    size = path.stat().st_size
    if size == 0:
        return "is empty (0 bytes)"
    if not is_archive(path):
        return "holds nothing but zeros" if _is_zero(path) else "is no checkpoint of PyTorch"
    if not zipfile.is_zipfile(path):
        return "is cut short, or damaged at its end"
    try:
        with zipfile.ZipFile(path) as archive:
            if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
                return "holds compressed parts, which torch.save never writes"
            part = archive.testzip()
    except Exception as error:  # a damaged directory can raise anything
        return f"is damaged ({str(error) or type(error).__name__})"
    return f"is damaged: the bytes of its part {part} do not have their checksum" if part else None


def _is_zero(path: Path) -> bool:
    with path.open("rb") as file:
        return not any(block.strip(b"\0") for block in iter(lambda: file.read(1 << 20), b""))
