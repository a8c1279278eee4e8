"""Drawing other pieces of the same text."""

import ast
import math
import pickle
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import sentencepiece
import torch
from fairseq.data import Dictionary

from fairseq_plugins.errors import S2SError
from fairseq_plugins.tasks._piece_sampler import PieceSampler

from ... import warm_process
from .conftest import sentences

TEXT = "bakoriten lusamo vidak"


def dictionary_of(path, *, without=()) -> Dictionary:
    """fairseq's dictionary of a model's pieces, in an order of its own."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    dictionary = Dictionary()
    for number in reversed(range(4, len(pieces))):
        if pieces.id_to_piece(number) not in without:
            dictionary.add_symbol(pieces.id_to_piece(number))
    return dictionary


def stored(path, dictionary: Dictionary, text: str) -> torch.Tensor:
    """What fairseq-preprocess stores for the text's pieces."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path)).encode(text, out_type=str)
    return dictionary.encode_line(" ".join(pieces), add_if_not_exist=False).long()


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_what_is_drawn_varies_with_the_seed_only_and_is_the_same_text(model_files, kind):
    path = model_files[kind]
    dictionary = dictionary_of(path)
    sampler = PieceSampler(path, dictionary, alpha=0.2)
    for text in sentences(20, seed=9):
        tokens = stored(path, dictionary, text)
        drawn = [sampler.sample(tokens, seed) for seed in range(20)]
        for seed in reversed(range(20)):
            assert torch.equal(sampler.sample(tokens, seed), drawn[seed])
        pieces = [dictionary.string(each).split() for each in drawn]
        assert {"".join(each).replace("\u2581", " ").strip() for each in pieces} == {text}
        assert len(set(map(tuple, pieces))) > 1
        assert all(each[-1] == dictionary.eos() for each in drawn)
        assert sampler.is_best(tokens)
    assert not sampler.is_best(dictionary.encode_line("b a k o", add_if_not_exist=False))


def test_segmentations_are_drawn_with_their_smoothed_probabilities(model_files):
    """P(x)^alpha over all segmentations x of a word, found here and scored by their pieces."""
    path, alpha, word, draws = model_files["unigram"], 0.5, "koba", 4000
    dictionary = dictionary_of(path)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    scores = {pieces.id_to_piece(n): pieces.get_score(n) for n in range(4, len(pieces))}

    def segmentations(text):
        if not text:
            yield ()
        for end in range(1, len(text) + 1):
            if text[:end] in scores:
                yield from ((text[:end], *rest) for rest in segmentations(text[end:]))

    weights = {
        found: math.exp(alpha * sum(scores[piece] for piece in found))
        for found in segmentations("\u2581" + word)
    }
    sampler = PieceSampler(path, dictionary, alpha=alpha)
    tokens = stored(path, dictionary, word)
    counts = Counter(
        tuple(dictionary.string(sampler.sample(tokens, seed)).split()) for seed in range(draws)
    )
    assert len(weights) > 2 and set(counts) <= set(weights)
    for found, weight in weights.items():
        share = weight / sum(weights.values())
        error = math.sqrt(share * (1 - share) / draws)
        assert abs(counts[found] / draws - share) < 4 * error + 1e-9


def test_nbest_bounds_the_number_of_segmentations(model_files):
    path = model_files["unigram"]
    dictionary = dictionary_of(path)
    tokens = stored(path, dictionary, TEXT)

    def found(nbest):
        sampler = PieceSampler(path, dictionary, alpha=0.01, nbest=nbest)
        return {tuple(sampler.sample(tokens, seed).tolist()) for seed in range(200)}

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    best = pieces.nbest_encode_as_pieces(TEXT, 3)
    expected = {tuple(dictionary.encode_line(" ".join(x)).tolist()) for x in best}
    assert found(3) == expected
    assert len(found(-1)) > 50


def test_alpha_of_a_bpe_model_is_the_share_of_merges_left_out(model_files):
    path = model_files["bpe"]
    dictionary = dictionary_of(path)
    tokens = stored(path, dictionary, TEXT)
    none, all_of_them = (PieceSampler(path, dictionary, alpha=alpha) for alpha in (0.0, 1.0))
    letters = ["\u2581", *TEXT.replace(" ", "\u2581")]
    assert torch.equal(none.sample(tokens, 1), tokens)
    assert dictionary.string(all_of_them.sample(tokens, 1)).split() == letters


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_piece_that_the_dictionary_lacks_is_never_drawn(model_files, kind):
    path = model_files[kind]
    text = "dakbasa lu"
    full = dictionary_of(path)
    best = set(full.string(stored(path, full, text)).split())
    lacking = next(piece for piece in ("ba", "sa", "s", "a") if piece not in best)
    dictionary = dictionary_of(path, without={lacking})
    alpha = 0.01 if kind == "unigram" else 0.6
    drawn = [
        [sampler.sample(stored(path, symbols, text), seed) for seed in range(300)]
        for symbols in (full, dictionary)
        for sampler in [PieceSampler(path, symbols, alpha=alpha)]
    ]
    assert any(full.index(lacking) in tokens for tokens in drawn[0])
    assert not any(dictionary.unk() in tokens for tokens in drawn[1])
    assert {dictionary.string(tokens).replace(" ", "") for tokens in drawn[1]} == {
        "\u2581dakbasa\u2581lu"
    }


