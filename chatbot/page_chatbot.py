"""A gradio Chatbot that shows every message literally.

Gradio 6.31 renders HTML and LaTeX in messages even without Markdown. Two private methods are
hooked here (``_postprocess_content``, ``_preprocess_content``); tests/chatbot watches them.
"""

import html.entities
import re
from typing import Any

import gradio as gr

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


def escape_markup(text: str) -> str:
    """Text that the page's HTML parser reads back as ``text``; what is harmless stays as it is."""
    return _MARKUP.sub(lambda match: "&lt;" if match[0] == "<" else "&amp;", text)


def unescape_markup(text: str) -> str:
    """The inverse of :func:`escape_markup`."""
    return re.sub("&(lt|amp);", lambda match: "<" if match[1] == "lt" else "&", text)


def _is_text(content: Any) -> bool:
    kind = content.get("type") if isinstance(content, dict) else getattr(content, "type", None)
    return isinstance(content, str) or kind == "text"


def _text(content: Any) -> str:
    """The text of a message's content; anything else is refused."""
    if not _is_text(content):
        raise ValueError("a message is text")
    if isinstance(content, str):
        return content
    text: str = content["text"] if isinstance(content, dict) else content.text
    return text
