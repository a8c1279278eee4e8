"""scripts/corpora/alibi.py: sure links are possible too, and every link is in its sentences."""

from pathlib import Path

import pytest

from scripts.corpora.alibi import GoldPair, load, read
from scripts.corpora.corpus import CorpusError, Example

from .samples import DATA, needs, put


def make(folder: Path, links: str = "0-0 1p2 1p1 ", number: int = 0) -> None:
    story = folder / "ali" / "Chat_TheCat"
    put(story, "Chat_sents.txt", f"{number}\tle chat", "1\toui .")
    put(story, "TheCat_sents.txt", "0\tthe old cat", "1\tyes .")
    put(story, "ali_w2w_Chat_TheCat.txt", f"0\t{links}", "1\t0-0 1-1 ")


def test_links_go_from_the_french_word_to_the_english_one(tmp_path: Path) -> None:
    make(tmp_path)
    assert read(tmp_path) == [
        GoldPair(["le", "chat"], ["the", "old", "cat"], {(0, 0)}, {(0, 0), (1, 2), (1, 1)}),
        GoldPair(["oui", "."], ["yes", "."], {(0, 0), (1, 1)}, {(0, 0), (1, 1)}),
    ]
    assert load(tmp_path) == {
        "test": [Example("le chat", ("the old cat",)), Example("oui .", ("yes .",))]
    }
    assert load(tmp_path, "en", "fr")["test"][1] == Example("yes .", ("oui .",))


@pytest.mark.parametrize("link", ["2-0", "0p3", "0:0", "a-0", "-1-0"])
def test_a_link_out_of_its_sentences_is_refused_with_its_place(tmp_path: Path, link: str) -> None:
    make(tmp_path, links=f"0-0 {link}")
    with pytest.raises(
        CorpusError, match=f"TheCat.txt, sentence 0: {link} is no link between 2 Fr"
    ):
        read(tmp_path)


def test_files_that_do_not_fit_together_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="set S2S_DATA to the folder that holds alibi_wordalign"):
        read(tmp_path)
    make(tmp_path, number=2)
    with pytest.raises(CorpusError, match="Chat_TheCat do not number the same sentences"):
        read(tmp_path)
    (tmp_path / "ali/Chat_TheCat/Chat_sents.txt").unlink()
    with pytest.raises(CorpusError, match=r"neither .*Chat_sents\.txt nor .* exists"):
        read(tmp_path)
    with pytest.raises(CorpusError, match="choose two of fr and en"):
        load(tmp_path, "en", "de")


@needs("alibi_wordalign_fr_en")
def test_the_published_files_have_the_published_sizes() -> None:
    pairs = read(DATA / "alibi_wordalign_fr_en")
    assert len(pairs) == 522
    assert sum(len(pair.sure) for pair in pairs) == 8_452
    assert sum(len(pair.possible - pair.sure) for pair in pairs) == 14_147
    assert all(pair.sure <= pair.possible for pair in pairs)
    assert pairs[0].en[:2] == ["THE", "MASTER"]  # French is the first file, English the second
