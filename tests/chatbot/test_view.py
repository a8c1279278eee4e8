"""What stands beside the conversation is well-formed, escaped and says what the reply says."""

import math
from html.parser import HTMLParser

import pytest

from chatbot import view
from chatbot.conversation import Conversation
from chatbot.dialog import SEPARATOR, Candidate, Card, Reply
from chatbot.strings import LABELS
from chatbot.turn import Turn

from .payloads import PAYLOADS

VOID = {"rect", "stop"}
ALLOWED = {
    *("div", "table", "thead", "tbody", "tr", "th", "td", "span", "p", "ol", "li", "i", "b"),
    *("svg", "defs", "lineargradient", "g", "h1", "h2", "h3", "dl", "dt", "dd", "button", *VOID),
}


class Reader(HTMLParser):
    """Collects tags, attributes and texts; refuses what was not closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.names, self.attributes, self.texts = [], [], set(), [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.names |= {name for name, _ in attributes}
        self.attributes.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def cells(self):
        rows, row = [], None
        for tag, attributes in self.attributes:
            if tag == "tr":
                row = []
                rows.append(row)
            elif tag == "td" and "style" in attributes:
                row.append(float(attributes["style"].removeprefix("--w:").removesuffix("%")))
        return [row for row in rows if row]


def reply(columns=("how", "are"), rows=("i", "am"), alignment=((0.75, 0.25), (0.1, 0.9)), **more):
    candidates = (
        Candidate("i am", math.log(0.5), tokens=2, total=math.log(0.1)),
        Candidate("you are", math.log(0.25), ("you",), ((1.0,),), 2),
    )
    source = " ".join(columns)
    return Reply("i am", source, columns, rows, alignment, candidates, 2, 0.5, 0.125, **more)


def talk(given=None):
    """A conversation of one exchange, answered with ``given``."""
    return Conversation().say("hi").answer(Turn(given.text if given else "", given))


def test_messages_are_two_bubbles_an_exchange():
    conversation = talk(reply()).say("and you?")
    assert view.messages(conversation) == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "i am"},
        {"role": "user", "content": "and you?"},
        {"role": "assistant", "content": view.WAITING},
    ]


def test_a_cell_is_the_weight_of_a_column_in_a_row():
    page = Reader(view.attention(talk(reply())))
    assert page.cells() == [[75.0, 25.0], [10.0, 90.0]]
    tips = [
        attributes["data-tip"] for tag, attributes in page.attributes if "data-tip" in attributes
    ]
    assert tips == ["how  75 %", "are  25 %", "how  10 %", "are  90 %"]
    assert [text for text in page.texts if text in ("how", "are", "i", "am")] == [
        *("how", "are"),  # what the model was given
        *("how", "are"),
        *("i", "am"),
    ]


def test_words_that_light_up_are_as_many_as_cells_in_a_row():
    columns = ("one", SEPARATOR, "two", "three")
    page = Reader(view.attention(talk(reply(columns, ("x",), ((0.1, 0.2, 0.3, 0.4),)))))
    classes = [attributes.get("class") for _, attributes in page.attributes]
    assert classes.count("word past") + classes.count("word") == len(page.cells()[0]) == 3


def test_what_came_before_the_message_is_one_column():
    columns = ("one", SEPARATOR, "two", SEPARATOR, "three", "four")
    weights = ((0.1, 0.1, 0.1, 0.1, 0.4, 0.2),)
    page = Reader(view.attention(talk(reply(columns, ("x",), weights))))
    assert page.cells() == [[pytest.approx(40.0), 40.0, 20.0]]
    assert LABELS["zh"]["attention_past"] in page.texts


def test_what_the_model_was_given_is_shown_turn_by_turn():
    source = f"<user> one {SEPARATOR} <bot> two {SEPARATOR} <user> three"
    given = Reply("x", source, candidates=(Candidate("x", -1.0),), attends=False)
    page = Reader(view.attention(talk(given)))
    turns = [text.strip() for text in page.texts if text.strip() in ("one", "two", "three")]
    assert turns == ["one", "two", "three"]
    assert page.texts.count("<user>") == 2 and page.texts.count("<bot>") == 1
    assert sum(each.get("class", "").startswith("said") for _, each in page.attributes) == 3


def test_a_long_alignment_is_cut_and_each_row_still_sums_to_one():
    size = 100
    words = tuple(f"w{i}" for i in range(size))
    page = Reader(view.attention(talk(reply(words, words, ((1 / size,) * size,) * size))))
    cells = page.cells()
    assert len(cells) == view.MAX_ROWS and len(cells[0]) == view.MAX_COLUMNS + 1
    assert sum(cells[0]) == pytest.approx(100)
    assert LABELS["en"]["attention_cut"] in page.texts


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (Conversation(), "attention_hint"),
        (talk(), "attention_hint"),
        (talk(reply(alignment=None, attends=False)), "attention_none"),
        (talk(Reply("hm", "hi", attends=False)), "attention_none"),
        (talk(Reply("hm", "hi")), "attention_wait"),
        (talk(Reply("only a little", "hi", kind="fallback")), "attention_fallback"),
    ],
    ids=["nothing said", "no answer", "no attention", "streams", "begins", "fallback"],
)
def test_where_there_is_no_alignment_a_sentence_says_why(given, key):
    texts = Reader(view.attention(given)).texts
    assert LABELS["en"][key] in texts and LABELS["zh"][key] in texts


def test_a_model_that_has_read_no_word_has_no_heat_map():
    assert "heat" not in view.attention(talk(reply((), ("i", "am"), ((), ()))))


def test_the_panel_says_which_reply_it_is_about():
    conversation = talk(reply()).say("two").answer(Turn("i am", reply()))
    assert 'data-shown="1"' in view.attention(conversation)
    assert 'data-shown="0"' in view.attention(conversation.select(0))


def test_candidates_show_their_probability_and_can_be_chosen():
    page = Reader(view.candidates(talk(reply())))
    bars = [attributes["style"] for tag, attributes in page.attributes if tag == "i"]
    assert bars == ["width:50.0%", "width:25.0%"]
    assert "50 %" in page.texts and "you are" in page.texts
    buttons = [attributes for tag, attributes in page.attributes if tag == "button"]
    assert [each["data-act"] for each in buttons] == ["choose:0", "choose:1"]
    assert [each["aria-pressed"] for each in buttons] == ["true", "false"]
    titles = [each["title"] for _, each in page.attributes if "title" in each]
    assert titles == ["p = 0.1", ""]  # with the end, which is no token of the reply
    assert LABELS["en"]["candidates_hint"] in Reader(view.candidates(Conversation())).texts


def test_the_chosen_candidate_is_marked():
    page = Reader(view.candidates(talk(reply()).choose(1)))
    pressed = [each.get("aria-pressed") for tag, each in page.attributes if tag == "button"]
    assert pressed == ["false", "true"]


def test_a_reranked_list_shows_what_it_is_sorted_by():
    given = Reply("x", candidates=(Candidate("x", -1.0, reranked=-2.345), Candidate("y", -1.0)))
    texts = Reader(view.candidates(talk(given))).texts
    assert [text for text in texts if "2.3" in text] == [" -2.35"]
    assert LABELS["en"]["reranked"] not in Reader(view.candidates(talk(reply()))).texts


def test_the_plan_is_shown_where_there_is_one():
    texts = Reader(view.attention(talk(reply(plan="<PETS> dog")))).texts
    assert "<PETS> dog" in texts and LABELS["zh"]["plan"] in texts
    assert LABELS["en"]["plan"] not in Reader(view.attention(talk(reply()))).texts


def test_a_score_above_zero_overflows_no_bar():
    given = Reply("x", candidates=(Candidate("x", 3.0, tokens=1),))
    assert "width:100.0%" in view.candidates(talk(given))


def test_facts():
    texts = "".join(Reader(view.facts(talk(reply(seed=7)))).texts)
    assert texts == (
        "0.50 s秒first token首词元 125 ms毫秒2 tokens词元4 tokens/s词元/秒Seed随机种子 7"
    )
    assert "–" in view.facts(Conversation())


def test_several_answers_to_a_message_are_buttons():
    conversation = talk(reply()).retry().answer(Turn("or", reply()))
    buttons = [
        attributes
        for tag, attributes in Reader(view.facts(conversation)).attributes
        if tag == "button"
    ]
    assert [each["data-act"] for each in buttons] == ["show:0", "show:1"]
    assert [each["aria-pressed"] for each in buttons] == ["false", "true"]
    assert "button" not in view.facts(talk(reply()))


def test_a_card_shows_what_is_known_and_nothing_else():
    scores = (("perplexity", "3"), ("other", "4"))
    card = Card("chat", "s2s: GRU", 1_640_000, 3000, data="dialogues", scores=scores)
    texts = Reader(view.model_card(card)).texts
    assert {"chat", "s2s: GRU", "1,640,000", "3,000", "dialogues", "other", "4"} <= set(texts)
    assert LABELS["zh"]["perplexity"] in texts
    assert LABELS["en"]["card_licence"] not in texts


def test_a_heading_names_the_model_where_there_are_two():
    for draw in (view.attention, view.candidates, view.facts):
        assert "parrot" in Reader(draw(talk(reply()), "parrot")).texts
        assert "h3" not in Reader(draw(talk(reply()))).tags


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
@pytest.mark.parametrize("draw", [view.attention, view.candidates, view.facts])
def test_no_text_becomes_markup(draw, payload):
    given = Reply(
        payload,
        payload,
        (payload, "b"),
        (payload,),
        ((0.5, 0.5),),
        (Candidate(payload, -1.0),),
        3,
        plan=payload,
    )
    page = Reader(draw(talk(given), payload))
    assert set(page.tags) <= ALLOWED
    assert not any(name.startswith("on") or name in ("src", "href") for name in page.names)
    assert payload in page.texts


def test_the_models_description_is_escaped():
    card = Card("<script>x</script>", "<b>", data="<i>", licence="<i>", scores=(("<i>", "<i>"),))
    for html in (view.header([card]), view.model_card(card)):
        page = Reader(html)
        assert set(page.tags) <= ALLOWED and "<script>x</script>" in page.texts
