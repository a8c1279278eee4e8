"""Every control of the page in Chromium; the console and the network stay quiet.

Skipped where Playwright or Chromium is missing. Watches what the page relies on in Gradio.
"""

import json
import re
from pathlib import Path

import pytest

from chatbot.strings import EXAMPLES, LABELS

from .browsing import DESKTOP, PHONE, expect
from .echo import ANSWERS

pytestmark = pytest.mark.browser

EN, ZH = LABELS["en"], LABELS["zh"]
SHOWN = {"title", "attention", "candidates", "settings", "model", "mode", "memory", "turns", "read"}
SHOWN |= {"mode_greedy", "samples", "fallback", "precise", "attention_axes", "compare", "first"}
MODAL = ("length_penalty", "temperature", "topk", "topp", "seed")  # controls of some modes only
WEIGHT = "word => parseFloat(getComputedStyle(word).getPropertyValue('--w'))"


def test_an_exchange_in_english(open_page):
    page = open_page(color_scheme="light")
    assert page.page.title() == EN["title"]
    assert page.say("hello, how are you?") == ANSWERS["en"]
    assert page.users.all_inner_texts() == ["hello, how are you?"]
    assert page.box.get_attribute("placeholder") == EN["placeholder"]
    cells = page.page.locator("#attention tbody td[data-tip]")
    assert cells.count() == 9 * 4 and cells.first.is_visible()
    cells.first.hover()
    tip = cells.first.evaluate("cell => getComputedStyle(cell, '::after').content")
    assert re.search(r"hello  \d", tip)
    assert "tokens/s" in page.facts.inner_text() and "first token" in page.facts.inner_text()
    page.tab(EN["model"])
    assert "1,640,000" in page.page.locator("#card").inner_text()


def test_an_exchange_in_chinese(open_page):
    page = open_page("zh-CN", color_scheme="dark")
    assert page.say("你好呀！") == ANSWERS["zh"]
    for key in ("candidates", "settings", "model", "attention"):
        page.tab(ZH[key])
        body = page.page.locator("body").inner_text()
        assert not [key for key, label in EN.items() if key in SHOWN and label in body]
    assert all(ZH[key] in body for key in ("title", "attention_axes", "read", "first"))
    assert page.box.get_attribute("placeholder") == ZH["placeholder"]
    assert page.page.locator("#talk button[aria-label='重试']").count() == 1


def test_hovering_a_reply_word_lights_up_what_it_looked_at(open_page):
    page = open_page()
    page.say("hello you there")
    heads = page.page.locator("#attention tbody th")
    words = page.page.locator("#attention .turns .word")
    assert words.all_inner_texts() == ["hello", "you", "there"]

    def weights():
        return [float(each.evaluate(WEIGHT)) for each in words.all()]

    heads.first.hover()
    assert weights()[0] == max(weights()) > 60
    heads.last.hover()
    assert weights()[2] == max(weights()) > 60
    background = words.last.evaluate("word => getComputedStyle(word).backgroundColor")
    page.page.locator("#attention tbody td[data-tip]").first.hover()
    assert weights()[0] == max(weights())
    page.box.hover()
    dark = words.last.evaluate("word => getComputedStyle(word).backgroundColor")
    assert background != dark
    heads.nth(3).focus()  # by keyboard or finger
    assert page.page.locator("#attention .lit").count() == 1


def test_the_switch_changes_everything_and_is_remembered(open_page):
    page = open_page()
    page.say("hello")
    page.page.locator("#language").click()
    page.page.get_by_role("tab", name=ZH["settings"]).wait_for()
    expect(page.box).to_have_attribute("placeholder", ZH["placeholder"])
    page.tab(ZH["settings"])
    body = page.page.locator("body")
    for key in ("mode", "mode_greedy", "samples", "turns", "memory", "precise", "fallback"):
        expect(body).to_contain_text(ZH[key])
    for tab in ("attention", "candidates", "settings", "model"):
        page.tab(ZH[tab])
        text = body.inner_text()
        assert not [key for key, label in EN.items() if key in SHOWN and label in text]
    with page.page.expect_response(lambda response: "/queue/join" in response.url):
        page.press("重试")
    expect(page.bots).to_have_count(1)
    page.idle()
    page.page.wait_for_timeout(500)  # the page shows that it works a moment after it was asked
    page.idle()
    page.say("boom")
    assert "请继续聊" in page.toast()
    page.reload()
    expect(page.page.locator("#reloaded")).to_be_visible()
    assert page.page.locator("#reloaded").inner_text() == ZH["reloaded"]
    expect(page.page.get_by_role("tab", name=ZH["settings"])).to_be_visible()
    page.page.locator("#language").click()
    expect(page.page.get_by_role("tab", name=EN["settings"])).to_be_visible()
    assert page.say("hello") == ANSWERS["en"]


