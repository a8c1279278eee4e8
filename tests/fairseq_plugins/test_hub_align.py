"""Which words an output's words came from."""

import io
from argparse import Namespace

import numpy as np
import pytest
import sentencepiece
import torch
from fairseq.data import Dictionary
from fairseq.models.lstm import LSTMModel
from fairseq.models.lstm import base_architecture as lstm_architecture
from fairseq.models.transformer import TransformerModel, base_architecture

from fairseq_plugins import S2SError, load
from fairseq_plugins._alignment import Pieces, group, membership, read, spell
from fairseq_plugins.hub import Seq2Seq
from fairseq_plugins.tasks import TranslationS2SConfig, TranslationS2STask

from .commands import reversed_digits

ODD = "two  cats, a\u00a0dog! 😀 naïve\u3000end "
CORPUS = [
    "two cats, a dog and the end",
    "a naive cat",
    "你好，我们去公园",
    "the dogs and two cats",
] * 9


@pytest.fixture(scope="module")
def model(digits, trained):
    return load(trained, data=digits / "bin")


@pytest.fixture(scope="module")
def processor():
    """With bytes for what the text did not hold."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=written,
        vocab_size=320,
        model_type="unigram",
        byte_fallback=True,
        normalization_rule_name="identity",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


def words(pieces: Pieces) -> list[str]:
    return [pieces.text[begin:end] for begin, end in pieces.words]


# --- models


def test_rows_and_their_null_are_distributions(model):
    pairs = [(source, target) for source, target in reversed_digits(9, longest=6, seed=3)]
    for found, (source, target) in zip(model.align(pairs), pairs, strict=True):
        assert found.source_words == source.split()
        assert found.target_words == target.split()
        assert np.shape(found.matrix) == (len(target.split()), len(source.split()))
        assert np.sum(found.matrix, axis=1) + found.null == pytest.approx(1, abs=1e-5)


def test_a_model_that_reverses_attends_from_the_end_to_the_beginning(model):
    [found] = model.align([("1 2 3 4 5", "5 4 3 2 1")])
    near = np.abs(np.argmax(found.matrix, axis=1) - np.array([4, 3, 2, 1, 0]))
    assert near.max() <= 1  # the state that looks may be one step ahead
    assert np.corrcoef(np.argmax(found.matrix, axis=1), range(5))[0, 1] < -0.9


def test_reading_an_output_gives_the_alignment_of_the_search_that_found_it(model):
    texts = [source for source, _ in reversed_digits(12, longest=6, seed=8)]
    best = [each for [each] in model.generate(texts, beam=3)]
    searched = model.align(list(zip(texts, best, strict=True)))
    of_tokens = model.align([(t, each.tokens) for t, each in zip(texts, best, strict=True)])
    of_text = model.align([(t, each.text) for t, each in zip(texts, best, strict=True)])
    for one, two, three in zip(searched, of_tokens, of_text, strict=True):
        assert np.array(one.alignment) == pytest.approx(np.array(two.alignment), abs=1e-4)
        assert np.array(one.matrix) == pytest.approx(np.array(three.matrix), abs=1e-4)
        assert one.target_words == two.target_words == three.target_words


def test_company_changes_nothing(model):
    pairs = reversed_digits(20, longest=7, seed=4)
    for pair, found in zip(pairs, model.align(pairs), strict=True):
        [alone] = model.align([pair])
        assert np.array(found.matrix) == pytest.approx(np.array(alone.matrix), abs=1e-5)


def test_empty_texts_have_empty_alignments(model):
    nothing, no_source, no_target = model.align([("", ""), ("", "1 2"), ("1 2", [])])
    assert nothing.matrix == []
    assert no_source.matrix == [[], []] and no_source.null == [1, 1]
    assert no_target.matrix == [] and no_target.source_words == ["1", "2"]
    assert model.align([]) == []


def test_a_model_without_attention_says_so(digits, trained_plain):
    plain = load(trained_plain, data=digits / "bin")
    with pytest.raises(S2SError, match="has no attention"):
        plain.align([("1 2", "2 1")])
    [[found]] = plain.generate(["1 2"])
    with pytest.raises(S2SError, match="has no attention"):
        plain.align([("1 2", found)])


def test_a_hypothesis_of_another_input_is_refused(model):
    [[found]] = model.generate(["1 2 3"])
    with pytest.raises(S2SError, match="is no output for '1 2'"):
        model.align([("1 2", found)])


def test_a_text_that_is_too_long_is_one_sentence(model, monkeypatch):
    monkeypatch.setattr(model.codec, "longest", 4)
    with pytest.raises(S2SError, match="longer than this model can read"):
        model.align([("1 2 3 4 5", "1")])


# --- fairseq's own


def builtin(model_class, architecture, **options) -> Seq2Seq:
    """A model of fairseq's with random weights that reads digits."""
    torch.manual_seed(3)
    dictionary = Dictionary()
    for digit in range(10):
        dictionary.add_symbol(str(digit))
    config = TranslationS2SConfig(source_lang="src", target_lang="tgt")
    task = TranslationS2STask(config, dictionary, dictionary)
    options = Namespace(**options)
    architecture(options)
    model = model_class.build_model(options, task).eval()
    for parameter in model.parameters():  # sharp, so that a wrong place shows
        torch.nn.init.normal_(parameter, std=0.7)
    return Seq2Seq(model, task, None)


