"""The page's handlers without a browser: what each click does to the conversation."""

import json
from contextlib import closing

import pytest

pytest.importorskip("gradio")

import gradio as gr  # noqa: E402

from chatbot.bounds import Bounds  # noqa: E402
from chatbot.dialog import Settings  # noqa: E402
from chatbot.page_events import Events  # noqa: E402
from chatbot.page_layout import SAMPLES, Layout  # noqa: E402
from chatbot.page_session import Session  # noqa: E402
from chatbot.strings import LABELS, LANGUAGES, SENTENCES  # noqa: E402

from .echo import ANSWERS, EchoResponder, EchoShelf  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pandas, in gradio


WHO = "198.51.100.7"  # an address of nobody (RFC 5737)


class Visitor:
    """Somebody at a page without a browser."""

    def __init__(self, shelf=None, settings=Settings(), bounds=Bounds(requests=0)):
        with gr.Blocks():
            self.layout = Layout(shelf or EchoShelf(), settings)
        self.events = Events(self.layout, shelf or EchoShelf(), bounds)
        components = self.layout.controls.components
        self.session = Session(self.layout.names[0])
        self.data = {each: each.value for each in components.values()}
        self.data |= {self.layout.session: self.session, self.layout.box: ""}

    def set(self, **values):
        for name, value in values.items():
            self.data[self.layout.controls.components[name]] = value

    def say(self, text):
        self.data[self.layout.box] = text
        return list(self.events.say(self.data, WHO))

    def compare(self, name="parrot"):
        self.data[self.layout.compare] = name
        return self.events.compare(self.data)

    def said(self, lane=0):
        talk = self.session.conversations[lane]
        return [(each.message, each.turn and each.turn.text) for each in talk.exchanges]


@pytest.fixture
def visitor():
    return Visitor()


@pytest.fixture(autouse=True)
def toasts(monkeypatch):
    """The sentences of the toasts that were shown."""
    shown = []
    for kind in ("Info", "Warning"):
        monkeypatch.setattr(gr, kind, lambda sentence, **options: shown.append(sentence))
    return shown


def test_a_message_empties_the_box_at_once_and_frees_it_at_the_end(visitor):
    first, *rest = visitor.say("hello")
    box = visitor.layout.box
    assert (first[box]["value"], first[box]["submit_btn"], first[box]["stop_btn"]) == (
        *("", False),
        True,
    )
    assert not any(box in each for each in rest)  # somebody may have begun to write
    free = visitor.events.free(visitor.data)[box]
    assert (free["submit_btn"], free["stop_btn"]) == (True, False) and "value" not in free
    assert visitor.said() == [("hello", ANSWERS["en"])]


def test_the_heat_map_grows_with_the_reply_and_candidates_come_with_the_end(visitor):
    first, *pictures = visitor.say("hello slow")
    lane = visitor.layout.lanes[0]
    assert lane.attention not in first  # the last reply's stays until the first word
    rows = [each[lane.attention].count('tabindex="0"') for each in pictures]
    assert rows == sorted(rows) and len(set(rows)) > 5
    choices = ["data-act" in each[lane.candidates] for each in pictures]
    assert choices == [False] * (len(rows) - 1) + [True]


def test_a_stopped_reply_keeps_what_there_is_and_the_late_rest_is_dropped(visitor):
    visitor.data[visitor.layout.box] = "hello slow"
    with closing(visitor.events.say(visitor.data, WHO)) as pictures:
        next(pictures)
        next(pictures)
        next(pictures)
        visitor.events.stop(visitor.data)
        stopped = visitor.said()
        assert list(pictures) == []
        assert visitor.events.free(visitor.data) == visitor.events.revive()
    assert visitor.said() == stopped
    assert ANSWERS["en"].startswith(stopped[0][1]) and 0 < len(stopped[0][1]) < 30
    visitor.say("again")
    assert visitor.said()[1] == ("again", ANSWERS["en"])


