"""Which event of which component runs which handler."""

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

import gradio as gr

from .api_work import address
from .conversation import FILES
from .page_events import Data, Events, Updates
from .page_layout import Lane

CONCURRENT = 32  # replies at a time; the others wait

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

_Events = list[gr.events.Dependency]


def connect(page: gr.Blocks, events: Events) -> None:
    """Give the components of a page their handlers."""
    layout = events.layout
    replies = _connect_replies(events)
    _on(events, layout.box.stop, events.stop, {layout.session}, cancels=replies, queue=False)
    for number, lane in enumerate(layout.lanes):
        _connect_lane(events, number, lane, replies)

    def switch(data: Data, click: gr.EventData) -> Updates:
        return events.switch(data, click.language)

    mode = layout.controls.components["mode"]
    names = list(layout.relabel("en", "greedy"))
    _on(events, layout.header.click, switch, {layout.session, mode}, names, queue=False)
    models: list[gr.blocks.Block] = [layout.header, layout.picker, layout.compare, *_drawn(events)]
    models += [part for lane in layout.lanes for part in (lane.column, lane.card)]
    for picker, handler in ((layout.picker, events.pick), (layout.compare, events.compare)):
        _on(events, picker.input, handler, {layout.session, picker}, models)
    arrive = "(session, arrival, mode) => [session, chatPage.arrive(), mode]"
    inputs = {layout.session, layout.arrival, mode}
    _on(events, page.load, events.arrive, inputs, names, js=arrive, queue=False)


def _connect_replies(events: Events) -> _Events:
    """The events in which a model answers; they can be stopped."""
    layout = events.layout
    inputs = {layout.session, layout.box, *layout.controls.components.values()}
    options: dict[str, Any] = {"concurrency_limit": CONCURRENT, "concurrency_id": "replies"}

    def say(data: Data, request: gr.Request) -> Iterator[Updates]:
        yield from events.say(data, address(request))

    def example(data: Data, request: gr.Request, click: gr.SelectData) -> Iterator[Updates]:
        yield from events.example(data, address(request), click.index)

    first = layout.lanes[0].chat
    replies = [
        _on(events, layout.box.submit, say, inputs, **options),
        _on(events, first.example_select, example, inputs, **options),
    ]
    for number, lane in enumerate(layout.lanes):

        def retry(data: Data, request: gr.Request, number: int = number) -> Iterator[Updates]:
            yield from events.retry(data, address(request), number)

        def edit(
            data: Data, request: gr.Request, change: gr.EditData, number: int = number
        ) -> Iterator[Updates]:
            yield from events.edit(data, address(request), number, change.index, change.value)

        replies.append(_on(events, lane.chat.retry, retry, inputs, **options))
        replies.append(_on(events, lane.chat.edit, edit, inputs, **options))
    for reply in replies:
        session, box = {layout.session}, [layout.box]
        reply.success(events.free, session, box, queue=False, **QUIET)
    return replies


def _connect_lane(events: Events, number: int, lane: Lane, replies: _Events) -> None:
    """What can be done with the conversation of one lane."""
    session = {events.layout.session}
    quick: dict[str, Any] = {"queue": False, "trigger_mode": "multiple"}

    def undo(data: Data) -> Updates:
        return events.undo(data, number)

    def select(data: Data, click: gr.SelectData) -> Updates:
        return events.select(data, number, click.index)

    def act(data: Data, click: gr.EventData) -> Updates:
        return events.act(data, number, click.act)

    _on(events, lane.chat.clear, events.clear, session, cancels=replies, queue=False)
    _on(events, lane.chat.undo, undo, session, cancels=replies, queue=False)
    drawn = [lane.chat, *lane.panels]
    _on(events, lane.chat.select, select, session, drawn, **quick)
    for panel in (lane.candidates, lane.facts):
        _on(events, panel.click, act, session, drawn, **quick)
    for kind in FILES:

        def download(data: Data, kind: str = kind) -> str:
            return events.download(data, number, kind)

        file = events.layout.file
        made = _on(events, lane.downloads[kind].click, download, session, [file], queue=False)
        made.success(None, file, None, js="(file) => chatPage.save(file)", queue=False)


def _on(
    events: Events,
    event: Callable[..., gr.events.Dependency],
    handler: Callable[..., Any],
    inputs: Set[gr.components.Component],
    outputs: Sequence[gr.blocks.Block] | None = None,
    **options: Any,
) -> gr.events.Dependency:
    """An event of the page's own, by default over all that is drawn; a failure frees the box."""
    box = events.layout.box
    outputs = [box, *_drawn(events)] if outputs is None else outputs
    found = event(handler, inputs, outputs, **QUIET, **options)
    found.failure(events.revive, None, [box], queue=False, **QUIET)
    return found


def _drawn(events: Events) -> list[gr.components.Component]:
    return [part for lane in events.layout.lanes for part in (lane.chat, *lane.panels)]
