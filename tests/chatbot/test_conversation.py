"""A conversation as a value: every change gives a new one, and the model is told what stands."""

import json

import pytest

from chatbot.conversation import MAX_EXCHANGES, Conversation
from chatbot.dialog import Candidate, Message, Reply
from chatbot.strings import SENTENCES
from chatbot.turn import Turn

from .payloads import PAYLOADS


def turn(text="fine"):
    others = (Candidate(text, -0.1, (text,), ((1.0,),), 1), Candidate("or", -1, ("or",), ((1.0,),)))
    return Turn(text, Reply(text, "hi", ("hi",), (text,), ((1.0,),), others, 1, 0.5, seed=3))


def talk(*exchanges):
    conversation = Conversation()
    for message, answer in exchanges:
        conversation = conversation.say(message).answer(turn(answer))
    return conversation


TWO = talk(("one", "uno"), ("two", "dos"))


def texts(conversation):
    return [(each.message, each.turn and each.turn.text) for each in conversation.exchanges]


def test_the_growing_answer_is_one_answer():
    conversation = Conversation().say("one")
    for text in ("u", "un", "uno"):
        conversation = conversation.answer(turn(text))
    assert texts(conversation) == [("one", "uno")]
    assert len(conversation.exchanges[0].variants) == 1


def test_the_history_is_what_was_said_before_the_last_message():
    assert TWO.say("three").history() == [
        Message("user", "one"),
        Message("assistant", "uno"),
        Message("user", "two"),
        Message("assistant", "dos"),
    ]


def test_retry_keeps_the_earlier_answers():
    conversation = TWO.select(0).retry().answer(turn("deux"))
    assert texts(conversation)[-1] == ("two", "deux")
    assert [each.text for each in conversation.exchanges[-1].variants] == ["dos", "deux"]
    assert texts(conversation.show(0))[-1] == ("two", "dos")
    assert conversation.looked_at == 1


def test_a_retry_after_looking_at_an_earlier_answer_adds_to_the_end():
    conversation = TWO.retry().answer(turn("deux")).show(0).retry().answer(turn("zwei"))
    assert [each.text for each in conversation.exchanges[-1].variants] == ["dos", "deux", "zwei"]


def test_a_chosen_candidate_is_what_the_conversation_goes_on_from():
    conversation = TWO.choose(1)
    assert texts(conversation)[-1] == ("two", "or")
    assert conversation.current.turn.reply.reply_words == ("or",)
    assert conversation.say("three").history()[-1] == Message("assistant", "or")
    assert texts(conversation.choose(0)) == texts(TWO)


def test_a_candidate_of_an_earlier_reply_leaves_what_follows():
    assert texts(TWO.select(0).choose(1)) == [("one", "or"), ("two", "dos")]


def test_what_is_cut_is_forgotten():
    assert texts(TWO.keep(1)) == [("one", "uno")]
    assert TWO.keep(-1) == TWO.keep(0) == Conversation()


def test_a_new_message_is_what_is_looked_at():
    assert TWO.select(0).looked_at == 0
    assert TWO.select(0).say("three").looked_at == 2


def test_a_reply_that_was_stopped_before_its_first_word():
    assert texts(Conversation().say("one").settle()) == [("one", SENTENCES["en"]["stopped"])]
    assert texts(Conversation().say("你好").settle()) == [("你好", SENTENCES["zh"]["stopped"])]
    assert texts(TWO.retry().settle()) == texts(TWO)
    assert TWO.settle() == TWO


def test_an_answer_without_a_word_is_kept_nowhere():
    three = TWO.retry().answer(turn("deux")).retry()
    for conversation in (three.show(0).settle(), three.show(0).retry().settle().show(0)):
        last = conversation.exchanges[-1]
        assert [each.text for each in last.variants] == ["dos", "deux"] and last.shown == 0


def test_a_long_conversation_forgets_its_beginning():
    conversation = talk(*((str(i), "x") for i in range(MAX_EXCHANGES + 5)))
    assert len(conversation.exchanges) == MAX_EXCHANGES
    assert conversation.exchanges[0].message == "5"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda: TWO.select(2), "There is no exchange 2: there are 2."),
        (lambda: TWO.select(-1), "There is no exchange -1: there are 2."),
        (lambda: TWO.choose(2), "There is no candidate 2: the reply has 2."),
        (lambda: TWO.show(1), "There is no answer 1: there are 1."),
        (lambda: Conversation().show(0), "There is no answer 0: there are 0."),
        (lambda: Conversation().choose(0), "There is no reply yet"),
        (lambda: Conversation().retry(), "Nothing has been said yet."),
        (lambda: Conversation().settle(), "Nothing has been said yet."),
        (lambda: Conversation().say("a").answer(Turn("x")).choose(0), "There is no candidate 0"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        change()


def test_json_holds_every_answer_and_what_it_was_made_from():
    found = json.loads(TWO.retry().answer(turn("deux")).to_json("echo"))
    assert found["model"] == "echo"
    assert [each["message"] for each in found["exchanges"]] == ["one", "two"]
    answers = found["exchanges"][1]["answers"]
    assert [each["text"] for each in answers] == ["dos", "deux"]
    assert answers[0]["reply"]["alignment"] == {
        "rows": ["dos"],
        "columns": ["hi"],
        "weights": [[1.0]],
    }
    assert (answers[0]["reply"]["seed"], answers[0]["reply"]["plan"]) == (3, "")
    assert "你好" in Conversation().say("你好").to_json()


def test_markdown_reads_as_the_conversation():
    assert TWO.to_markdown("echo") == "# echo\n\n> one\n\nuno\n\n> two\n\ndos\n"


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_markdown_escapes_every_sign_of_markup(payload):
    text = Conversation().say(payload).to_markdown()
    unescaped = text.replace("\\\\", "")
    assert not any(
        char in "<>`*[]$" and unescaped[i - 1] != "\\" for i, char in enumerate(unescaped) if i > 1
    )
