"""Where everything on the page stands: the components, without what happens in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from . import view
from .conversation import FILES, Conversation
from .dialog import Card, Settings, Shelf
from .page_chatbot import TextChatbot
from .page_controls import Controls
from .page_session import LANES, Session
from .page_text import TEXTS
from .strings import EXAMPLES, LABELS, Language

SAMPLES = tuple(text for texts in EXAMPLES.values() for text in texts)  # in the order of the page

_ON_CLICK = """element.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "language") chatPage.setLanguage(chatPage.language === "en" ? "zh" : "en");
    if (act) trigger("click", { act, language: chatPage.language });
});"""


@dataclass
class Lane:
    """One model's part of the page; the second lane is hidden until it is compared with."""

    chat: TextChatbot
    downloads: dict[str, gr.Button]
    column: gr.Column
    attention: gr.HTML = field(init=False)
    candidates: gr.HTML = field(init=False)
    facts: gr.HTML = field(init=False)
    card: gr.HTML = field(init=False)

    @property
    def panels(self) -> list[gr.HTML]:
        """What stands beside the conversation and follows it."""
        return [self.attention, self.candidates, self.facts]

    @property
    def parts(self) -> list[gr.blocks.Block]:
        """All that is shown and hidden together."""
        return [self.column, *self.panels, self.card]


class Layout:
    """Builds the page where it is called, in a Blocks."""

    def __init__(self, shelf: Shelf, settings: Settings) -> None:
        card = shelf.get().card
        self.session = gr.State(Session(shelf.names[0]))
        self.arrival = gr.Textbox(visible=False)
        self.file = gr.Textbox(visible="hidden")
        self.header = _html(view.header([card]), "header")
        with gr.Row(scale=1, elem_id="desk"):
            with gr.Column(scale=5, min_width=320, elem_id="talk"):
                with gr.Row(scale=1, elem_id="lanes"):
                    self.lanes = [_lane(number) for number in range(LANES)]
                self.box = _box()
            with gr.Column(scale=3, min_width=320, elem_id="side"):
                self._side(shelf, settings, card)

    def relabel(self, language: Language, mode: str) -> dict[gr.blocks.Block, Any]:
        """Updates that give everything that Gradio draws its name in a language."""
        labels = LABELS[language]
        updates = {tab: gr.update(label=labels[key]) for key, tab in self.tabs.items()}
        updates[self.box] = gr.update(label=labels["message"], placeholder=labels["placeholder"])
        updates[self.picker] = gr.update(label=labels["model"], info=labels["model_info"])
        updates[self.compare] = gr.update(
            label=labels["compare"],
            info=labels["compare_info"],
            choices=_opponents(self.names, labels["nobody"]),
        )
        return updates | self.controls.relabel(language, mode)

    def _side(self, shelf: Shelf, settings: Settings, card: Card) -> None:
        self.names = shelf.names
        empty = Conversation()
        with gr.Tabs():
            self.tabs = {}
            with gr.Tab(TEXTS["attention"]) as self.tabs["attention"]:
                for number, lane in enumerate(self.lanes):
                    lane.attention = _panel(view.attention(empty), "attention", number)
            with gr.Tab(TEXTS["candidates"]) as self.tabs["candidates"]:
                for number, lane in enumerate(self.lanes):
                    lane.candidates = _panel(view.candidates(empty), "candidates", number)
            with gr.Tab(TEXTS["settings"]) as self.tabs["settings"]:
                self.controls = Controls(settings, self.session)
            with gr.Tab(TEXTS["model"]) as self.tabs["model"]:
                self._models(card)
        for number, lane in enumerate(self.lanes):
            lane.facts = _panel(view.facts(empty), "facts", number)

    def _models(self, card: Card) -> None:
        """The picker and the card of each model; one model leaves nothing to pick."""
        several = len(self.names) > 1
        self.picker = gr.Dropdown(
            list(self.names),
            value=self.names[0],
            label=TEXTS["model"],
            info=TEXTS["model_info"],
            elem_id="picker",
            visible=several,
            filterable=False,
        )
        self.compare = gr.Dropdown(
            _opponents(self.names, TEXTS["nobody"]),
            value="",
            label=TEXTS["compare"],
            info=TEXTS["compare_info"],
            elem_id="compare",
            visible=several,
            filterable=False,
        )
        for number, lane in enumerate(self.lanes):
            lane.card = _panel(view.model_card(card), "card", number)


def _lane(number: int) -> Lane:
    """A column with a conversation, and a button for each kind of file."""
    with gr.Column(min_width=260, visible=number == 0, elem_classes="lane") as column:
        downloads = {kind: gr.Button(kind.upper(), size="sm", render=False) for kind in FILES}
        chat = TextChatbot(
            elem_id=_id("chat", number),
            elem_classes="chat",
            label=TEXTS["conversation_aside" if number else "conversation"],
            show_label=False,
            height="100%",
            min_height=320,
            scale=1,
            layout="bubble",
            placeholder=view.welcome_aside() if number else view.welcome(),
            examples=None if number else [{"text": text} for text in SAMPLES],
            render_markdown=False,
            latex_delimiters=[],
            allow_tags=False,
            allow_file_downloads=False,
            buttons=["copy", "copy_all", *downloads.values()],
            feedback_options=None,
            editable="user",
        )
    return Lane(chat, downloads, column)


def _box() -> gr.Textbox:
    return gr.Textbox(
        elem_id="msg",
        label=TEXTS["message"],
        show_label=False,
        container=False,
        placeholder=TEXTS["placeholder"],
        autofocus=True,
        max_lines=5,
        submit_btn=True,
        stop_btn=False,
    )


def _html(value: str, elem_id: str, **options: Any) -> gr.HTML:
    return gr.HTML(
        value,
        elem_id=elem_id,
        apply_default_css=False,
        padding=False,
        js_on_load=_ON_CLICK,
        **options,
    )


def _panel(value: str, name: str, lane: int) -> gr.HTML:
    return _html(value, _id(name, lane), visible=lane == 0)


def _id(name: str, lane: int) -> str:
    return f"{name}-{lane + 1}" if lane else name


def _opponents(names: Sequence[str], nobody: Any) -> list[tuple[Any, str]]:
    return [(nobody, ""), *((name, name) for name in names)]
