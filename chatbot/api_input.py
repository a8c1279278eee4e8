"""What programs send, checked: every fault is a :class:`Refused` with one clear sentence."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn

from starlette.requests import Request

from .dialog import Message, Shelf, clean

MAX_BODY = 1 << 19  # bytes
MAX_MESSAGES = 1000  # of one conversation
MAX_TEXT = 10_000  # characters of one message; the model is given the first 500 of them
MAX_SENTENCE = 300  # characters of a fault's sentence, which may quote what was sent
ROLES: tuple[Literal["user", "assistant"], ...] = ("user", "assistant")
IGNORED_ROLES = ("system", "developer")  # a model that was trained on dialogues takes no orders


class Refused(Exception):
    """A request that is not answered.

    Attributes:
        sentence: why
        status: of HTTP
        code: for programs; None where the status tells enough
    """

    def __init__(self, sentence: str, status: int = 400, code: str | None = None) -> None:
        super().__init__(sentence)
        short = sentence if len(sentence) <= MAX_SENTENCE else f"{sentence[:MAX_SENTENCE]}…"
        self.sentence = short.encode("utf-8", "backslashreplace").decode("utf-8")
        self.status = status
        self.code = code


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        Refused: for a body that is too large or no JSON object
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":  # also keeps other sites' forms out
        raise Refused("Send JSON, with the header Content-Type: application/json.", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(f"The body is larger than {MAX_BODY} bytes.", 413)
    try:
        found = json.loads(bytes(body), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:  # also broken UTF-8
        raise Refused(f"The body is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise Refused("The body must be a JSON object.")
    return found


def model_name(value: Any, shelf: Shelf) -> str:
    """A model's name; None means the default one."""
    if value is None:
        return shelf.names[0]
    if not isinstance(value, str) or value not in shelf.names:
        names = ", ".join(shelf.names)
        raise Refused(
            f"There is no model {_short(value)}: choose among {names}.", 404, "model_not_found"
        )
    return value


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """A field that is true or false; false where it is missing or null."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refused(f"{name} is {_short(value)}, but must be true or false.")
    return bool(value)


def read_message(value: Any) -> str:
    """The message to answer."""
    text = _text(value, "message")
    if not clean(text):
        raise Refused("message is empty: write a few words.")
    return text


def read_history(value: Any) -> list[Message]:
    """Earlier messages: pairs ``[user, bot]``, or objects of ``role`` and ``content``."""
    if value is None:
        return []
    items = _list(value, "history")
    if all(isinstance(item, list) for item in items):
        return [message for i, item in enumerate(items) for message in _pair(item, f"history[{i}]")]
    return _messages(items, "history")


def read_messages(value: Any) -> tuple[str, list[Message]]:
    """The message to answer, which is the last, and those before it."""
    messages = _messages(_list(value, "messages"), "messages")
    if not messages or messages[-1].role != "user":
        raise Refused("The last of the messages must be the user's.")
    if not clean(messages[-1].text):
        raise Refused("The last message is empty: write a few words.")
    return messages[-1].text, messages[:-1]


def _messages(items: Sequence[Any], where: str) -> list[Message]:
    """Messages of users and assistants; those to the system are left out."""
    messages = []
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise Refused(f"{where}[{i}] is {_short(item)}, but must have a role and a content.")
        role = item.get("role")
        if role not in (*ROLES, *IGNORED_ROLES):
            roles = ", ".join((*ROLES, *IGNORED_ROLES))
            raise Refused(f"{where}[{i}].role is {_short(role)}, but must be one of {roles}.")
        if role in ROLES:
            messages.append(Message(role, _content(item.get("content"), f"{where}[{i}].content")))
    return messages


def _pair(item: list[Any], where: str) -> list[Message]:
    if len(item) != 2:
        raise Refused(f"{where} has {len(item)} texts, but must be a pair: user's, bot's.")
    texts = [_text(text, f"{where}[{i}]") for i, text in enumerate(item)]
    return [Message(role, text) for role, text in zip(ROLES, texts, strict=True)]


def _content(value: Any, where: str) -> str:
    """A text, or the texts of a list of parts as one."""
    if not isinstance(value, list):
        return _text(value, where)
    parts = []
    for i, part in enumerate(value):
        if not isinstance(part, dict) or part.get("type") != "text":
            raise Refused(f"{where}[{i}] is no text part: this model reads text only.")
        parts.append(_text(part.get("text"), f"{where}[{i}].text"))
    return _text("\n".join(parts), where)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{where} is {_short(value)}, but must be a text.")
    if len(value) > MAX_TEXT:
        raise Refused(f"{where} has {len(value)} characters, but may have {MAX_TEXT} at most.")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Refused(f"{where} is {_short(value)}, but must be a list.")
    if len(value) > MAX_MESSAGES:
        raise Refused(f"{where} has {len(value)} entries, but may have {MAX_MESSAGES} at most.")
    return value


def _short(value: Any) -> str:
    """A value for a sentence, as JSON has it."""
    if value is None:
        return "missing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
