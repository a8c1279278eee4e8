"""The page: conversations, and beside them what the models looked at.

Only this file and ``page_*.py`` import gradio. The page is made of Blocks, since a failed event
would leave a ChatInterface of Gradio 6.31 dead. What was said lives in a :class:`Session` on the
server; no handler raises, and each has a ``failure`` that revives the text box all the same.
"""

import os
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # both before the import: nothing is asked outside
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("GRADIO_VIBE_MODE", None)  # would let the page's visitors run code

import gradio as gr  # noqa: E402
from fastapi import FastAPI  # noqa: E402

from .bounds import Bounds, Rate  # noqa: E402
from .dialog import Settings, Shelf  # noqa: E402
from .page_endpoint import make_endpoint  # noqa: E402
from .page_events import Events  # noqa: E402
from .page_layout import Layout  # noqa: E402
from .page_text import I18N  # noqa: E402
from .page_wiring import CONCURRENT, connect  # noqa: E402
from .server import Harden  # noqa: E402
from .strings import LABELS  # noqa: E402

HERE = Path(__file__).parent
THEME = gr.themes.Soft(
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


def build_page(
    shelf: Shelf,
    settings: Settings = Settings(),
    bounds: Bounds = Bounds(),
    rate: Rate | None = None,
) -> gr.Blocks:
    """The page around the models of a shelf.

    Args:
        shelf: the models
        settings: what the controls show at first
        bounds: what a visitor may ask
        rate: of an address, where programs come by other ways too
    """
    rate = rate or Rate(bounds.requests)
    page: gr.Blocks
    with gr.Blocks(title=LABELS["en"]["title"], fill_height=True, analytics_enabled=False) as page:
        connect(page, Events(Layout(shelf, settings), shelf, bounds, rate))
        endpoint = make_endpoint(shelf, settings, bounds, rate)
        # gradio's documented name, but not in its __all__
        gr.api(endpoint, api_name="chat", concurrency_limit=CONCURRENT)  # type: ignore[attr-defined]
    # closed: or else direct posts would run at once, whatever waits, the page's own events too
    page.queue(max_size=bounds.waiting, default_concurrency_limit=CONCURRENT, api_open=False)
    return page


def mount(
    app: FastAPI,
    shelf: Shelf,
    settings: Settings = Settings(),
    bounds: Bounds = Bounds(),
    rate: Rate | None = None,
) -> FastAPI:
    """``app`` with the page (:func:`build_page`) at its root, behind :class:`Harden`."""
    gr.mount_gradio_app(
        app,
        build_page(shelf, settings, bounds, rate),
        path="/",
        show_error=False,  # the text of an exception is for the log only
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size="1kb",
        footer_links=["api"],
        i18n=I18N,
        theme=THEME,
        css_paths=HERE / "style.css",
        head=f"<script>\n{(HERE / 'page.js').read_text('utf-8')}</script>",
    )
    app.add_middleware(Harden)
    return app
