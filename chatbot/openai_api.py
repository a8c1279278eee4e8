"""The part of OpenAI's chat completions that a small dialogue model can honour.

A program's fields become :class:`Settings`: a temperature of 0 is greedy search, any other draws.
Fields that ask for what this model has not (tools, stop words, penalties) change nothing.
"""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .api_input import Refused, flag, model_name, read_messages, read_object
from .api_work import Desk, event, finish, load, start_events
from .dialog import LIMITS, Candidate, Reply, Settings, Shelf, make_settings
from .turn import Turn

COOLEST = LIMITS["temperature"][0]  # below it there is one choice only
LONGEST = int(LIMITS["max_length"][1])
MAX_CHOICES = int(LIMITS["beam"][1])
ERRORS = {404: "not_found_error", 429: "rate_limit_error"}  # else by the hundred

Route = Callable[[Request], Awaitable[Response]]


def make_routes(shelf: Shelf, settings: Settings, desk: Desk) -> list[tuple[str, str, Route]]:
    """Method, path and handler of each route."""
    started = int(time.time())

    def entry(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": started, "owned_by": "fairseq-s2s"}

    async def models(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [entry(name) for name in shelf.names]})

    async def model(request: Request) -> Response:
        return JSONResponse(entry(model_name(request.path_params["name"], shelf)))

    async def completions(request: Request) -> Response:
        return await _complete(request, shelf, settings, desk)

    return [
        ("GET", "/v1/models", models),
        ("GET", "/v1/models/{name}", model),
        ("POST", "/v1/chat/completions", completions),
    ]


def fault(refused: Refused) -> Mapping[str, Any]:
    """An error as OpenAI's clients read it."""
    kind = "server_error" if refused.status >= 500 else "invalid_request_error"
    kind = ERRORS.get(refused.status, kind)
    error = {"message": refused.sentence, "type": kind, "param": None, "code": refused.code}
    return {"error": error}


async def _complete(request: Request, shelf: Shelf, defaults: Settings, desk: Desk) -> Response:
    desk.admit(request)
    fields = await read_object(request)
    message, history = read_messages(fields.get("messages"))
    name, streams = model_name(fields.get("model"), shelf), flag(fields, "stream")
    count, usage = _number(fields, "n", 1, MAX_CHOICES) or 1, _wants_usage(fields)
    settings = read_settings(fields, defaults)
    settings = replace(settings, beam=max(count, settings.beam))
    growing = desk.begin(await load(shelf, name), message, history, settings)
    form = _Form(name, count)
    if streams:
        return await start_events(growing, lambda turns: form.chunks(turns, usage), fault)
    return JSONResponse(form.completion(await finish(growing, request)))


def read_settings(fields: Mapping[str, Any], defaults: Settings) -> Settings:
    """The settings that a request's fields ask for.

    Raises:
        Refused: for a value out of its range
    """
    temperature = _number(fields, "temperature", 0.0, 2.0)
    top_p = _number(fields, "top_p", 0.0, 1.0)
    lengths = [_number(fields, name, 1) for name in ("max_completion_tokens", "max_tokens")]
    longest = next((min(value, LONGEST) for value in lengths if value is not None), None)
    changes: dict[str, Any] = {"seed": _number(fields, "seed", *LIMITS["seed"])}
    if temperature is not None and temperature < COOLEST:
        changes["mode"] = "greedy"
    elif temperature is not None or top_p is not None:
        changes |= {"mode": "sampling", "temperature": temperature}
    if top_p is not None:
        changes["topp"] = max(top_p, LIMITS["topp"][0])
    if longest is not None:
        changes |= {"max_length": longest, "min_length": min(defaults.min_length, longest)}
    return make_settings(changes, defaults)


class _Form:
    """A reply in the words of OpenAI's clients."""

    def __init__(self, model: str, count: int) -> None:
        self.count = count
        self.head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    def completion(self, turn: Turn) -> dict[str, Any]:
        """The whole reply; fewer choices than asked for where fewer different ones were found."""
        choices = [
            {
                "index": i,
                "message": {"role": "assistant", "content": choice.text},
                "finish_reason": _reason(choice),
            }
            for i, choice in enumerate(self._choices(turn))
        ]
        kind = "chat.completion"
        return {**self.head, "object": kind, "choices": choices, "usage": self._usage(turn)}

    async def chunks(self, turns: AsyncIterator[Turn], usage: bool) -> AsyncIterator[str]:
        """The reply as it grows, then the other choices, each whole."""
        last = {"usage": None} if usage else {}
        turn, sent = Turn(""), ""
        yield self._chunk(0, {"role": "assistant", "content": ""}, last)
        async for turn in turns:
            if turn.text.startswith(sent) and turn.text != sent:
                yield self._chunk(0, {"content": turn.text[len(sent) :]}, last)
                sent = turn.text
        for i, choice in enumerate(self._choices(turn)):
            if i > 0:
                yield self._chunk(i, {"role": "assistant", "content": choice.text}, last)
            yield self._chunk(i, {}, last, _reason(choice))
        if usage:
            end = {"choices": [], "usage": self._usage(turn)}
            yield event({**self.head, "object": "chat.completion.chunk", **end})
        yield event("[DONE]")

    def _chunk(
        self,
        index: int,
        delta: Mapping[str, Any],
        last: Mapping[str, Any],
        reason: str | None = None,
    ) -> str:
        choice = {"index": index, "delta": delta, "finish_reason": reason}
        return event({**self.head, "object": "chat.completion.chunk", "choices": [choice], **last})

    def _choices(self, turn: Turn) -> Sequence[Candidate]:
        """The reply, and other candidates up to the number that was asked for."""
        reply = turn.reply or Reply(turn.text)
        first = Candidate(turn.text, 0.0, tokens=reply.tokens, unfinished=reply.unfinished)
        others = [candidate for candidate in reply.candidates if candidate.text != turn.text]
        return [first, *others][: self.count]

    def _usage(self, turn: Turn) -> dict[str, int]:
        """Pieces of the choices; of the prompt, words, since a reply names those only."""
        prompt = len(turn.reply.source_words) if turn.reply else 0
        written = sum(choice.tokens for choice in self._choices(turn))
        total = prompt + written
        return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": total}


def _reason(choice: Candidate) -> str:
    return "length" if choice.unfinished else "stop"


def _wants_usage(fields: Mapping[str, Any]) -> bool:
    options = fields.get("stream_options")
    if not isinstance(options, dict | None):
        raise Refused("stream_options must be an object.")
    return flag(options or {}, "include_usage")


@overload
def _number(
    fields: Mapping[str, Any], name: str, low: int, high: int | None = None
) -> int | None: ...


@overload
def _number(
    fields: Mapping[str, Any], name: str, low: float, high: float | None = None
) -> float | None: ...


def _number(
    fields: Mapping[str, Any], name: str, low: float, high: float | None = None
) -> float | None:
    """A field's number, a whole one if ``low`` is; None where it is missing or null."""
    value = fields.get(name)
    if value is None:
        return None
    whole = isinstance(low, int)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number and low <= value and (high is None or value <= high)
    if not fits or (whole and (value == float("inf") or value != int(value))):
        noun = "a whole number" if whole else "a number"
        limits = f"of {low} or more" if high is None else f"from {low} to {high}"
        raise Refused(f"{name} is not {noun} {limits}.")
    return int(value) if whole else float(value)