def test_an_overtaken_reply_leaves_the_box_to_the_one_that_overtook_it(visitor):
    visitor.data[visitor.layout.box] = "one slow"
    with closing(visitor.events.say(visitor.data, WHO)) as first:
        next(first)
        with closing(visitor.events.retry(visitor.data, WHO, 0)) as second:
            next(second)
            assert list(first) == []
            assert visitor.events.free(visitor.data) == {visitor.layout.box: gr.skip()}
            list(second)
    assert visitor.events.free(visitor.data) == visitor.events.revive()


def test_a_reply_stopped_at_once_is_a_sentence(visitor):
    visitor.data[visitor.layout.box] = "slow"
    with closing(visitor.events.say(visitor.data, WHO)) as pictures:
        next(pictures)
        visitor.events.stop(visitor.data)
    assert visitor.said() == [("slow", SENTENCES["en"]["stopped"])]


def test_a_reply_overtaken_before_its_first_word_is_a_sentence(visitor):
    visitor.data[visitor.layout.box] = "slow"
    with closing(visitor.events.say(visitor.data, WHO)) as pictures:
        next(pictures)
        list(visitor.events.example(visitor.data, WHO, 0))
        assert list(pictures) == []
    [overtaken, (example, answered)] = visitor.said()
    assert overtaken == ("slow", SENTENCES["en"]["stopped"])
    assert example == SAMPLES[0] and answered


def test_clear_in_mid_stream_leaves_nothing(visitor):
    visitor.data[visitor.layout.box] = "slow"
    with closing(visitor.events.say(visitor.data, WHO)) as pictures:
        next(pictures)
        visitor.events.clear(visitor.data)
        assert list(pictures) == []
        assert visitor.events.free(visitor.data) == visitor.events.revive()
    assert visitor.said() == []


