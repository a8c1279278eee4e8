"""The page: a conversation, and beside it what the model looked at. The only gradio import.

Three things here work around Gradio 6.31 and hook private methods, so tests/chatbot/test_browser.py
watches them: a failed event would leave the text box dead (``_setup_stop_events``), messages would
be rendered as HTML (``_postprocess_content``), and they would be shown as they came in
(``_append_message_to_history``).
"""

import html.entities
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # both before the import: nothing is asked outside
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("GRADIO_VIBE_MODE", None)  # would let the page's visitors run code

import gradio as gr  # noqa: E402
from fastapi import FastAPI  # noqa: E402

from . import view  # noqa: E402
from .dialog import MAX_MESSAGE_LENGTH, Message, Responder, Settings, clean  # noqa: E402
from .server import Harden  # noqa: E402
from .strings import EXAMPLES, LABELS, preferred_language  # noqa: E402
from .turn import answer  # noqa: E402

CONCURRENT = 16  # replies at a time; the others wait
WAITING = 64  # then the page says that it is busy

_i18n = gr.I18n(
    en=dict(LABELS["en"]), **{code: dict(LABELS["zh"]) for code in ("zh", "zh-CN", "zh-TW")}
)
_THEME = gr.themes.Soft(
    primary_hue="indigo",
    secondary_hue="indigo",
    neutral_hue="slate",
    font=["Inter", "system-ui", "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
).set(
    block_title_background_fill="transparent",
    block_title_background_fill_dark="transparent",
    block_title_padding="0",
    block_title_text_color="*body_text_color",
    block_title_text_color_dark="*body_text_color",
)
# The style sheet shows the labels of html[lang], see view.py; an empty message is not sent.
_HEAD = """<script>
document.documentElement.lang = /^zh/i.test(navigator.language || "") ? "zh" : "en";
const isEmpty = (box) => box !== null && box.value.trim() === "";
const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
addEventListener("keydown", (event) => {
    const box = event.target.closest?.("#msg textarea") ?? null;
    if (event.key === "Enter" && !event.shiftKey && isEmpty(box)) stop(event);
}, true);
addEventListener("click", (event) => {
    const button = event.target.closest?.("#msg .submit-button");
    if (button && isEmpty(document.querySelector("#msg textarea"))) stop(event);
}, true);
</script>"""

_ENTITY = "|".join(name for name in html.entities.html5 if not name.endswith(";"))
_MARKUP = re.compile(rf"<(?=[A-Za-z/!?])|&(?=#|\w+;|{_ENTITY})")


class TextChatbot(gr.Chatbot):
    """A Chatbot that shows every message literally and takes nothing but text."""

    is_template = True

    def _postprocess_content(self, chat_message: Any) -> Any:
        return super()._postprocess_content(escape_markup(_text(chat_message)))

    def _preprocess_content(self, chat_message: Any) -> Any:
        content = super()._preprocess_content(chat_message) if _is_text(chat_message) else None
        return {"type": "text", "text": unescape_markup(_text(content))}


class Chat(gr.ChatInterface):
    """A ChatInterface that shows cleaned messages and goes on after a failed event."""

    def _append_message_to_history(
        self, message: Any, history: list, role: str = "user"
    ) -> list[Any]:
        if role == "user" and isinstance(message, str):
            message = clean(message)
        return super()._append_message_to_history(message, history, role)

    def _setup_stop_events(
        self, event_triggers: list, events_to_cancel: list, after_success: Any
    ) -> None:
        super()._setup_stop_events(event_triggers, events_to_cancel, after_success)
        placeholder = self.textbox.placeholder  # ChatInterface blanks it in the first turn

        def restore() -> dict[str, Any]:
            return gr.update(placeholder=placeholder)

        def revive() -> dict[str, Any]:
            return gr.update(
                interactive=True, submit_btn=True, stop_btn=False, placeholder=placeholder
            )

        options = {"api_visibility": "undocumented", "queue": False}
        for event in events_to_cancel:
            event.success(restore, None, self.textbox, **options)
            event.failure(revive, None, self.textbox, **options)


def build_demo(responder: Responder, settings: Settings = Settings(), card: str = "") -> gr.Blocks:
    """The page around a responder.

    Args:
        responder: answers
        settings: what the controls show at first, and what has no control
        card: the model in one line
    """
    panel = [
        gr.HTML(draw(None), elem_id=name, apply_default_css=False, padding=False, render=False)
        for name, draw in _PANEL.items()
    ]

    def reply(
        message: str,
        history: list[dict[str, Any]],
        request: gr.Request,
        mode: str,
        beam: int,
        length_penalty: float,
        temperature: float,
        topp: float,
        no_repeat_ngram: int,
        max_length: int,
        turns: int,
    ) -> Iterator[tuple[str, ...]]:
        """Answer a message: the reply, then as HTML the attention, the candidates, the facts."""
        values = locals()  # the arguments from mode on are named like the settings
        chosen = choose_settings(settings, {name: values[name] for name in controls})
        labels = LABELS[preferred_language(request.headers.get("accept-language", ""))]
        for turn in answer(responder, message, read_history(history), chosen):
            yield turn.text, *(draw(turn.reply) for draw in _PANEL.values())
        if turn.notice:
            sentence = labels[turn.notice].format(
                limit=MAX_MESSAGE_LENGTH, reference=turn.reference
            )
            gr.Warning(sentence, title=labels["title"])

    with gr.Blocks(title=LABELS["en"]["title"], fill_height=True, analytics_enabled=False) as demo:
        gr.HTML(view.header(card), apply_default_css=False, padding=False)
        with gr.Row(scale=1, elem_id="desk"):
            left = gr.Column(scale=5, min_width=320, elem_id="talk")
            with gr.Column(scale=3, min_width=320, elem_id="side"):
                with gr.Tabs():
                    with gr.Tab(_i18n("attention")):
                        panel[0].render()
                    with gr.Tab(_i18n("candidates")):
                        panel[1].render()
                    with gr.Tab(_i18n("settings")):
                        controls = _controls(settings)
                panel[2].render()
        with left:
            chat = Chat(
                reply,
                chatbot=_chatbot(),
                textbox=_textbox(),
                additional_inputs=list(controls.values()),
                additional_outputs=panel,
                examples=[[text] for texts in EXAMPLES.values() for text in texts],
                concurrency_limit=CONCURRENT,
                show_progress="hidden",
                analytics_enabled=False,
                api_name="chat",
            )
        gr.on(
            [chat.chatbot.clear, chat.chatbot.undo],
            lambda: [draw(None) for draw in _PANEL.values()],
            None,
            panel,
            api_visibility="undocumented",
            queue=False,
        )
    demo.queue(max_size=WAITING, default_concurrency_limit=CONCURRENT)
    return demo


def build_app(demo: gr.Blocks) -> FastAPI:
    """The page and ``/healthz`` as one application, behind :class:`Harden`."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    gr.mount_gradio_app(
        app,
        demo,
        path="/",
        show_error=False,  # the text of an exception is for the log only
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size="1kb",
        footer_links=["api"],
        i18n=_i18n,
        theme=_THEME,
        css_paths=Path(__file__).with_name("style.css"),
        head=_HEAD,
    )
    app.add_middleware(Harden)
    return app


def escape_markup(text: str) -> str:
    """Text that the page's HTML parser reads back as ``text``; what is harmless stays as it is."""
    return _MARKUP.sub(lambda match: "&lt;" if match[0] == "<" else "&amp;", text)


def unescape_markup(text: str) -> str:
    """The inverse of :func:`escape_markup`."""
    return re.sub("&(lt|amp);", lambda match: "<" if match[1] == "lt" else "&", text)


def read_history(history: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Gradio's history as a dialog; what the browser sent is cleaned again."""
    dialog = []
    for entry in history:
        content = entry["content"]
        blocks = content if isinstance(content, list) else [content]
        text = clean(" ".join(_text(block) for block in blocks))
        dialog.append(Message("assistant" if entry["role"] == "assistant" else "user", text))
    return dialog


def choose_settings(defaults: Settings, values: Mapping[str, Any]) -> Settings:
    """The controls' values as settings; a program may send 2.5 or nothing at all."""
    changes = {
        name: type(getattr(defaults, name))(value)
        for name, value in values.items()
        if value is not None
    }
    return replace(defaults, **changes)


_PANEL = {"attention": view.heat_map, "candidates": view.candidates, "facts": view.facts}


def _chatbot() -> TextChatbot:
    return TextChatbot(
        elem_id="chat",
        label=_i18n("conversation"),
        show_label=False,
        height="100%",
        min_height=320,
        scale=1,
        layout="bubble",
        placeholder=view.welcome(),
        render_markdown=False,
        latex_delimiters=[],
        allow_tags=False,
        allow_file_downloads=False,
        buttons=["copy", "copy_all"],
        feedback_options=None,
        render=False,
    )


def _textbox() -> gr.Textbox:
    return gr.Textbox(
        elem_id="msg",
        label=_i18n("message"),
        show_label=False,
        container=False,
        placeholder=_i18n("placeholder"),
        autofocus=True,
        max_lines=5,
        submit_btn=True,
        stop_btn=True,
        scale=7,
        render=False,
    )


def _controls(settings: Settings) -> dict[str, gr.components.Component]:
    """One control for each setting that has one, by its name; only those that apply are shown."""

    def slider(name: str, low: float, high: float, step: float, **options: Any) -> gr.Slider:
        value = getattr(settings, name)
        options.setdefault("label", _i18n(name))
        options.setdefault("info", _i18n(f"{name}_info"))
        return gr.Slider(min(low, value), max(high, value), value, step=step, **options)

    sampling = settings.mode == "sampling"
    mode = gr.Radio(
        [(_i18n("mode_beam"), "beam"), (_i18n("mode_sampling"), "sampling")],
        value=settings.mode,
        label=_i18n("mode"),
        elem_id="mode",
    )
    controls = {
        "mode": mode,
        "beam": slider("beam", 1, 10, 1, label=_i18n("samples" if sampling else "beam"), info=None),
        "length_penalty": slider("length_penalty", 0.0, 2.0, 0.1, visible=not sampling),
        "temperature": slider("temperature", 0.1, 2.0, 0.1, visible=sampling),
        "topp": slider("topp", 0.1, 1.0, 0.05, visible=sampling),
        "no_repeat_ngram": slider("no_repeat_ngram", 0, 6, 1),
        "max_length": slider("max_length", 5, 100, 1),
        "turns": slider("turns", 0, 5, 1),
    }

    def show(chosen: str) -> list[dict[str, Any]]:
        sampling = chosen == "sampling"
        return [
            gr.update(label=_i18n("samples" if sampling else "beam")),
            gr.update(visible=not sampling),
            gr.update(visible=sampling),
            gr.update(visible=sampling),
        ]

    changed = [controls[name] for name in ("beam", "length_penalty", "temperature", "topp")]
    mode.change(show, mode, changed, api_visibility="undocumented", queue=False)
    return controls


def _is_text(content: Any) -> bool:
    kind = content.get("type") if isinstance(content, dict) else getattr(content, "type", None)
    return isinstance(content, str) or kind == "text"


def _text(content: Any) -> str:
    """The text of a message's content; anything else is refused."""
    if not _is_text(content):
        raise ValueError("a message is text")
    if isinstance(content, str):
        return content
    return content["text"] if isinstance(content, dict) else content.text
