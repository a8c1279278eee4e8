"""What stands beside the conversation, as HTML: everything that a user or a model wrote is escaped.

Gradio runs the handlers in the value of its HTML component, and translates nothing in it. So each
label is written in both languages, and the style sheet shows the one of the page
(``html[data-language]``). Buttons carry ``data-act``; page.js hands it to the server.
"""

import math
from collections.abc import Sequence
from html import escape

from .alignment import is_wide
from .conversation import Conversation, Exchange
from .dialog import SEPARATOR, SPEAKERS, SYMBOLS, Candidate, Card, Reply
from .strings import LABELS

MAX_ROWS = MAX_COLUMNS = 40  # words in the heat map
WIDTH, HALF_WIDTH, HEIGHT = 330, 112, 370  # pixels of a heat map's cells: alone, side by side
WAITING = "…"  # in the bubble of a reply before its first word
MAX_SOURCE = 2000  # characters of what was fed to the model; the rest is not shown

_MARK = """<svg class="mark" viewBox="0 0 40 40" aria-hidden="true">
<defs><linearGradient id="mark-fill" x1="0" y1="0" x2="1" y2="1"><stop offset="0" \
stop-color="#6366f1"/><stop offset="1" stop-color="#4338ca"/></linearGradient></defs>
<rect width="40" height="40" rx="11" fill="url(#mark-fill)"/><g fill="#fff">\
<rect x="9" y="9" width="6.5" height="6.5" rx="2"/>\
<rect x="16.8" y="9" width="6.5" height="6.5" rx="2" opacity=".38"/>\
<rect x="24.6" y="9" width="6.5" height="6.5" rx="2" opacity=".16"/>\
<rect x="9" y="16.8" width="6.5" height="6.5" rx="2" opacity=".3"/>\
<rect x="16.8" y="16.8" width="6.5" height="6.5" rx="2" opacity=".9"/>\
<rect x="24.6" y="16.8" width="6.5" height="6.5" rx="2" opacity=".4"/>\
<rect x="9" y="24.6" width="6.5" height="6.5" rx="2" opacity=".14"/>\
<rect x="16.8" y="24.6" width="6.5" height="6.5" rx="2" opacity=".34"/>\
<rect x="24.6" y="24.6" width="6.5" height="6.5" rx="2"/></g></svg>"""

_SAMPLE = ((9, 3, 1, 0, 0), (2, 8, 3, 1, 0), (0, 2, 4, 8, 1), (1, 0, 1, 4, 9))  # tenths


def header(cards: Sequence[Card]) -> str:
    """The mark, the name, a line for each model, and the switch of the language."""
    lines = "".join(f'<p class="card-line">{_card_line(card)}</p>' for card in cards)
    switch = f'<button type="button" id="language" data-act="language">{label("language")}</button>'
    names = f'<div class="names"><h1>{label("title")}</h1>{lines}</div>'
    notice = f'<div id="reloaded" role="status">{label("reloaded")}</div>'
    return f'<div class="header">{_MARK}{names}{switch}{notice}</div>'


def welcome() -> str:
    """What stands in an empty conversation."""
    return f'<div class="welcome"><h2>{label("welcome")}</h2><p>{label("welcome_hint")}</p></div>'


def welcome_aside() -> str:
    """What stands in the empty conversation of the second model."""
    return f'<div class="welcome"><p>{label("welcome_aside")}</p></div>'


def messages(conversation: Conversation) -> list[dict[str, str]]:
    """The conversation for the Chatbot: each message and its reply, two bubbles an exchange."""
    bubbles = []
    for exchange in conversation.exchanges:
        text = exchange.turn.text if exchange.turn is not None else ""
        bubbles.append({"role": "user", "content": exchange.message})
        bubbles.append({"role": "assistant", "content": text or WAITING})
    return bubbles


def attention(conversation: Conversation, model: str = "") -> str:
    """What the model read, and the heat map of the reply that is looked at.

    The map has a row for each word of the reply and a column for each word of the message.
    ``model`` is a heading, for two models side by side.
    """
    reply = _reply(conversation.current)
    if reply is None:
        cells = "".join(f"<tr>{''.join(map(_sample_cell, row))}</tr>" for row in _SAMPLE)
        table = f'<table class="heat sample" aria-hidden="true">{cells}</table>'
        return _panel(f"{table}{_hint('attention_hint')}", model, empty=True)
    if reply.alignment and reply.source_words:
        content = _read(reply) + _heat_map(reply, HALF_WIDTH if model else WIDTH)
    else:
        why = "attention_fallback" if reply.kind == "fallback" else "attention_none"
        growing = reply.attends and reply.kind == "model" and not reply.candidates
        content = _read(reply) + _hint("attention_wait" if growing else why)
    return _panel(content, model, shown=conversation.looked_at)


