"""A turn has an answer whatever happens, and a failure leaves no trace in the conversation."""

import logging

import pytest

from chatbot.dialog import Message, Reply, Settings
from chatbot.strings import SENTENCES
from chatbot.turn import answer


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
    assert turns(Recorder(), "x" * 500)[-1].notice is None


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


def test_what_was_said_without_the_model_is_not_part_of_the_dialog():
    responder = Recorder()
    history = [
        Message("user", "one"),
        Message("assistant", "fine"),
        Message("user", "boom"),
        Message("assistant", SENTENCES["en"]["failed"]),
    ]
    turns(responder, "two", history)
    assert [message.text for message in responder.dialogs[0]] == ["one", "fine", "two"]
