"""The chat for programs: health, models, replies as JSON or as a stream of events.

The routes under ``/v1`` speak OpenAI's language, see :mod:`chatbot.openai_api`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from . import openai_api
from .api_input import Refused, flag, model_name, read_history, read_message, read_object
from .api_work import Desk, as_refused, event, finish, load, start_events
from .conversation import describe
from .dialog import Settings, Shelf, make_settings
from .turn import Turn

FIELDS = ("message", "history", "model", "settings", "stream")

Route = Callable[[Request], Awaitable[Response]]


def build_api(shelf: Shelf, settings: Settings = Settings(), desk: Desk | None = None) -> FastAPI:
    """The routes for programs; a page may be mounted behind them.

    Args:
        shelf: the models
        settings: what holds where a request says nothing
        desk: how many replies may be in the making, and for how long
    """
    app = FastAPI(title="s2s-chat", docs_url=None, redoc_url=None, openapi_url=None)
    desk = desk or Desk()

    async def health(request: Request) -> Response:
        found = {"status": "ok", "version": _version(), "models": list(shelf.names)}
        return JSONResponse(found)

    async def models(request: Request) -> Response:
        desk.admit(request)  # it may load every model
        return JSONResponse({"models": [await _card(shelf, name) for name in shelf.names]})

    async def chat(request: Request) -> Response:
        return await _chat(request, shelf, settings, desk)

    routes = [
        ("GET", "/healthz", health),
        ("GET", "/api/models", models),
        ("POST", "/api/chat", chat),
        *openai_api.make_routes(shelf, settings, desk),
    ]
    for method, path, route in routes:
        app.add_api_route(path, _guarded(route), methods=[method])
    app.add_exception_handler(HTTPException, _no_route)
    return app


async def _chat(request: Request, shelf: Shelf, defaults: Settings, desk: Desk) -> Response:
    """One reply: whole, or as the events of its growth."""
    desk.admit(request)
    fields = await read_object(request)
    unknown = sorted(fields.keys() - set(FIELDS))
    if unknown:
        raise Refused(f"There is no field {unknown[0]!r}: choose among {', '.join(FIELDS)}.")
    message, history = read_message(fields.get("message")), read_history(fields.get("history"))
    settings = _settings(fields.get("settings"), defaults)
    streams, name = flag(fields, "stream"), model_name(fields.get("model"), shelf)
    growing = desk.begin(await load(shelf, name), message, history, settings)
    if streams:
        return await start_events(growing, lambda turns: _events(turns, name), _fault)
    return JSONResponse(_as_dict(await finish(growing, request), name))


async def _events(turns: AsyncIterator[Turn], name: str) -> AsyncIterator[str]:
    """The text as it grows, and at the end the whole reply."""
    turn, shown = Turn(""), ""
    async for turn in turns:
        if turn.text != shown:
            yield event({"text": turn.text, "done": False})
            shown = turn.text
    yield event({**_as_dict(turn, name), "done": True})


def _as_dict(turn: Turn, model: str) -> dict[str, Any]:
    """A whole turn for programs."""
    reply = {**describe(turn.reply), "attends": turn.reply.attends} if turn.reply else {}
    return {**reply, "text": turn.text, "model": model, "cut": turn.notice == "cut"}


def _settings(values: Any, defaults: Settings) -> Settings:
    if not isinstance(values, dict | None):
        raise Refused("settings must be an object of names and values.")
    try:
        return make_settings(values or {}, defaults)
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from error


async def _card(shelf: Shelf, name: str) -> dict[str, Any]:
    """What is known about a model, or why it cannot be loaded."""
    try:
        card = (await load(shelf, name)).card
    except Refused as error:
        return {"name": name, "error": error.sentence}
    return {**asdict(card), "name": name, "scores": dict(card.scores)}


def _guarded(route: Route) -> Route:
    """A route that gives a sentence for whatever goes wrong in it."""

    async def safe(request: Request) -> Response:
        try:
            return await route(request)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except Exception as error:
            return _refuse(request, as_refused(error))

    return safe


async def _no_route(request: Request, error: Exception) -> Response:
    """An unknown address, or a known one asked in the wrong way."""
    assert isinstance(error, HTTPException)  # the only kind that it is registered for
    return _refuse(request, Refused(f"{error.detail}.", error.status_code))


def _refuse(request: Request, refused: Refused) -> Response:
    fault = openai_api.fault if request.url.path.startswith("/v1/") else _fault
    return JSONResponse(fault(refused), refused.status)


def _fault(refused: Refused) -> Mapping[str, Any]:
    return {"error": refused.sentence}


def _version() -> str:
    try:
        return version("fairseq-s2s")
    except PackageNotFoundError:  # run from a copy that is not installed
        return ""
