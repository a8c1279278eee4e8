"""Embeddings, random or from a file; fairseq does not import files that begin with ``_``."""

from pathlib import Path

import torch
from fairseq import utils
from fairseq.data import Dictionary

from ..errors import S2SError
from ..modules.embedding import Embedding, MarkerEmbedding


def build_embedding(
    dictionary: Dictionary,
    embed_dim: int,
    path: str | None = None,
    freeze: bool = False,
    markers: bool = False,
) -> Embedding:
    """An embedding of ``dictionary``, random or from ``path``.

    Args:
        path: a text file, one line ``symbol v_1 ... v_dim`` each (GloVe, fastText, word2vec); a
            first line ``count dim`` is skipped; symbols that it lacks stay random
        freeze: do not train it
        markers: look the markers of unknown words up as ``<unk>``

    Raises:
        S2SError: for a file that is missing or of another dimension
    """
    embedding: Embedding
    if markers:
        embedding = MarkerEmbedding(dictionary, embed_dim)
    else:
        embedding = Embedding(len(dictionary), embed_dim, padding_idx=dictionary.pad())
    if path:
        for index, vector in read_vectors(Path(path), dictionary, embed_dim).items():
            embedding.set_output(index, vector)
    embedding.weight.requires_grad = not freeze
    return embedding


def read_vectors(path: Path, dictionary: Dictionary, embed_dim: int) -> dict[int, torch.Tensor]:
    """The vectors of the symbols in ``dictionary``, by index.

    Raises:
        S2SError: naming the file and, where one is at fault, the line
    """
    if not path.is_file():
        raise S2SError(f"The embedding file {path} does not exist: check the path.")
    vectors = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            symbol, *values = line.rstrip().split(" ")
            if number == 1 and len(values) == 1:
                continue
            if len(values) != embed_dim:
                raise S2SError(
                    f"Line {number} of {path} holds a vector of {len(values)} numbers, but the "
                    f"embedding has {embed_dim}: set the embedding size to match the file."
                )
            if symbol in dictionary:
                vectors[dictionary.index(symbol)] = torch.tensor([float(x) for x in values])
    utils.logger.info("read %d of %d embeddings from %s", len(vectors), len(dictionary), path)
    return vectors