def test_a_reply_grows_with_its_heat_map_and_can_be_stopped(open_page):
    page = open_page()
    page.send("endless")
    page.page.locator("#attention tbody th").first.wait_for()
    early = page.bots.last.inner_text()
    expect(page.bots.last).not_to_have_text(early)  # it grows
    page.box.fill("written meanwhile")
    page.stop_button.click()
    page.idle()
    stopped = page.bots.last.inner_text()
    assert stopped.startswith(early) and len(stopped.split()) < 200
    assert page.box.input_value() == "written meanwhile"
    assert page.say("hello") == ANSWERS["en"]
    assert page.bots.first.inner_text() == stopped


def test_retry_undo_edit_clear_and_copy(open_page):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.say("one")
    page.say("two")
    page.press("Retry")
    variants = page.facts.locator(".variants button")
    expect(variants).to_have_count(2)
    page.idle()
    assert "Seed" in page.facts.inner_text()
    variants.first.click()
    expect(variants.first).to_have_attribute("aria-pressed", "true")
    page.press("Copy message")
    assert page.page.evaluate("navigator.clipboard.readText()") == ANSWERS["en"]
    page.press("Undo")
    expect(page.users).to_have_count(1)
    assert page.box.input_value() == "two"
    page.say("two again")
    page.press("Edit", last=False)
    editor = page.chat.locator("textarea")
    editor.fill("你好")
    page.press("Submit")
    expect(page.users).to_have_text(["你好"])
    expect(page.bots).to_have_text([ANSWERS["zh"]])
    page.idle()
    page.press("Clear", last=False)
    expect(page.bots).to_have_count(0)
    page.page.locator("#attention .hint").wait_for()
    assert page.say("hello") == ANSWERS["en"]


def test_a_candidate_takes_the_replys_place_and_the_conversation_goes_on_from_it(open_page):
    page = open_page()
    page.say("hello")
    page.tab(EN["candidates"])
    buttons = page.page.locator("#candidates button")
    assert buttons.first.inner_text().startswith(ANSWERS["en"])
    buttons.nth(1).click()
    expect(page.bots.last).to_have_text(ANSWERS["en"].lower())
    expect(buttons.nth(1)).to_have_attribute("aria-pressed", "true")
    buttons.nth(3).focus()
    page.page.keyboard.press("Enter")
    expect(page.bots.last).to_have_text("?!")
    page.tab(EN["attention"])
    expect(page.page.locator("#attention tbody th")).to_have_text(["?!"])
    page.say("and then?")
    expect(page.page.locator("#attention .said")).to_have_text(["hello", "?!", "andthen"])


def test_an_earlier_reply_can_be_looked_at_again(open_page):
    page = open_page()
    page.say("first question")
    page.say("second")
    expect(page.page.locator("#chat .bot-row.shown")).to_have_count(1)
    page.bots.first.click()
    last = page.page.locator("#attention .said.last")
    expect(last).to_contain_text("question")
    rows = page.page.locator("#chat .bot-row")
    expect(rows.first).to_have_class(re.compile("shown"))
    expect(rows.last).not_to_have_class(re.compile("shown"))
    page.say("third")
    expect(last).to_contain_text("third")


def test_a_model_without_attention_says_so(open_page):
    page = open_page()
    page.say("blind")
    assert EN["attention_none"] in page.page.locator("#attention").inner_text()
    page.tab(EN["candidates"])
    page.page.locator("#candidates button").nth(1).click()
    expect(page.bots.last).to_have_text(ANSWERS["en"].lower())


