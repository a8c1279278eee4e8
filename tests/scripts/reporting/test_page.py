"""The page needs nothing beside it, shows text as text, and is written whole or not at all."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from fairseq_plugins.folder import FolderError, replacing
from scripts.reporting import page
from scripts.reporting.section import Chart, Section, Table

FETCHED = {"src", "href", "srcset", "action", "poster", "background"}
EVIL = '<script>alert("1")</script>'


def make_section(name="one", rows=(("a", 1.5), ("b", 2))):
    figure = Figure(figsize=(4, 3))
    figure.subplots().set_title(EVIL)
    chart = Chart(f"{name}-chart", f'"seen" {EVIL}', figure)
    table = Table(EVIL, ["model", EVIL], rows, {1: "max"})
    data = {"nan": float("nan"), "list": [1, float("inf")], "text": EVIL}
    return Section(name, EVIL, [EVIL], [chart, table], data)


def write(out, *sections):
    with replacing(out, page.foreign) as built:
        page.write(built, EVIL, sections, {"model": EVIL}, {"more": 1})
    return (out / "index.html").read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Collects what the browser would fetch or run, and what it would show."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.shown, self.bold = set(), [], [], []
        self.images = []
        self.stack = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.stack.append(tag)
        told = dict(attributes)
        self.addresses += [told[name] for name in FETCHED & set(told)]
        if tag == "img":
            self.images.append(told)

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        self.shown.append(data)
        if "strong" in self.stack:
            self.bold.append(data)


def test_nothing_outside_is_asked_for(tmp_path):
    text = write(tmp_path / "out", make_section())
    reader = Reader(text)
    assert reader.tags.isdisjoint({"script", "link", "iframe", "object", "embed", "base"})
    assert all(address.startswith(("data:", "#")) for address in reader.addresses)
    assert "url(" not in text and "@import" not in text
    anchors = [address[1:] for address in reader.addresses if address.startswith("#")]
    assert anchors == ["one", "about"] and all(f'id="{anchor}"' in text for anchor in anchors)


def test_text_is_shown_as_text(tmp_path):
    reader = Reader(write(tmp_path / "out", make_section(rows=[(EVIL, 1), ("b", 2)])))
    assert sum(EVIL in text for text in reader.shown) == 10  # title, heading, contents ...


def test_figures_have_words_for_who_does_not_see_them_and_lie_in_files(tmp_path):
    [image] = Reader(write(tmp_path / "out", make_section())).images
    assert image["alt"] == f'{EVIL}. "seen" {EVIL}'
    assert sorted(path.name for path in (tmp_path / "out" / "figures").iterdir()) == [
        "one-chart.png",
        "one-chart.svg",
    ]
    assert (tmp_path / "out" / "figures" / "one-chart.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "cells, bold",
    [((1.5, 2), ["2"]), (("34.1 (32–36)", "9.9 (8–11)"), ["34.1 (32–36)"]), (("–", 3.0), ["3.0"])],
)
def test_the_best_cell_is_bold(tmp_path, cells, bold):
    section = make_section(rows=list(zip("ab", cells, strict=True)))
    found = Reader(write(tmp_path / "out", section)).bold
    assert [text.replace("\u2060", "") for text in found] == bold


def test_figures_of_one_name_do_not_overwrite_each_other(tmp_path):
    section = make_section()
    again = Section("two", "two", [], [section.parts[0], section.parts[0]], {})
    assert len(Reader(write(tmp_path / "out", again)).images) == 2
    assert len(list((tmp_path / "out" / "figures").glob("*.png"))) == 2


def test_numbers_are_json_that_every_reader_takes(tmp_path):
    write(tmp_path / "out", make_section())
    read = json.loads((tmp_path / "out" / "report.json").read_text(), parse_constant=pytest.fail)
    assert read["more"] == 1
    assert read["sections"]["one"] == {"nan": None, "list": [1, None], "text": EVIL}


def test_the_same_numbers_give_the_same_page(tmp_path):
    assert write(tmp_path / "a", make_section()) == write(tmp_path / "b", make_section())


def test_an_earlier_report_is_replaced_whole(tmp_path):
    out = tmp_path / "out"
    write(out, make_section("one"))
    write(out, make_section("two"))
    assert sorted(path.name for path in (out / "figures").iterdir())[0] == "two-chart.png"


def test_a_failure_leaves_everything_as_it_was(tmp_path):
    out = tmp_path / "out"
    before = write(out, make_section())
    for place in (out, tmp_path / "new"):
        with pytest.raises(ValueError, match="no name"):
            write(place, make_section(), make_section("No Name"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / "index.html").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("foreign", ["notes.txt", "figures/mine.txt"])
def test_foreign_files_are_never_deleted(tmp_path, foreign):
    out = tmp_path / "out"
    write(out, make_section())
    (out / foreign).touch()
    with pytest.raises(FolderError, match=f"out holds {Path(foreign).name}, which"):
        write(out, make_section())
    assert (out / foreign).exists()
