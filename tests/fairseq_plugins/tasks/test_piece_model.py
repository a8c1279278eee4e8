"""Reading a SentencePiece model's file."""

import pytest
import sentencepiece

from fairseq_plugins.tasks._piece_model import read_piece_model


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char", "word"])
def test_kind_and_normal_pieces_are_those_of_the_library(model_files, kind):
    model = read_piece_model(model_files[kind])
    library = sentencepiece.SentencePieceProcessor(model_file=str(model_files[kind]))
    normal = {
        library.id_to_piece(number): library.get_score(number)
        for number in range(len(library))
        if "<sep>"
        not in library.id_to_piece(number)  # user-defined, which the library does not tell
        and not (library.is_control(number) or library.is_unknown(number))
        and not (library.is_byte(number) or library.is_unused(number))
    }
    assert model.kind == kind
    assert model.scores == normal
    assert len(library) > len(normal) > 10