def candidates(conversation: Conversation, model: str = "") -> str:
    """The n-best list, best first, as buttons with a bar for the probability of each."""
    turn = None if conversation.current is None else conversation.current.turn
    if turn is None or turn.reply is None or not turn.reply.candidates:
        return _panel(_hint("candidates_hint"), model, empty=True)
    reply, chosen = turn.reply, turn.chosen
    rows = "".join(
        f'<li><button type="button" data-act="choose:{index}" '
        f'aria-pressed="{"true" if index == chosen else "false"}">'
        f'<span class="line"><span class="text">{escape(each.text)}</span>'
        f"{_reranked(each)}"
        f'<span class="share" title="{_total(each)}">{_percent(share)}</span>'
        f'</span><span class="bar"><i style="width:{100 * share:.1f}%"></i></span></button></li>'
        for index, each in enumerate(reply.candidates)
        for share in [min(1.0, math.exp(each.score))]
    )
    return _panel(f'<ol class="candidates">{rows}</ol>{_note("candidates_score")}', model)


def facts(conversation: Conversation, model: str = "") -> str:
    """The answers to choose among, and time, tokens and speed as chips."""
    exchange = conversation.current
    reply = _reply(exchange)
    heading = f"<h3>{escape(model)}</h3>" if model else ""
    if reply is None or not reply.tokens:
        chips = [f"– {label('seconds')}", f"– {label('tokens')}", f"– {label('speed')}"]
        return f'<div class="facts">{heading}{_variants(exchange)}{_chips(chips, "idle")}</div>'
    speed = reply.tokens / max(reply.seconds, 1e-3)
    chips = [
        f"<b>{reply.seconds:.2f}</b> {label('seconds')}",
        f"{label('first')} <b>{1000 * reply.first_seconds:.0f}</b> {label('milliseconds')}",
        f"<b>{reply.tokens}</b> {label('tokens')}",
        f"<b>{speed:.0f}</b> {label('speed')}",
    ]
    if reply.seed is not None:
        chips.append(f"{label('seed')} <b>{reply.seed}</b>")
    return f'<div class="facts">{heading}{_variants(exchange)}{_chips(chips)}</div>'


def model_card(card: Card) -> str:
    """What is known about a model, as a list of names and values."""
    rows = [
        ("card_architecture", card.architecture),
        ("card_parameters", f"{card.parameters:,}" if card.parameters else ""),
        ("card_vocabulary", f"{card.vocabulary:,}" if card.vocabulary else ""),
        ("card_data", card.data),
        ("card_licence", card.licence),
        ("card_date", card.date),
        ("card_device", card.device),
        *card.scores,
    ]
    items = "".join(
        f"<dt>{label(key) if key in LABELS['en'] else escape(key)}</dt><dd>{escape(value)}</dd>"
        for key, value in rows
        if value
    )
    return f'<div class="card"><h3>{escape(card.name)}</h3><dl>{items}</dl></div>'


def label(key: str) -> str:
    """A label in both languages."""
    return "".join(
        f'<span class="in-{language}" lang="{language}">{escape(labels[key])}</span>'
        for language, labels in LABELS.items()
    )


def _reply(exchange: Exchange | None) -> Reply | None:
    return exchange.turn.reply if exchange is not None and exchange.turn is not None else None


def _card_line(card: Card) -> str:
    """A model in one line."""
    size = f"{card.parameters / 1e6:.1f}M" if card.parameters else ""
    parts = [
        f"<b>{escape(card.name)}</b>" if card.name else "",
        escape(card.architecture),
        f"{size} {label('parameters')}" if size else "",
        escape(card.device.upper() if card.device == "cpu" else card.device),
    ]
    return " · ".join(part for part in parts if part)


def _panel(content: str, model: str, *, empty: bool = False, shown: int | None = None) -> str:
    heading = f"<h3>{escape(model)}</h3>" if model else ""
    mark = "" if shown is None else f' data-shown="{shown}"'
    return f'<div class="panel{" empty" if empty else ""}"{mark}>{heading}{content}</div>'


def _hint(key: str) -> str:
    return f'<p class="hint">{label(key)}</p>'


def _note(key: str) -> str:
    return f'<p class="note">{label(key)}</p>'


def _chips(chips: Sequence[str], kind: str = "") -> str:
    return f'<div class="chips {kind}">{"".join(f"<span>{chip}</span>" for chip in chips)}</div>'


