"""What stands beside the conversation is well-formed, escaped and says what the reply says."""

import math
from html.parser import HTMLParser

import pytest

from chatbot import view
from chatbot.dialog import SEPARATOR, Candidate, Reply
from chatbot.strings import LABELS

from .payloads import PAYLOADS

VOID = {"rect", "stop"}
ALLOWED = {
    *("div", "table", "thead", "tbody", "tr", "th", "td", "span", "p", "ol", "li", "i", "b"),
    *("svg", "defs", "lineargradient", "g", "h1", "h2", *VOID),
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


def reply(columns=("how", "are"), rows=("i", "am"), alignment=((0.75, 0.25), (0.1, 0.9))):
    candidates = (Candidate("i am", math.log(0.5)), Candidate("you are", math.log(0.25)))
    return Reply("i am", "how are", columns, rows, alignment, candidates, 2, 0.5)


def test_a_cell_is_the_weight_of_a_column_in_a_row():
    page = Reader(view.heat_map(reply()))
    assert page.cells() == [[75.0, 25.0], [10.0, 90.0]]
    tips = [
        attributes["data-tip"] for tag, attributes in page.attributes if "data-tip" in attributes
    ]
    assert tips == ["how  75 %", "are  25 %", "how  10 %", "are  90 %"]
    assert [text for text in page.texts if text in ("how", "are", "i", "am")] == [
        *("how", "are"),
        *("i", "am"),
    ]


def test_what_came_before_the_message_is_one_column():
    columns = ("one", SEPARATOR, "two", SEPARATOR, "three", "four")
    page = Reader(view.heat_map(reply(columns, ("x",), ((0.1, 0.1, 0.1, 0.1, 0.4, 0.2),))))
    assert page.cells() == [[pytest.approx(40.0), 40.0, 20.0]]
    assert LABELS["zh"]["attention_past"] in page.texts and "one" not in page.texts


def test_a_long_alignment_is_cut_and_each_row_still_sums_to_one():
    size = 100
    words = tuple(f"w{i}" for i in range(size))
    page = Reader(view.heat_map(reply(words, words, ((1 / size,) * size,) * size)))
    cells = page.cells()
    assert len(cells) == view.MAX_ROWS and len(cells[0]) == view.MAX_COLUMNS + 1
    assert sum(cells[0]) == pytest.approx(100)
    assert LABELS["en"]["attention_cut"] in page.texts


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (None, "attention_hint"),
        (Reply("hm"), "attention_hint"),
        (reply(alignment=None), "attention_none"),
    ],
)
def test_where_there_is_no_alignment_a_sentence_says_why(given, key):
    texts = Reader(view.heat_map(given)).texts
    assert LABELS["en"][key] in texts and LABELS["zh"][key] in texts


def test_candidates_show_their_probability():
    page = Reader(view.candidates(reply()))
    bars = [attributes["style"] for tag, attributes in page.attributes if tag == "i"]
    assert bars == ["width:50.0%", "width:25.0%"]
    assert "50 %" in page.texts and "you are" in page.texts
    assert LABELS["en"]["candidates_hint"] in Reader(view.candidates(None)).texts


def test_a_score_above_zero_overflows_no_bar():
    assert "width:100.0%" in view.candidates(Reply("x", candidates=(Candidate("x", 3.0),)))


def test_facts():
    texts = "".join(Reader(view.facts(reply())).texts)
    assert texts == "0.50 s秒2 tokens词元4 tokens/s词元/秒"
    assert "–" in view.facts(None)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
@pytest.mark.parametrize("draw", [view.heat_map, view.candidates, view.facts])
def test_no_text_becomes_markup(draw, payload):
    given = Reply(
        payload, payload, (payload, "b"), (payload,), ((0.5, 0.5),), (Candidate(payload, -1.0),), 3
    )
    page = Reader(draw(given))
    assert set(page.tags) <= ALLOWED
    assert not any(name.startswith("on") or name in ("src", "href") for name in page.names)
    if draw is not view.facts:
        assert payload in page.texts


def test_the_models_description_is_escaped():
    page = Reader(view.header("<script>x</script>"))
    assert set(page.tags) <= ALLOWED and "<script>x</script>" in page.texts