@pytest.mark.parametrize("message", ["boom", "crack it"])
def test_a_failure_is_said_and_the_next_message_is_answered(visitor, toasts, message):
    visitor.say(message)
    assert visitor.said() == [(message, SENTENCES["en"]["failed"])]
    assert "just go on talking" in toasts[0] and "secret" not in toasts[0]
    visitor.say("hello")
    assert visitor.said()[1] == ("hello", ANSWERS["en"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_toasts_are_in_the_language_of_the_page(visitor, toasts, language):
    visitor.events.switch(visitor.data, language)
    visitor.say("boom")
    visitor.say("x" * 900)
    visitor.say("\u200b")
    start = LABELS[language]["failed"].split("{")[0]
    cut = LABELS[language]["cut"].format(limit=500)
    assert toasts[0].startswith(start)
    assert toasts[1:] == [cut, SENTENCES[language]["empty"]]
    assert len(visitor.said()) == 2


def test_retry_draws_another_answer_and_keeps_the_first(visitor):
    visitor.say("hello")
    visitor.set(seed=41)
    list(visitor.events.retry(visitor.data, WHO, 0))
    variants = visitor.session.conversations[0].exchanges[0].variants
    assert [each.reply.seed for each in variants] == [None, 42]
    visitor.events.act(visitor.data, 0, "show:0")
    assert visitor.session.conversations[0].exchanges[0].shown == 0


def test_undo_takes_the_message_back_into_the_box(visitor):
    visitor.say("one")
    visitor.say("two")
    updates = visitor.events.undo(visitor.data, 0)
    assert updates[visitor.layout.box] == "two"
    assert [message for message, _ in visitor.said()] == ["one"]
    visitor.events.undo(visitor.data, 0)
    assert visitor.events.undo(visitor.data, 0)  # once too often
    assert visitor.said() == []


def test_an_edited_message_cuts_what_followed_and_is_answered(visitor):
    for text in ("one", "two", "three"):
        visitor.say(text)
    list(visitor.events.edit(visitor.data, WHO, 0, 2, "你好 &lt;b>"))
    assert visitor.said() == [("one", ANSWERS["en"]), ("你好 <b>", ANSWERS["zh"])]


@pytest.mark.parametrize(
    ("index", "text"), [(9, "x"), (-4, "x"), (None, "x"), ([0, 1], "x"), (0, " "), (0, None)]
)
def test_an_edit_that_makes_no_sense_changes_nothing(visitor, index, text):
    visitor.say("one")
    list(visitor.events.edit(visitor.data, WHO, 0, index, text))
    assert visitor.said() == [("one", ANSWERS["en"])]


def test_a_chosen_candidate_stands_in_the_conversation(visitor):
    visitor.say("hello")
    updates = visitor.events.act(visitor.data, 0, "choose:1")
    lane = visitor.layout.lanes[0]
    assert updates[lane.chat][1]["content"] == ANSWERS["en"].lower()
    assert updates[lane.candidates].index('aria-pressed="true"') > updates[lane.candidates].index(
        'data-act="choose:1"'
    )


@pytest.mark.parametrize("act", ["choose:99", "choose:-1", "show:7", "drop:1", "", None, "choose"])
def test_a_forged_click_changes_nothing(visitor, act):
    visitor.say("hello")
    before = visitor.said()
    visitor.events.act(visitor.data, 0, act)
    assert visitor.said() == before


def test_an_earlier_reply_can_be_looked_at_again(visitor):
    visitor.say("first question")
    visitor.say("second")
    attention = visitor.layout.lanes[0].attention
    updates = visitor.events.select(visitor.data, 0, 1)
    assert 'data-shown="0"' in updates[attention] and "question" in updates[attention]
    assert 'data-shown="1"' in visitor.events.select(visitor.data, 0, 2)[attention]
    assert visitor.events.select(visitor.data, 0, 77) and visitor.events.select(
        visitor.data, 0, None
    )


def test_two_models_answer_the_same_message_each_in_its_conversation(visitor):
    visitor.say("one")
    updates = visitor.compare()
    second = visitor.layout.lanes[1]
    assert updates[second.column]["visible"] and updates[second.card]["visible"]
    assert "parrot" in updates[visitor.layout.header]
    pictures = visitor.say("two slow")
    assert any(second.attention in each for each in pictures[1:-1])
    assert visitor.said(0) == [("one", ANSWERS["en"]), ("two slow", ANSWERS["en"])]
    assert visitor.said(1) == [("two slow", "Well: " + ANSWERS["en"])]
    list(visitor.events.edit(visitor.data, WHO, 0, 0, "new"))
    assert visitor.said(0) == [("new", ANSWERS["en"])]
    assert visitor.said(1) == [("new", "Well: " + ANSWERS["en"])]
    updates = visitor.compare("")
    assert not updates[second.column]["visible"] and visitor.said(1) == []


def test_another_model_answers_once_it_is_picked(visitor):
    visitor.data[visitor.layout.picker] = "parrot"
    updates = visitor.events.pick(visitor.data)
    assert "parrot" in updates[visitor.layout.header]
    visitor.say("hello")
    assert visitor.said() == [("hello", "Well: " + ANSWERS["en"])]


@pytest.mark.parametrize("name", ["../../etc", "nobody", 7])
def test_an_unknown_model_leaves_the_one_that_is_there(visitor, toasts, name):
    visitor.data[visitor.layout.picker] = name
    updates = visitor.events.pick(visitor.data)
    assert updates[visitor.layout.picker] == "echo"
    assert toasts == [LABELS["en"]["unloadable"]]
    visitor.say("hello")
    assert visitor.said() == [("hello", ANSWERS["en"])]


def test_a_lone_model_leaves_nothing_to_pick():
    layout = Visitor(EchoShelf(EchoResponder())).layout
    assert not layout.picker.visible and not layout.compare.visible


@pytest.mark.parametrize("index", [0, len(SAMPLES) - 1])
def test_examples_are_messages(visitor, index):
    list(visitor.events.example(visitor.data, WHO, index))
    assert visitor.said()[0][0] == SAMPLES[index]
    assert list(visitor.events.example(visitor.data, WHO, 99)) == []


@pytest.mark.parametrize("values", [{"seed": -1}, {"min_length": 40, "max_length": 10}])
def test_settings_that_cannot_be_are_said_and_nothing_is_sent(visitor, toasts, values):
    visitor.set(**values)
    visitor.say("hello")
    assert toasts[0].startswith(LABELS["en"]["wrong"].split("{")[0])
    assert visitor.said() == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"min_length": 50, "max_length": 10}, "最小长度（50）大于最大长度（10）。"),
        ({"seed": -1}, "“随机种子”应为 0 到 4294967295 之间的数。"),
        ({"mode": "dance"}, ""),  # forged
    ],
)
def test_what_is_wrong_with_the_settings_is_said_in_the_language(visitor, toasts, values, reason):
    visitor.events.switch(visitor.data, "zh")
    visitor.set(**values)
    visitor.say("hello")
    assert toasts == [LABELS["zh"]["wrong"].format(reason=reason)]


