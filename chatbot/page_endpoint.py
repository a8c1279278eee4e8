"""The endpoint ``chat`` for programs that come through gradio_client: stateless, one reply."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from .api_input import Refused, model_name, read_history, read_message
from .api_work import address
from .bounds import TOO_LATE, TOO_OFTEN, Bounds, Rate
from .conversation import describe
from .dialog import Settings, Shelf, make_settings
from .turn import Turn, answer


def make_endpoint(
    shelf: Shelf, defaults: Settings, bounds: Bounds, rate: Rate
) -> Callable[..., dict[str, Any]]:
    """The function behind the endpoint; its signature and docstring are the documentation.

    Args:
        shelf: the models
        defaults: settings that a request leaves out
        bounds: of a reply
        rate: of an address
    """

    def chat(
        request: gr.Request,
        message: str,
        history: list[list[str]] | None = None,
        model: str = "",
        settings: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Answer a message.

        history: earlier exchanges, each a message and its reply. model: a name; empty means the
        first. settings: any of mode, beam, length_penalty, temperature, topk, topp,
        no_repeat_ngram, min_length, max_length, turns, seed, diversity, fallback.
        Returns text, source, kind, candidates, alignment, seconds, tokens, seed and model; what
        is wrong with a request is said in one sentence as an error.
        """
        if not rate.admit(address(request)):
            raise gr.Error(TOO_OFTEN, print_exception=False)
        try:
            text, dialog = read_message(message), read_history(history)
            responder = shelf.get(model_name(model or None, shelf))
            chosen = make_settings(_object(settings), defaults)
        except (Refused, ValueError) as error:
            raise gr.Error(str(error), print_exception=False) from None
        turn = list(answer(responder, text, dialog, chosen, bounds))[-1]
        if turn.notice == "late":
            raise gr.Error(TOO_LATE, print_exception=False)
        if turn.failed:
            reference = f" ({turn.reference})" if turn.reference else ""
            raise gr.Error(f"{turn.text}{reference}", print_exception=False)
        return _result(turn, responder.card.name)

    return chat


def _result(turn: Turn, model: str) -> dict[str, Any]:
    reply = describe(turn.reply) if turn.reply else {}
    return {**reply, "text": turn.text, "model": model, "cut": turn.notice == "cut"}


def _object(value: Any) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    raise Refused("settings must be an object of names and values.")
