"""A checkpoint whose bytes have changed is told from a whole one."""

import random
import zipfile

import pytest
import torch

from fairseq_plugins._integrity import damage

FLIPS = 200


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "checkpoint.pt"
    rng = torch.Generator().manual_seed(1)
    weights = {f"layer{n}": torch.randn(40, 60, generator=rng) for n in range(4)}
    torch.save({"model": weights, "cfg": {"model": {"_name": "s2s"}}, "extra_state": {}}, path)
    return path


def test_a_whole_file_has_no_fault(whole):
    assert damage(whole) is None


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda content: b"", "is empty (0 bytes)"),
        (lambda content: bytes(len(content)), "holds nothing but zeros"),
        (lambda content: b"hello", "is no checkpoint of PyTorch"),
        (lambda content: content[: len(content) // 2], "is cut short, or damaged at its end"),
        (
            lambda content: content[: len(content) // 2] + bytes(len(content) // 2),
            "is cut short, or damaged at its end",
        ),
        (lambda content: content[:20000] + b"\xff" * 40 + content[20040:], "is damaged: the bytes"),
    ],
)
def test_the_fault_is_named(whole, tmp_path, change, says):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(change(whole.read_bytes()))
    assert says in damage(path)


def test_a_changed_bit_is_found_or_changes_nothing(whole, tmp_path):
    """torch.load alone takes most of these files, with a weight that is wrong."""
    content, expected = whole.read_bytes(), torch.load(whole, weights_only=True)["model"]
    rng, path, taken = random.Random(1), tmp_path / "checkpoint.pt", 0
    for _ in range(FLIPS):
        changed = bytearray(content)
        changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        same = None
        try:
            found = torch.load(path, weights_only=True)["model"]
            same = all(torch.equal(found[name], expected[name]) for name in expected)
        except Exception:
            continue  # torch refuses it itself
        if same is False:
            taken += 1
            assert damage(path), "a changed weight would have been used"
    assert taken > FLIPS / 2


def test_compressed_parts_are_refused(whole, tmp_path):
    """A small file could hold more than memory does."""
    path = tmp_path / "checkpoint.pt"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, old.read(part))
    assert damage(path) == "holds compressed parts, which torch.save never writes"