def test_new_pages_of_an_address_are_counted_together(toasts):
    visitor = Visitor(bounds=Bounds(requests=2))
    for _ in range(3):
        visitor.data[visitor.layout.session] = Session("echo")
        visitor.say("hello")
    assert toasts == [LABELS["en"]["often"]]
    visitor.data[visitor.layout.box] = "hello"
    assert list(visitor.events.say(visitor.data, "198.51.100.8"))


def test_an_open_page_is_counted_wherever_it_asks_from(visitor, toasts):
    visitor = Visitor(bounds=Bounds(requests=2))
    visitor.data[visitor.layout.box] = "hello"
    for address in ("198.51.100.7", "198.51.100.8", "198.51.100.9"):
        list(visitor.events.say(visitor.data, address))
    assert toasts == [LABELS["en"]["often"]] and len(visitor.said()) == 2


def test_the_controls_are_read_as_settings(visitor):
    visitor.set(mode="sampling", temperature=0.4, seed=5, memory=False, fallback=False)
    found = visitor.events._settings(visitor.data)
    expected = Settings(mode="sampling", temperature=0.4, seed=5, turns=0, fallback=False)
    assert found == expected


def test_the_controls_show_the_settings_they_were_given():
    given = Settings(mode="beam", beam=3, topk=7, turns=4, min_length=2, seed=9, diversity=0.5)
    visitor = Visitor(settings=given)
    assert visitor.events._settings(visitor.data) == given


def test_a_download_is_a_file_with_everything(visitor):
    visitor.say("你好")
    file = json.loads(visitor.events.download(visitor.data, 0, "json"))
    assert file["name"] == "conversation.json"
    assert json.loads(file["text"])["exchanges"][0]["message"] == "你好"
    file = json.loads(visitor.events.download(visitor.data, 0, "md"))
    assert file["type"] == "text/markdown" and ANSWERS["zh"] in file["text"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_switch_names_everything_that_gradio_draws(visitor, language):
    updates = visitor.events.switch(visitor.data, language)
    names = {each.get("label") or each.get("value") for each in updates.values()}
    expected = {"attention", "candidates", "settings", "model", "compare", "message", "mode"}
    expected |= {"precise", "temperature", "topk", "topp", "seed", "memory", "turns", "fallback"}
    expected |= {"no_repeat_ngram", "min_length", "max_length", "diversity", "samples"}
    assert {LABELS[language][key] for key in expected} <= names
    assert visitor.session.language == language
    visitor.events.switch(visitor.data, "xx")
    assert visitor.session.language == language


def test_a_page_tells_its_language_when_it_opens(visitor):
    visitor.data[visitor.layout.arrival] = "zh"
    updates = visitor.events.arrive(visitor.data)
    assert updates[visitor.layout.box]["placeholder"] == LABELS["zh"]["placeholder"]
    assert visitor.session.language == "zh"
