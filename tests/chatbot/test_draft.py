"""A draft grows with a model's tokens; what a reader sees is the reply alone."""

from types import SimpleNamespace

import pytest

from chatbot.alignment import words
from chatbot.dialog import Reply
from chatbot.draft import Draft

SOURCE = ["▁is", "▁it", "▁rain", "ing", "</s>"]


def tokens(*pieces, weights=None, scores=None):
    """As a model's stream gives them."""
    text = ""
    for place, piece in enumerate(pieces):
        text += "" if piece == "</s>" else piece.replace("▁", " ")
        score = scores[place] if scores else -0.5
        row = weights[place] if weights else None
        yield SimpleNamespace(piece=piece, text=text.strip(), score=score, alignment=row)


def grown(stream, plans=False):
    draft = Draft(words(SOURCE), plans)
    draft.take_all(stream)
    return draft


def test_a_draft_grows_by_one_token_at_a_time():
    draft, stream = Draft(words(SOURCE)), tokens("▁it", "▁rain", "s", "</s>")
    texts = []
    while draft.take(stream):
        texts.append(draft.text)
    assert texts == ["it", "it rain", "it rains", "it rains"]
    assert not draft.take(stream)


def test_the_end_is_no_token_of_the_reply_but_counts_for_the_score():
    draft = grown(tokens("▁yes", "</s>", scores=[-1.0, -3.0]))
    assert (draft.tokens, draft.score, draft.candidate().total) == (1, -2.0, -4.0)


def test_without_weights_there_is_no_alignment():
    found = grown(tokens("▁yes", "</s>")).candidate()
    assert (found.text, found.alignment, found.reply_words) == ("yes", None, ("yes",))


def test_pieces_of_a_word_share_a_row_and_pieces_of_the_source_a_column():
    weights = [[0.8, 0.0, 0.1, 0.1, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]]
    draft = grown(tokens("▁it", "▁rain", "s", weights=weights))
    found = draft.fill(Reply(""))
    assert found.source_words[:3] == ("is", "it", "raining")
    assert found.reply_words == ("it", "rains")
    assert found.alignment[0][:3] == pytest.approx((0.8, 0.0, 0.2))
    assert found.alignment[1][:3] == pytest.approx((0.0, 0.0, 1.0))


def test_a_plan_is_not_shown_while_it_grows_nor_afterwards():
    weights = [[1.0, 0, 0, 0, 0]] * 2 + [[0, 0, 1.0, 0, 0]] * 2
    stream = tokens("▁rain", "<say>", "▁Rain", "▁again", weights=weights)
    draft, seen = Draft(words(SOURCE), plans=True), []
    while draft.take(stream):
        seen.append((draft.text, draft.tokens))
    assert seen == [("", 0), ("", 0), ("Rain", 1), ("Rain again", 2)]
    found = draft.candidate()
    assert (found.plan, found.reply_words) == ("rain", ("Rain", "again"))
    assert [row[2] for row in found.alignment] == [1.0, 1.0]


@pytest.mark.parametrize("piece", ["rain", "▁rain"])
def test_theme_and_piece_of_a_plan_are_apart(piece):
    draft = Draft(words(SOURCE), plans=True)
    draft.take_all(tokens("<WEATHER>", piece, "<say>", "▁Again"))
    assert draft.plan == "<WEATHER> rain"


@pytest.mark.parametrize(("longest", "unfinished"), [(3, True), (4, False)])
def test_a_draft_of_the_greatest_length_is_unfinished(longest, unfinished):
    draft = Draft(words(SOURCE), plans=True, longest=longest)
    draft.take_all(tokens("▁rain", "<say>", "▁again", "</s>"))
    assert draft.candidate().unfinished is draft.fill(Reply("")).unfinished is unfinished


def test_a_model_without_plans_may_say_anything():
    found = grown(tokens("▁rain", "▁again")).candidate()
    assert (found.plan, found.text) == ("", "rain again")
