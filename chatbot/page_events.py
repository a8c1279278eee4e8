"""What happens on the page: messages, clicks and switches, as handlers that never raise."""

import json
import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from . import view
from .bounds import Bounds, Rate
from .conversation import FILES, Conversation
from .dialog import Card, Responder, Settings, Shelf, WrongSettings, clean
from .page_chatbot import unescape_markup
from .page_layout import SAMPLES, Lane, Layout
from .page_session import Change, Session, together
from .strings import LABELS, LANGUAGES, SENTENCES
from .turn import Turn, answer

logger = logging.getLogger(__name__)

INTERVAL = 0.05  # seconds between two pictures of a growing reply

Updates = dict[gr.blocks.Block, Any]
Data = Mapping[gr.blocks.Block, Any]  # what gradio gives a handler whose inputs are a set


class Events:
    """The handlers of a page: each takes the values of components and returns updates.

    Args:
        layout: the components
        shelf: the models
        bounds: what a visitor may ask
        addresses: counts the replies of an address, since anybody may open new pages; where
            programs come by other ways, theirs too
    """

    def __init__(
        self,
        layout: Layout,
        shelf: Shelf,
        bounds: Bounds = Bounds(),
        addresses: Rate | None = None,
    ) -> None:
        self.layout = layout
        self.shelf = shelf
        self.bounds = bounds
        self.rate = Rate(bounds.requests)
        self.addresses = addresses or Rate(bounds.requests)

    # In these a model answers

    def say(self, data: Data, who: str) -> Iterator[Updates]:
        """A new message, to every model on the page; ``who`` is the address of the visitor."""
        yield from self._say(data, who, str(data[self.layout.box] or ""), emptied=True)

    def example(self, data: Data, who: str, index: Any) -> Iterator[Updates]:
        """One of the examples as a message."""
        if isinstance(index, int) and 0 <= index < len(SAMPLES):
            yield from self._say(data, who, SAMPLES[index])

    def edit(self, data: Data, who: str, lane: int, index: Any, text: Any) -> Iterator[Updates]:
        """Another wording of a message: what came after it is cut, and it is answered."""
        session = self._session(data)
        raw = unescape_markup(text) if isinstance(text, str) else ""
        count = len(session.conversations[lane].exchanges)
        place = index // 2 if isinstance(index, int) else count
        if not clean(raw) or not 0 <= place < count:
            yield self.draw(session)
            return
        yield from self._say(data, who, raw, cut=count - place)

    def retry(self, data: Data, who: str, lane: int) -> Iterator[Updates]:
        """Another answer of one model to the last message."""
        session = self._session(data)
        if session.conversations[lane].exchanges:
            yield from self._reply(data, who, {lane: Conversation.retry})

    def _say(
        self, data: Data, who: str, raw: str, *, cut: int = 0, emptied: bool = False
    ) -> Iterator[Updates]:
        """A message in place of the last ``cut`` exchanges; a reply that still grows is ended."""
        session, message = self._session(data), clean(raw, self.bounds.message_length)
        if not message:
            self._tell(session, gr.Info, SENTENCES[session.language]["empty"])
            yield {self.layout.box: ""}
            return

        def change(talk: Conversation) -> Conversation:
            kept = talk.keep(len(talk.exchanges) - cut)
            return (kept.settle() if kept.exchanges else kept).say(message)

        yield from self._reply(data, who, dict.fromkeys(session.lanes, change), raw, emptied)

    def _reply(
        self,
        data: Data,
        who: str,
        changes: Mapping[int, Change],
        raw: str = "",
        emptied: bool = False,
    ) -> Iterator[Updates]:
        """Change conversations, then let the models of these lanes answer, side by side."""
        session = self._session(data)
        try:
            settings = self._settings(data)
        except WrongSettings as error:
            reason = self.layout.controls.reason(error, session.language)
            self._tell(session, gr.Warning, LABELS[session.language]["wrong"], reason=reason)
            return
        if not (self.rate.admit(session.key) and self.addresses.admit(who)):
            self._tell(session, gr.Warning, LABELS[session.language]["often"])
            return
        try:
            responders = {lane: self.shelf.get(session.models[lane]) for lane in changes}
        except Exception:
            self._unloadable(session)
            return
        ticket = session.take_ticket(busy=True)
        streams = {}
        for lane, change in changes.items():
            talk = session.change(lane, change, ticket)
            if talk is None:
                return
            streams[lane] = self._answer(responders[lane], talk, settings, raw)
        value: dict[str, Any] = {"value": ""} if emptied else {}
        busy = gr.update(submit_btn=False, stop_btn=True, **value)
        chats = {self.layout.lanes[lane].chat: session.conversations[lane] for lane in changes}
        yield {self.layout.box: busy, **{each: view.messages(chats[each]) for each in chats}}
        turns: dict[int, Turn] = {}
        with closing(self._grow(session, ticket, streams, turns)) as pictures:
            yield from pictures
        if session.finish(ticket):
            yield self.draw(session)
            self._notice(session, turns)

    def _grow(
        self,
        session: Session,
        ticket: int,
        streams: Mapping[int, Iterator[Turn]],
        turns: dict[int, Turn],
    ) -> Generator[Updates, None, None]:
        """Store the growing answers; a picture of them now and then. ``turns`` gets the last."""
        drawn = time.monotonic()
        with closing(together(streams)) as items:
            for lane, turn in items:
                turns[lane] = turn
                if session.change(lane, partial(Conversation.answer, turn=turn), ticket) is None:
                    return
                if time.monotonic() - drawn >= INTERVAL:
                    yield self.draw(session, list(streams))
                    drawn = time.monotonic()

    def _answer(
        self, responder: Responder, talk: Conversation, settings: Settings, raw: str
    ) -> Iterator[Turn]:
        """The answer to the last message, and another one if there was one before.

        Another answer is drawn, since a search would find the same again.
        """
        last = talk.exchanges[-1]
        earlier = len(last.variants) - 1
        if earlier > 0:
            seed = None if settings.seed is None else (settings.seed + earlier) % 2**32
            settings = replace(settings, mode="sampling", seed=seed)
        return answer(responder, raw or last.message, talk.history(), settings, self.bounds)

    # In these none does

    def stop(self, data: Data) -> Updates:
        """End the replies that grow, and keep what there is of them."""
        session = self._session(data)
        session.take_ticket()
        for lane in session.lanes:
            session.change(lane, lambda talk: talk.settle() if talk.exchanges else talk)
        return self.draw(session)

    def clear(self, data: Data) -> Updates:
        """Forget everything that was said."""
        session = self._session(data)
        session.take_ticket()
        for lane in session.lanes:
            session.change(lane, lambda talk: Conversation())
        return self.draw(session)

    def undo(self, data: Data, lane: int) -> Updates:
        """Take the last message back into the text box."""
        session = self._session(data)
        session.take_ticket()
        exchanges = session.conversations[lane].exchanges
        for each in session.lanes:
            session.change(each, lambda talk: talk.keep(len(talk.exchanges) - 1))
        box = {self.layout.box: exchanges[-1].message} if exchanges else {}
        return box | self.draw(session)

    def select(self, data: Data, lane: int, index: Any) -> Updates:
        """Look at the reply in a bubble, or to the message in it."""
        place = index // 2 if isinstance(index, int) else -1
        return self._try(data, lane, lambda talk: talk.select(place))

    def act(self, data: Data, lane: int, act: Any) -> Updates:
        """``choose:2`` takes a candidate, ``show:0`` an earlier answer."""
        verb, _, number = str(act).partition(":")
        index = int(number) if number.isdecimal() and len(number) < 4 else -1
        changes: dict[str, Change] = {
            "choose": lambda talk: talk.choose(index),
            "show": lambda talk: talk.show(index),
        }
        return self._try(data, lane, changes.get(verb, lambda talk: talk))

    def switch(self, data: Data, language: Any) -> Updates:
        """Everything in another language."""
        session = self._session(data)
        if language in LANGUAGES:
            session.language = language
        mode = data[self.layout.controls.components["mode"]]
        return self.layout.relabel(session.language, mode)

    def arrive(self, data: Data) -> Updates:
        """A page has opened, and tells its language."""
        return self.switch(data, data[self.layout.arrival])

    def pick(self, data: Data) -> Updates:
        """Another model answers from now on."""
        return self._take_model(data, 0, data[self.layout.picker])

    def compare(self, data: Data) -> Updates:
        """A second model answers beside the first, or no longer does."""
        return self._take_model(data, 1, data[self.layout.compare] or None)

    def download(self, data: Data, lane: int, kind: str) -> str:
        """A conversation as a file: name, type and text, for the page's script."""
        session = self._session(data)
        talk, model = session.conversations[lane], session.models[lane] or ""
        text = talk.to_json(model) if kind == "json" else talk.to_markdown(model)
        return json.dumps({"name": f"conversation.{kind}", "type": FILES[kind], "text": text})

    def free(self, data: Data) -> Updates:
        """After a reply: the text box takes the next message, unless another reply grows.

        Not before, since Gradio drops what is sent while the last event is not quite over.
        """
        return {self.layout.box: gr.skip()} if self._session(data).busy else self.revive()

    def revive(self) -> Updates:
        """After an event that failed or was cancelled: the text box takes the next message."""
        return {self.layout.box: gr.update(interactive=True, submit_btn=True, stop_btn=False)}

    # What they share

    def draw(self, session: Session, lanes: list[int] | None = None) -> Updates:
        """The conversations and their panels as they are now."""
        updates: Updates = {}
        for number in session.lanes if lanes is None else lanes:
            lane, talk = self.layout.lanes[number], session.conversations[number]
            heading = session.heading(number)
            updates[lane.chat] = view.messages(talk)
            updates[lane.attention] = view.attention(talk, heading)
            updates[lane.candidates] = view.candidates(talk, heading)
            updates[lane.facts] = view.facts(talk, heading)
        return updates

    def _session(self, data: Data) -> Session:
        session: Session = data[self.layout.session]
        return session

    def _settings(self, data: Data) -> Settings:
        components = self.layout.controls.components
        return self.layout.controls.read({name: data[each] for name, each in components.items()})

    def _try(self, data: Data, lane: int, change: Change) -> Updates:
        """Change a conversation; a click on what is no longer there changes nothing."""
        session = self._session(data)
        try:
            session.change(lane, change)
        except ValueError as error:
            logger.info("A click came too late: %s", error)
        return self.draw(session, [lane])

    def _take_model(self, data: Data, number: int, name: str | None) -> Updates:
        """Put a model into a lane; one that cannot be loaded leaves everything as it was."""
        session, layout = self._session(data), self.layout
        try:
            cards = self._cards(session, number, name)
        except Exception:
            self._unloadable(session)
            return {layout.picker: session.models[0], layout.compare: session.models[1] or ""}
        if name is None:
            session.change(number, lambda talk: Conversation())
        session.models[number] = name
        updates = self.draw(session)
        for lane, each in enumerate(layout.lanes):
            updates |= _visible(each, updates, lane in session.lanes)
            if lane in cards:
                updates[each.card] = gr.update(value=view.model_card(cards[lane]), visible=True)
        return {layout.header: view.header(list(cards.values())), **updates}

    def _cards(self, session: Session, number: int, name: str | None) -> dict[int, Card]:
        """The cards of the models on the page once ``name`` is in lane ``number``."""
        models = [name if lane == number else each for lane, each in enumerate(session.models)]
        return {
            lane: self.shelf.get(model).card
            for lane, model in enumerate(models)
            if model is not None
        }

    def _unloadable(self, session: Session) -> None:
        """Say that a model cannot be loaded; the log knows why."""
        logger.exception("A model cannot be loaded")
        self._tell(session, gr.Warning, LABELS[session.language]["unloadable"])

    def _notice(self, session: Session, turns: Mapping[int, Turn]) -> None:
        """Say what else there is to say about new answers, once."""
        told = {turn.notice: turn for turn in turns.values() if turn.notice}
        for notice, turn in told.items():
            sentence = LABELS[session.language][notice]
            values = {"limit": self.bounds.message_length, "reference": turn.reference}
            self._tell(session, gr.Warning, sentence, **values)

    @staticmethod
    def _tell(session: Session, toast: Callable[..., object], sentence: str, **values: Any) -> None:
        toast(sentence.format(**values), title=LABELS[session.language]["title"])


def _visible(lane: Lane, updates: Updates, visible: bool) -> Updates:
    """The updates of a lane's parts, shown or hidden."""
    values = {part: {"value": updates[part]} for part in lane.parts if part in updates}
    return {part: gr.update(visible=visible, **values.get(part, {})) for part in lane.parts}