def test_settings_show_what_applies_and_reach_the_model(open_page):
    page = open_page()
    page.tab(EN["settings"])

    def shown(*names):
        for name in MODAL:
            expect(page.page.locator(f"#set-{name}")).to_be_visible(visible=name in names)

    shown()
    page.page.get_by_label(EN["mode_beam"]).check()
    shown("length_penalty")
    page.page.get_by_label(EN["mode_sampling"]).check()
    shown("temperature", "topk", "topp", "seed")
    number = page.page.locator("#set-seed input")
    number.fill("77")
    number.press("Tab")
    samples = page.page.locator("#set-beam input[type=number]")
    samples.fill("2")
    samples.press("Tab")
    for name in ("temperature", "topk", "topp", "no_repeat_ngram", "min_length", "max_length"):
        slider = page.page.locator(f"#set-{name} input[type=range]")
        slider.focus()
        slider.press("ArrowRight")
    page.page.locator("#set-diversity input[type=range]").press("ArrowRight")
    page.page.locator("#set-fallback input").uncheck()
    page.page.locator("#set-memory input").uncheck()
    expect(page.page.locator("#set-turns")).to_be_hidden()
    page.say("one")
    page.say("two")
    assert "77" in page.facts.inner_text()
    page.tab(EN["attention"])
    expect(page.page.locator("#attention .said")).to_have_text(["two"])
    page.tab(EN["candidates"])
    assert page.page.locator("#candidates li").count() == 2
    page.tab(EN["settings"])
    number.fill("-5")
    number.press("Tab")
    page.send("three")
    expect(page.page.get_by_test_id("toast-body")).to_contain_text("Seed: a number from 0")
    for preset, mode in (("precise", "beam"), ("balanced", "greedy"), ("lively", "sampling")):
        page.page.get_by_role("button", name=EN[preset]).click()
        expect(page.page.get_by_label(EN[f"mode_{mode}"])).to_be_checked()
    page.page.get_by_role("button", name=EN["balanced"]).click()
    expect(page.page.locator("#set-seed")).to_be_hidden()


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_two_models_answer_side_by_side_and_files_hold_what_was_said(open_page, options):
    page = open_page("zh-CN", **options)
    page.say("你好")
    page.tab(ZH["model"])
    choose(page, "compare", "parrot")
    page.page.locator("#chat-2").wait_for()
    page.say("again")
    second = page.page.locator("#chat-2")
    expect(second.get_by_test_id("bot")).to_have_text(["Well: " + ANSWERS["en"]])
    assert page.bots.all_inner_texts() == [ANSWERS["zh"], ANSWERS["en"]]
    left, right = page.chat.bounding_box(), second.bounding_box()
    if options is DESKTOP:
        assert right["x"] >= left["x"] + left["width"] and right["y"] == left["y"]
    else:
        assert right["y"] >= left["y"] + left["height"] and right["x"] == left["x"]
    assert page.fits()
    page.tab(ZH["attention"])
    expect(page.page.locator("#attention-2 tbody th").first).to_have_text("Well:")
    page.tab(ZH["candidates"])
    page.page.locator("#candidates-2 button").nth(3).click()
    expect(second.get_by_test_id("bot")).to_have_text(["?!"])
    with page.page.expect_download() as download:
        page.chat.get_by_role("button", name="JSON").click()
    data = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert download.value.suggested_filename == "conversation.json"
    assert [each["message"] for each in data["exchanges"]] == ["你好", "again"]
    with page.page.expect_download() as download:
        second.get_by_role("button", name="MD").click()
    text = Path(download.value.path()).read_text("utf-8")
    assert text.startswith("# parrot") and "> again" in text
    page.tab(ZH["model"])
    choose(page, "compare", ZH["nobody"])
    second.wait_for(state="hidden")
    choose(page, "picker", "parrot")
    expect(page.page.locator(".card-line")).to_contain_text("parrot")
    assert page.say("hello") == "Well: " + ANSWERS["en"]


def choose(page, picker, name):
    """An entry of a drop-down list."""
    page.page.locator(f"#{picker} input").click()
    page.page.get_by_role("option", name=name, exact=True).click()
    expect(page.page.get_by_role("option")).to_have_count(0)


def test_examples(open_page):
    page = open_page()
    page.chat.locator(".example", has_text=EXAMPLES["zh"][0]).click()
    expect(page.bots).to_have_text([ANSWERS["zh"]])
    page.idle()
    assert page.users.all_inner_texts() == [EXAMPLES["zh"][0]]
