"""A page's session: who came last may write, and streams side by side end together."""

import copy

import pytest

from chatbot.page_session import Session, together
from chatbot.turn import Turn


def test_a_reply_with_an_old_ticket_can_no_longer_be_stored():
    session = Session()
    old = session.take_ticket()
    session.change(0, lambda talk: talk.say("one"), old)
    new = session.take_ticket()
    assert session.change(0, lambda talk: talk.answer(Turn("late")), old) is None
    assert session.conversations[0].exchanges[0].turn is None
    assert session.change(0, lambda talk: talk.answer(Turn("now")), new) is not None
    assert (session.finish(old), session.finish(new)) == (False, True)


def test_a_page_is_busy_while_a_reply_grows():
    session = Session()
    first, second = session.take_ticket(busy=True), session.take_ticket(busy=True)
    session.finish(first)
    assert session.busy  # with the second
    session.finish(second)
    assert not session.busy
    session.take_ticket(busy=True)
    session.take_ticket()  # stopped
    assert not session.busy


def test_a_change_that_fails_changes_nothing_and_blocks_nobody():
    session = Session()
    with pytest.raises(ValueError):
        session.change(0, lambda talk: talk.choose(3))
    assert session.change(0, lambda talk: talk.say("one")).exchanges


def test_every_page_gets_a_session_of_its_own():
    first = Session("echo")
    first.change(0, lambda talk: talk.say("one"))
    second = copy.deepcopy(first)
    assert second.models[0] == "echo" and not second.conversations[0].exchanges


def test_a_new_page_never_has_the_key_of_one_that_has_gone():
    assert len({copy.deepcopy(Session("echo")).key for _ in range(100)}) == 100


def test_headings_stand_above_several_models_only():
    session = Session("echo")
    assert (session.lanes, session.heading(0)) == ([0], "")
    session.models[1] = "parrot"
    assert (session.lanes, session.heading(1)) == ([0, 1], "parrot")


def test_streams_are_read_in_turns_until_all_have_ended():
    items = list(together({0: iter("abc"), 1: iter("x")}))
    assert items == [(0, "a"), (1, "x"), (0, "b"), (0, "c")]


def test_closing_closes_every_stream():
    closed = []

    def stream(name):
        try:
            while True:
                yield name
        finally:
            closed.append(name)

    both = together({0: stream("a"), 1: stream("b")})
    assert [next(both), next(both)] == [(0, "a"), (1, "b")]
    both.close()
    assert sorted(closed) == ["a", "b"]