SIZES = {"encoder_embed_dim": 16, "decoder_embed_dim": 16}
TRANSFORMER = {
    **SIZES,
    **{"encoder_ffn_embed_dim": 16, "encoder_layers": 1, "encoder_attention_heads": 2},
    **{"decoder_layers": 2, "decoder_attention_heads": 2, "decoder_ffn_embed_dim": 16},
    **{"max_source_positions": 64, "max_target_positions": 64},
}
LSTM = {**SIZES, "encoder_hidden_size": 16, "decoder_hidden_size": 16, "decoder_out_embed_dim": 16}


@pytest.mark.parametrize(
    ("model_class", "architecture", "options"),
    [
        (TransformerModel, base_architecture, TRANSFORMER),
        (LSTMModel, lstm_architecture, {**LSTM, "criterion": "", "decoder_attention": "1"}),
    ],
)
def test_fairseqs_own_models_align_in_company_as_alone(model_class, architecture, options):
    model = builtin(model_class, architecture, **options)
    pairs = [("1 2 3 4 5 6 7 8", "8 7"), ("1 2", "2 1"), ("4 5 6", "6 5 4 3 2 1")]
    for pair, found in zip(pairs, model.align(pairs), strict=True):
        [alone] = model.align([pair])
        assert np.array(found.matrix) == pytest.approx(np.array(alone.matrix), abs=1e-4)
        assert np.sum(found.matrix, axis=1) + found.null == pytest.approx(1, abs=1e-4)


# --- from pieces to words


def test_pieces_stand_where_their_characters_do(processor):
    found = read(processor, ODD)
    for token, (begin, end) in zip(found.tokens, found.spans, strict=True):
        if not token.startswith("<0x"):
            assert found.text[begin:end].strip() == token.replace("\u2581", "")


def test_words_are_what_stands_between_spaces(processor):
    found = read(processor, ODD)
    assert words(found) == ["two", "cats,", "a", "dog!", "😀", "naïve", "end"]
    assert words(read(processor, " \u00a0 ")) == []


def test_all_bytes_of_a_character_belong_to_its_word(processor):
    found = read(processor, "two 😀 cats")
    belongs = membership(found.spans, found.words)
    emoji = [place for place, token in enumerate(found.tokens) if token.startswith("<0x")]
    assert len(emoji) == len("😀".encode())
    assert belongs[emoji].argmax(axis=1).tolist() == [1] * 4