def _variants(exchange: Exchange | None) -> str:
    """A button for each answer that a message was given, where there are several."""
    if exchange is None or len(exchange.variants) < 2:
        return ""
    buttons = "".join(
        f'<button type="button" data-act="show:{index}" '
        f'aria-pressed="{"true" if index == exchange.shown else "false"}">{index + 1}</button>'
        for index in range(len(exchange.variants))
    )
    return f'<div class="variants" role="group">{label("variants")} {buttons}</div>'


def _read(reply: Reply) -> str:
    """What was really fed to the model, turn by turn; page.js lights up the words of the last."""
    *earlier, last = reply.source[:MAX_SOURCE].split(f" {SEPARATOR} ")
    past = "".join(f'<span class="said">{_said(turn)}</span>' for turn in earlier)
    columns = _columns(reply)[0] if reply.source_words else []
    words = "".join(f'<span class="word">{_word(each)}</span>' for each in columns if each)
    if columns and columns[0] == "":
        past = f'<span class="word past">{past or "…"}</span>'
    return (
        f'<div class="read"><p class="note">{label("read")}</p><p class="turns">{past}'
        f'<span class="said last">{words or _said(last)}</span></p>{_plan(reply)}</div>'
    )


def _plan(reply: Reply) -> str:
    """What the model decided to speak about before it spoke."""
    if not reply.plan:
        return ""
    return f'<p class="note plan">{label("plan")} <b>{escape(reply.plan)}</b></p>'


def _said(turn: str) -> str:
    """A turn as the model read it; the symbols of who spoke are dim."""
    speaker = next((each for each in SPEAKERS.values() if turn.startswith(each)), "")
    dim = f'<i class="symbol">{escape(speaker)}</i> ' if speaker else ""
    return dim + escape(turn.removeprefix(speaker).strip())


def _word(word: str) -> str:
    return f'<i class="symbol">{escape(word)}</i>' if word in SYMBOLS else escape(word)


def _heat_map(reply: Reply, width: int) -> str:
    columns, rows = _columns(reply)
    head = "".join(map(_column_head, columns))
    body = "".join(
        f'<tr><th scope="row" tabindex="0">{escape(word)}</th>'
        f"{''.join(map(_cell, columns, row))}</tr>"
        for word, row in zip(reply.reply_words[:MAX_ROWS], rows, strict=False)
    )
    tall = min(len(reply.reply_words), MAX_ROWS)
    size = max(12, min(24, width // len(columns) - 3, max(18, HEIGHT // tall - 3)))
    cut = label("attention_cut") if len(reply.reply_words) > MAX_ROWS else ""
    return (
        f'<div class="scroll"><table class="heat" style="--size:{size}px"><thead><tr><td></td>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="note">{label("attention_axes")} {cut}</p>'
    )


def _columns(reply: Reply) -> tuple[list[str], list[list[float]]]:
    """Columns and rows of the alignment; all that stands before the message is one column, ""."""
    words, alignment = reply.source_words, reply.alignment or ()
    start = 1 + max((i for i, word in enumerate(words) if word == SEPARATOR), default=-1)
    start = max(start, len(words) - MAX_COLUMNS)
    if start == 0:
        return list(words), [list(row) for row in alignment]
    rows = [[sum(row[:start]), *row[start:]] for row in alignment]
    return ["", *words[start:]], rows


def _column_head(word: str) -> str:
    """Latin words stand on their side; Chinese characters are stacked, never turned."""
    if not word:
        return f'<th scope="col" class="past">{label("attention_past")}</th><td></td>'
    kind = "wide" if is_wide(word) else "latin"
    return f'<th scope="col" class="{kind}"><span>{_word(word)}</span></th>'


def _cell(word: str, weight: float) -> str:
    style, share = f"--w:{100 * weight:.1f}%", _percent(weight)
    if not word:
        return f'<td class="past" style="{style}" data-tip="{share}"></td><td class="gap"></td>'
    return f'<td style="{style}" data-tip="{escape(f"{word}  {share}")}"></td>'


def _sample_cell(tenths: int) -> str:
    return f'<td style="--w:{10 * tenths}%"></td>'


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def _reranked(candidate: Candidate) -> str:
    """What the list is sorted by, where that is not the probability."""
    if candidate.reranked is None:
        return ""
    return f'<span class="rank">{label("reranked")} {candidate.reranked:.2f}</span>'


def _total(candidate: Candidate) -> str:
    """The probability of the whole candidate, beside the mean per token."""
    return "" if candidate.total is None else f"p = {math.exp(min(0.0, candidate.total)):.2g}"