@pytest.mark.parametrize("nbest", [-1, 20])
@pytest.mark.parametrize("symbol", ["<unk>", "<pad>", "madeupword0000", "<sep>", "<0x41>"])
def test_what_is_no_normal_piece_stays_where_it_is(model_files, symbol, nbest):
    path = model_files["unigram"]
    dictionary = dictionary_of(path)
    dictionary.add_symbol("madeupword0000")
    sampler = PieceSampler(path, dictionary, alpha=0.1, nbest=nbest)
    tokens = stored(path, dictionary, TEXT)
    kept = torch.tensor([dictionary.index(symbol)])
    drawn = [sampler.sample(torch.cat([kept, tokens[:-1], kept, tokens]), i) for i in range(20)]
    for each in drawn:
        assert each[0] == kept and each.eq(kept).sum() == 2
        first, second = (
            dictionary.string(part).replace(" ", "").replace("\u2581", " ").strip()
            for part in each[1:].tensor_split(each[1:].eq(kept).nonzero()[0])
        )
        assert first == TEXT and second.removeprefix(dictionary.string(kept)).strip() == TEXT
    assert len(set(map(len, drawn))) > 1


def test_a_drawing_longer_than_the_bound_is_dropped_for_the_stored_pieces(model_files):
    path = model_files["unigram"]
    dictionary = dictionary_of(path)
    tokens = stored(path, dictionary, TEXT)
    longest = len(tokens) + 2
    sampler = PieceSampler(path, dictionary, alpha=0.1, longest=longest)
    drawn = [sampler.sample(tokens, seed) for seed in range(100)]
    assert max(map(len, drawn)) == longest
    free = PieceSampler(path, dictionary, alpha=0.1)
    assert max(len(free.sample(tokens, seed)) for seed in range(100)) > longest


@pytest.mark.parametrize("kind", ["char", "word"])
def test_a_model_that_draws_nothing_is_refused(model_files, kind):
    with pytest.raises(S2SError, match=f"is of kind '{kind}' and shares .* a unigram or BPE model"):
        PieceSampler(model_files[kind], dictionary_of(model_files[kind]))


def test_a_dictionary_of_other_words_is_refused(model_files):
    with pytest.raises(S2SError, match="shares 0 pieces with the dictionary"):
        PieceSampler(model_files["unigram"], Dictionary())


DRAW = """
import sys
from fairseq.data import Dictionary
from fairseq_plugins.tasks._piece_sampler import PieceSampler
dictionary = Dictionary.load(sys.argv[2])
sampler = PieceSampler(sys.argv[1], dictionary, alpha=0.2, nbest=int(sys.argv[3]))
tokens = dictionary.encode_line(sys.argv[4], add_if_not_exist=False).long()
print([sampler.sample(tokens, seed).tolist() for seed in range(20)])
"""


@pytest.mark.parametrize("kind, nbest", [("unigram", -1), ("unigram", 9), ("bpe", -1)])
def test_another_process_draws_the_same(model_files, tmp_path, kind, nbest):
    """SentencePiece itself does not: 0.2.3 draws differently in each process."""
    path = model_files[kind]
    dictionary = dictionary_of(path)
    dictionary.save(str(tmp_path / "dict.txt"))
    tokens = stored(path, dictionary, TEXT)
    pieces = dictionary.string(tokens)
    process = subprocess.run(
        [warm_process.python(), "-c", DRAW, path, tmp_path / "dict.txt", str(nbest), pieces],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    sampler = pickle.loads(
        pickle.dumps(PieceSampler(path, dictionary, alpha=0.2, nbest=nbest))
    )  # as a data loader's worker gets it where processes are not forked
    here = [sampler.sample(tokens, seed).tolist() for seed in range(20)]
    assert ast.literal_eval(process.stdout) == here
    assert len(set(map(tuple, here))) > 3


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"alpha": -0.1}, "alpha is -0.1, but must be at least 0"),
        ({"nbest": 1}, "nbest is 1, but must be -1"),
        ({"nbest": 0}, "nbest is 0, but must be -1"),
        ({"nbest": 513}, "nbest is 513, but .* between 2 and 512"),
        ({"alpha": 1.1, "kind": "bpe"}, "alpha is 1.1, but must be at least 0 and at most 1"),
    ],
)
def test_settings_that_draw_nothing_are_refused(model_files, options, sentence):
    options = dict(options)
    path = model_files[options.pop("kind", "unigram")]
    with pytest.raises(S2SError, match=sentence):
        PieceSampler(path, dictionary_of(path), **options)


def test_a_missing_or_broken_model_is_refused(tmp_path):
    with pytest.raises(S2SError, match="There is no SentencePiece model .*spm.model"):
        PieceSampler(tmp_path / "spm.model", Dictionary())
    (tmp_path / "spm.model").write_text("no model")
    with pytest.raises(S2SError, match="cannot be read"):
        PieceSampler(tmp_path / "spm.model", Dictionary())
