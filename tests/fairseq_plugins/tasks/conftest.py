"""A small SentencePiece corpus and its model."""

import io
import random

import pytest
import sentencepiece

from ..commands import preprocess, write_corpus

SYLLABLES = "ba ko ri ten lu sa mo vi dak er".split()


def sentences(count: int, seed: int) -> list[str]:
    """Sentences of words made of a few syllables."""
    rng = random.Random(seed)
    return [
        " ".join(
            "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 3)))
            for _ in range(rng.randint(2, 6))
        )
        for _ in range(count)
    ]


def train_pieces(path, kind="unigram", vocab_size=120):
    """A SentencePiece model of the sentences, in a file."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences(500, seed=1)),
        model_writer=model,
        vocab_size=vocab_size,
        model_type=kind,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        minloglevel=2,
        num_threads=1,
        byte_fallback=kind == "unigram",
        user_defined_symbols=["<sep>"],
        **{"bos_id": 0, "pad_id": 1, "eos_id": 2, "unk_id": 3},
    )
    path.write_bytes(model.getvalue())
    return path


@pytest.fixture(scope="session")
def model_files(tmp_path_factory):
    """One model of each type, by type."""
    folder = tmp_path_factory.mktemp("pieces")
    sizes = {"unigram": 376, "bpe": 120, "char": 40, "word": 400}
    return {kind: train_pieces(folder / f"{kind}.model", kind, sizes[kind]) for kind in sizes}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, model_files):
    """The folder of a binarised copying corpus of pieces; the model is ``spm.model``."""
    folder = tmp_path_factory.mktemp("subwords")
    (folder / "spm.model").write_bytes(model_files["unigram"].read_bytes())
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    for seed, (subset, count) in enumerate((("train", 300), ("valid", 40), ("test", 40))):
        texts = [" ".join(pieces.encode(text, out_type=str)) for text in sentences(count, seed + 2)]
        write_corpus(folder, subset, [(text, text) for text in texts])
    vocabulary = [pieces.id_to_piece(number) for number in range(4, len(pieces))]
    dictionary = "".join(f"{piece} 1\n" for piece in vocabulary)
    (folder / "dict.txt").write_text(dictionary, encoding="utf-8")
    preprocess(folder, "--srcdict", folder / "dict.txt")
    return folder
