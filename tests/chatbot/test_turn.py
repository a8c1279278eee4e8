"""A turn has an answer whatever happens, and a failure leaves no trace in the conversation."""

import logging
import queue

import pytest

from chatbot.dialog import Candidate, Message, Reply, Settings
from chatbot.strings import SENTENCES
from chatbot.turn import Turn, answer


class Recorder:
    """Replies, after ``good`` partial ones raises, and remembers the dialogs."""

    def __init__(self, replies=("fi", "fine"), error=None):
        self.replies, self.error, self.dialogs = replies, error, []

    def reply(self, dialog, settings):
        self.dialogs.append(list(dialog))
        for text in self.replies:
            yield Reply(text)
        if self.error:
            raise self.error


def turns(responder, message, history=()):
    return list(answer(responder, message, list(history), Settings()))


def test_a_turn_grows_with_the_reply():
    assert [turn.text for turn in turns(Recorder(), " hi ")] == ["fi", "fine"]


def test_the_message_is_cleaned_before_it_is_answered():
    responder = Recorder()
    turns(responder, "\x1b h\u200bi\0 ")
    assert responder.dialogs == [[Message("user", "hi")]]


@pytest.mark.parametrize("message", ["", " ", "\u200b\ufeff", "\0\x1b"])
def test_an_empty_message_is_answered_without_the_model(message):
    responder = Recorder()
    assert [turn.text for turn in turns(responder, message)] == [SENTENCES["en"]["empty"]]
    assert responder.dialogs == []


def test_a_cut_message_says_so():
    assert turns(Recorder(), "x" * 10_000)[-1].notice == "cut"
    assert turns(Recorder(), "x" * 499 + " y")[-1].notice == "cut"
    assert turns(Recorder(), "hi" + " " * 3000 + "there")[-1].notice == "cut"
    for whole in ("x" * 500, "hi" + " " * 600 + "there", " \u200b" * 600 + "hi" + "\n" * 600):
        assert turns(Recorder(), whole)[-1].notice is None


@pytest.mark.parametrize(
    "responder",
    [
        Recorder((), RuntimeError("secret /etc/path")),
        Recorder(("half",), MemoryError()),
        Recorder(()),
    ],
    ids=["at once", "in the middle", "no reply"],
)
@pytest.mark.parametrize(("message", "language"), [("hi", "en"), ("你好", "zh")])
def test_a_failure_is_a_kind_sentence_with_a_reference_in_the_log(
    responder, message, language, caplog
):
    with caplog.at_level(logging.ERROR):
        last = turns(responder, message)[-1]
    assert last.text == SENTENCES[language]["failed"]
    assert (last.notice, last.reply) == ("failed", None)
    assert last.reference and last.reference in caplog.text
    assert "secret" not in last.text


def test_a_closed_conversation_is_no_failure(caplog):
    generator = answer(Recorder(), "hi", [], Settings())
    next(generator)
    generator.close()
    assert caplog.text == ""


@pytest.mark.parametrize(("message", "language"), [("hi", "en"), ("你好", "zh")])
def test_too_much_to_do_is_said_and_is_no_failure(message, language, caplog):
    last = turns(Recorder((), queue.Full()), message)[-1]
    assert (last.text, last.notice, last.reply) == (SENTENCES[language]["busy"], "busy", None)
    assert last.failed and caplog.text == ""


def test_a_chosen_candidate_brings_its_own_alignment():
    other = Candidate("or", -1.0, ("or",), ((0.5, 0.5),), 3, unfinished=True)
    whole = Reply("fine", "hi you", ("hi", "you"), ("fine",), ((1.0, 0.0),), (other,), 1, 0.5)
    chosen = Turn("fine", whole, "cut").choose(0)
    assert (chosen.text, chosen.chosen, chosen.notice) == ("or", 0, "cut")
    assert (chosen.reply.reply_words, chosen.reply.alignment) == (("or",), ((0.5, 0.5),))
    assert chosen.reply.source_words == ("hi", "you")
    assert (chosen.reply.tokens, chosen.reply.unfinished) == (3, True)


@pytest.mark.parametrize("turn", [Turn("x"), Turn("x", Reply("x"))])
def test_a_candidate_that_is_not_there_is_refused_in_a_sentence(turn):
    with pytest.raises(ValueError, match="There is no candidate 0: the reply has 0."):
        turn.choose(0)