def test_a_lone_space_belongs_to_the_word_after_it(processor):
    found = spell(["\u2581", "to", "\u2581", "b", "e", "\u2581"], True)
    assert words(found) == ["to", "be"]
    assert membership(found.spans, found.words).argmax(axis=1).tolist() == [0, 0, 1, 1, 1, 1]


def test_each_chinese_piece_is_a_word_and_latin_words_between_stay_whole(processor):
    found = read(processor, "你好，我们 two cats 去公园")
    joined = "".join(words(found))
    assert joined == "你好，我们twocats去公园"
    assert "two" in words(found) and "cats" in words(found)
    chinese = [token.strip("\u2581") for token in processor.encode("你好，我们", out_type=str)]
    assert words(found)[: words(found).index("two")] == [piece for piece in chinese if piece]


def test_a_rare_chinese_character_of_bytes_is_one_word(processor):
    found = read(processor, "你𠮷好")
    assert words(found) == ["你", "𠮷", "好"]
    bytes_ = [place for place, token in enumerate(found.tokens) if token.startswith("<0x")]
    belongs = membership(found.spans, found.words)
    assert belongs[bytes_].argmax(axis=1).tolist() == [1] * len("𠮷".encode())


def test_a_no_break_space_inside_a_piece_cuts_it_as_fairseq_does():
    class Whole:  # the whole text is one piece
        def encode(self, text, out_type):
            return [f"\u2581{text}"]

        def normalize(self, text, with_offsets):
            return f"\u2581{text}", [0, *range(len(text) + 1)]

    found = read(Whole(), "vu\u00a0?")
    assert found.tokens == f"\u2581{found.text}".split() == ["\u2581vu", "?"]
    assert found.spans == [(0, 2), (3, 4)]
    assert words(found) == ["vu", "?"]


def test_normalisation_leads_back_to_the_given_text():
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["wait ... abc", "abc wait"] * 9),
        model_writer=written,
        vocab_size=14,
        normalization_rule_name="nfkc",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    found = read(processor, "wait\u2026  \uff41bc")  # an ellipsis is three dots, a wide a is an a
    assert words(found) == ["wait\u2026", "\uff41bc"]
    belongs = membership(found.spans, found.words)
    letters = [token.replace("\u2581", "") for token in found.tokens]
    for word, expected in enumerate(("wait...", "abc")):
        assert "".join(t for t, row in zip(letters, belongs, strict=True) if row[word]) == expected


def test_tokens_spell_their_text(processor):
    tokens = processor.encode("two 😀 cats", out_type=str)
    assert spell(tokens, True).text == processor.decode(tokens) == "two 😀 cats"
    broken = ["\u2581two", "<0xF0>", "<0x9F>", "\u2581cats", "<0xF0>"]
    found = spell(broken, True)
    assert found.text == "two\ufffd cats\ufffd"
    assert words(found) == ["two\ufffd", "cats\ufffd"]
    assert spell(["a", "b"], False).text == "a b"
    assert spell([], True) == Pieces("", [], [])


def test_sum_over_source_pieces_mean_over_target_pieces():
    source = spell(["\u2581a", "b", "\u2581c"], True)
    target = spell(["\u2581x", "y"], True)
    alignment = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.1, 0.2, 0.2], [0.0, 0.0, 0.0, 1.0]]
    found = group(source, target, alignment, source.words, target.words)
    assert found.matrix == [pytest.approx([(0.3 + 0.6) / 2, (0.3 + 0.2) / 2])]
    assert found.null == pytest.approx([(0.4 + 0.2) / 2])
    shifted = found.regroup(source.words, target.words, shift=1)
    assert shifted.matrix == [pytest.approx([0.6 / 2, 0.2 / 2])]


def test_a_piece_across_two_words_is_shared_by_its_characters():
    spans, tokens = [(0, 4)], [(0, 1), (1, 4)]  # l'air, where l' and air are words
    assert membership(spans, tokens).tolist() == [[0.25, 0.75]]
