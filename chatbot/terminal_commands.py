"""The commands of the conversation in a terminal; each gives the text to show."""

import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .conversation import Conversation
from .dialog import LIMITS, MODES, PRESETS, Settings, make_settings
from .strings import LABELS, LANGUAGES
from .terminal_heatmap import LEGEND, display_width, draw, pad
from .turn import Turn

if TYPE_CHECKING:
    from .terminal import Talk

WORDS = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
FACTS = ("name", "architecture", "parameters", "vocabulary", "device", "data", "licence", "date")


def run(talk: "Talk", line: str) -> str:
    """Do what a line like ``/set beam 3`` says; whatever is wrong with it is one sentence."""
    command, _, rest = line.partition(" ")
    action = COMMANDS.get(command)
    if action is None:
        return talk.text("unknown", command=command)
    return action(talk, rest.strip())


def _help(talk: "Talk", rest: str) -> str:
    return talk.text("help", presets=_list(PRESETS), models=_list(talk.shelf.names))


def _clear(talk: "Talk", rest: str) -> str:
    talk.conversation = Conversation()
    return talk.text("cleared")


def _retry(talk: "Talk", rest: str) -> str:
    """Shows the new answer itself, as it grows."""
    if not talk.conversation.exchanges:
        return talk.text("nothing")
    talk.retry()
    return ""


def _undo(talk: "Talk", rest: str) -> str:
    exchanges = talk.conversation.exchanges
    if not exchanges:
        return talk.text("nothing")
    talk.conversation = talk.conversation.keep(len(exchanges) - 1)
    return talk.text("undone", text=exchanges[-1].message)


def _missing(talk: "Talk") -> str:
    """Why there is no candidate to show or to use; empty where there is one."""
    turn = _last(talk)
    if turn is None:
        return talk.text("nothing")
    return "" if turn.reply is not None and turn.reply.candidates else talk.text("no_candidates")


def _candidates(talk: "Talk", rest: str) -> str:
    if missing := _missing(talk):
        return missing
    turn = _last(talk)
    assert turn is not None and turn.reply is not None  # nothing is missing
    return "\n".join(
        f"{'>' if i == turn.chosen else ' '} {i + 1}. {_percent(each.score)}  {each.text}"
        for i, each in enumerate(turn.reply.candidates)
    )


def _use(talk: "Talk", rest: str) -> str:
    if missing := _missing(talk):
        return missing
    turn = _last(talk)
    assert turn is not None and turn.reply is not None  # nothing is missing
    count = len(turn.reply.candidates)
    number = int(rest) if rest.isdecimal() and len(rest) < 10 else 0
    if not 1 <= number <= count:
        return talk.text("no_candidate", value=rest, count=count)
    talk.conversation = talk.conversation.choose(number - 1)
    chosen = _last(talk)
    assert chosen is not None
    return f"{talk.text('bot')}{chosen.text}"


def _attention(talk: "Talk", rest: str) -> str:
    turn = _last(talk)
    if turn is None:
        return talk.text("nothing")
    reply = turn.reply
    if reply is None or not reply.alignment:
        return talk.text("no_attention")
    width = shutil.get_terminal_size().columns
    picture = draw(reply.reply_words, reply.source_words, reply.alignment, width)
    return f"{picture}\n{LEGEND}  ({talk.text('legend')})"


def _settings(talk: "Talk", rest: str) -> str:
    values = asdict(talk.settings)
    longest = max(map(len, values))
    return "\n".join(f"{name:{longest}}  {_shown(value)}" for name, value in values.items())


def _set(talk: "Talk", rest: str) -> str:
    name, _, text = rest.partition(" ")
    names = [field.name for field in fields(Settings)]
    if not name or not text.strip():
        return talk.text("set_needs", names=_list(names))
    if name not in names:
        return talk.text("no_setting", name=name, names=_list(names))
    if name == "seed" and text.strip() == "none":
        talk.settings = replace(talk.settings, seed=None)
        return talk.text("set", name=name, value="none")
    value = _value(text.strip())
    try:
        talk.settings = make_settings({name: value}, talk.settings)
    except ValueError:
        own = LIMITS.get(name, (math.nan, math.nan))
        if name.endswith("_length") and isinstance(value, int) and own[0] <= value <= own[1]:
            return talk.text("lengths")
        return talk.text("no_range", name=name, value=text.strip(), allowed=_allowed(talk, name))
    return talk.text("set", name=name, value=_shown(getattr(talk.settings, name)))


def _preset(talk: "Talk", rest: str) -> str:
    if rest not in PRESETS:
        return talk.text("no_preset", name=rest, names=_list(PRESETS))
    talk.settings = make_settings(PRESETS[rest], talk.settings)
    return _settings(talk, "")


def _card(talk: "Talk", rest: str) -> str:
    card = asdict(talk.responder.card)
    facts = {talk.text(f"card_{name}"): card[name] for name in FACTS if card[name]}
    labels = LABELS[talk.language]
    facts |= {labels.get(name, name): score for name, score in talk.responder.card.scores}
    longest = max(map(display_width, facts))
    return "\n".join(f"{pad(name, longest)}  {_shown(value)}" for name, value in facts.items())


def _model(talk: "Talk", rest: str) -> str:
    names = talk.shelf.names
    if rest and rest not in names:
        return talk.text("no_model", name=rest, names=_list(names))
    if rest:
        try:
            talk.responder = talk.shelf.get(rest)
        except ValueError:
            return talk.text("broken_model", name=rest)
    return talk.text("model", name=talk.responder.card.name, names=_list(names))


def _save(talk: "Talk", rest: str) -> str:
    path = Path(os.path.expanduser(rest))  # that of Path raises where there is no such user
    if path.suffix not in (".json", ".md"):
        return talk.text("save_needs")
    name, conversation = talk.responder.card.name, talk.conversation
    as_json = path.suffix == ".json"
    content = conversation.to_json(name) if as_json else conversation.to_markdown(name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        return talk.text("exists", file=rest)
    except (OSError, ValueError) as error:
        return talk.text("not_saved", file=rest, why=getattr(error, "strerror", None) or error)
    return talk.text("saved", file=rest)


def _lang(talk: "Talk", rest: str) -> str:
    if rest not in LANGUAGES:
        return talk.text("lang_needs")
    talk.language = rest
    return talk.text("lang")


COMMANDS: Mapping[str, Callable[["Talk", str], str]] = {
    f"/{action.__name__[1:]}": action
    for action in (
        _help,
        _clear,
        _retry,
        _undo,
        _candidates,
        _use,
        _attention,
        _settings,
        _set,
        _preset,
        _card,
        _model,
        _save,
        _lang,
    )
}


def _last(talk: "Talk") -> Turn | None:
    """The last answer."""
    exchanges = talk.conversation.exchanges
    return exchanges[-1].turn if exchanges else None


def _value(text: str) -> Any:
    """A typed value: a truth value, a number or a word."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _allowed(talk: "Talk", name: str) -> str:
    if name in LIMITS:
        low, high = LIMITS[name]
        return talk.text("range", low=low, high=high)
    return _list(MODES) if name == "mode" else "on, off"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _percent(score: float) -> str:
    """A mean log-probability as the probability per piece."""
    return f"{min(1.0, math.exp(score)):4.0%}"


def _list(names: Any) -> str:
    return ", ".join(names)
