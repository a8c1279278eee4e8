"""The data of the bundled dialogue model."""

import pytest
import sentencepiece

from chatbot.corpus import LANGUAGES, read_themes
from chatbot.dialog import PLAN_END, SEPARATOR, normalise
from scripts import prepare_chat


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    assert prepare_chat.main(["--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def pieces(folder):
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))


def read(folder, name):
    return (folder / name).read_text(encoding="utf-8").splitlines()


def test_every_reply_and_every_han_character_comes_back_exactly(pieces):
    for language in LANGUAGES:
        for theme in read_themes(language):
            for exchange in theme.exchanges():
                assert pieces.decode(pieces.encode(exchange.reply)) == exchange.reply
                han = [char for char in exchange.reply if "\u4e00" <= char <= "\u9fff"]
                for char in han:
                    encoded = pieces.encode(char, out_type=str)
                    assert not any(piece.startswith("<0x") for piece in encoded), char


def test_a_character_outside_the_corpus_survives_as_bytes(pieces):
    assert pieces.decode(pieces.encode("龘 🙂")) == "龘 🙂"


def test_the_vocabulary_is_the_dictionary(folder, pieces):
    symbols = [line.rsplit(" ", 1)[0] for line in read(folder, "spm.dict.txt")]
    assert symbols == [pieces.id_to_piece(i) for i in range(4, pieces.get_piece_size())]
    assert 4000 <= pieces.get_piece_size() <= prepare_chat.VOCAB_SIZE


def test_the_dictionary_of_the_outputs_has_their_pieces_only(folder):
    symbols = [line.rsplit(" ", 1)[0] for line in read(folder, "tgt.dict.txt")]
    written = {piece for line in read(folder, "train.tgt") for piece in line.split()}
    assert written <= set(symbols) and len(symbols) < 1.1 * len(written)
    every = [line.rsplit(" ", 1)[0] for line in read(folder, "spm.dict.txt")]
    assert len(symbols) < len(every) and [each for each in every if each in symbols] == symbols
    assert SEPARATOR not in symbols


def test_no_source_of_the_validation_set_is_trained_on(folder):
    train, valid = set(read(folder, "train.src")), read(folder, "valid.src")
    assert len(valid) > 100
    assert not train & set(valid)


def test_no_source_has_two_replies(folder):
    replies = {}
    for source, target in zip(read(folder, "train.src"), read(folder, "train.tgt"), strict=True):
        assert replies.setdefault(source, target) == target


def test_a_target_is_a_theme_a_piece_of_the_reply_and_the_reply(folder):
    names = {prepare_chat.theme_symbol(theme.name) for theme in read_themes("en")}
    for line, plan in zip(read(folder, "train.tgt"), read(folder, "plan/train.tgt"), strict=True):
        theme, piece, symbol, *reply = line.split()
        assert f"{theme} {piece}" == plan and symbol == PLAN_END
        assert theme in names and piece in reply
    assert read(folder, "plan/train.src") == read(folder, "train.src")
    assert len(set(read(folder, "plan/train.tgt"))) > 1000


def test_themes_are_symbols_that_no_message_has(pieces):
    assert pieces.encode("<PETS> dog", out_type=str)[:2] == ["\u2581", "<PETS>"]
    assert "<PETS>" not in pieces.encode(normalise("<PETS> dog"), out_type=str)


def test_the_plan_ends_with_the_rarest_piece_with_a_letter():
    replies = ["▁I ▁like ▁rain .", "▁I ▁like ▁snow !", "▁I ▁see ?", "▁? ▁ !"]

    class Pieces:
        def encode(self, text, out_type):
            return text.split()

    plans = prepare_chat.Plans(dict.fromkeys(replies, "weather"), Pieces())
    found = [plans.plan(reply, reply.split()) for reply in replies]
    assert found == [["<WEATHER>", piece] for piece in ("▁rain", "▁snow", "▁see", "▁?")]


def test_later_turns_carry_the_exchange_before(folder):
    context = [line for line in read(folder, "train.src") if f" {SEPARATOR} " in line]
    assert len(context) > 1000
    assert all(line.split().count(SEPARATOR) == 2 for line in context)


@pytest.mark.slow
def test_more_turns_and_their_speakers_are_written(tmp_path):
    assert prepare_chat.main(["--out", str(tmp_path), "--turns", "2", "--speakers"]) == 0
    lone = "\u2581"  # SentencePiece's space before a symbol
    lines = [line.split() for line in read(tmp_path, "train.src")]
    sources = [[piece for piece in line if piece != lone] for line in lines]
    assert {line.count(SEPARATOR) for line in sources} == {0, 2, 4}
    for line in sources:
        roles = [word for word in line if word in ("<user>", "<bot>")]
        assert roles == ["<user>", "<bot>"] * (line.count(SEPARATOR) // 2) + ["<user>"]
        assert line[0] == "<user>"
        after = [line[i + 1] for i, word in enumerate(line) if word == SEPARATOR]
        assert after == roles[1:]
    symbols = [line.rsplit(" ", 1)[0] for line in read(tmp_path, "spm.dict.txt")]
    assert {"<user>", "<bot>", SEPARATOR} <= set(symbols)
    replies = [line.split(f" {PLAN_END} ")[1] for line in read(tmp_path, "train.tgt")]
    assert not any("<" in reply for reply in replies)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_files(folder, tmp_path):
    prepare_chat.main(["--out", str(tmp_path)])
    for name in ("train.src", "train.tgt", "valid.src", "valid.tgt", "spm.dict.txt"):
        assert read(folder, name) == read(tmp_path, name)


@pytest.mark.slow
@pytest.mark.parametrize("language, other", [("en", "你"), ("zh", " the ")])
def test_one_language_alone(tmp_path, language, other):
    prepare_chat.main(["--lang", language, "--out", str(tmp_path)])
    lines = read(tmp_path, "train.tgt")
    assert sum(other in line for line in lines) < len(lines) / 500  # a word that is taught


def test_an_unknown_language_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        prepare_chat.main(["--lang", "fr", "--out", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert "invalid choice: 'fr'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
