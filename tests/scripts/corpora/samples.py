"""What the tests of the readers share: small files, and where the real ones are."""

import gzip
import os
from pathlib import Path

import pytest

from scripts.corpora.corpus import Corpus
from tests.scripts.sandbox import ROOT

DATA = (ROOT / os.environ.get("S2S_DATA", "../shared/data")).resolve()


def needs(name: str) -> pytest.MarkDecorator:
    """Skip a test, with the reason, where a data set is not there."""
    return pytest.mark.skipif(not (DATA / name).is_dir(), reason=f"needs {DATA / name}")


def put(folder: Path, name: str, *lines: str) -> None:
    """Write lines as a file; one whose name ends in .gz is packed."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def sizes(corpus: Corpus) -> dict[str, int]:
    """The number of examples of each subset."""
    return {name: len(examples) for name, examples in corpus.items()}


def sources(corpus: Corpus, subset: str) -> set[str]:
    """The different inputs of a subset."""
    return {example.source for example in corpus[subset]}


def everything(corpus: Corpus) -> dict[str, tuple[str, ...]]:
    """All inputs with their targets, whatever the subset."""
    return {e.source: e.targets for examples in corpus.values() for e in examples}
