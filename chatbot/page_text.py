"""The labels as gradio translates them when the page opens; afterwards the switch sets them."""

import gradio as gr

from .strings import LABELS

I18N = gr.I18n(
    en=dict(LABELS["en"]), **{code: dict(LABELS["zh"]) for code in ("zh", "zh-CN", "zh-TW")}
)
TEXTS = {key: I18N(key) for key in LABELS["en"]}
