"""What stands beside the conversation, as HTML: everything that a user or a model wrote is escaped.

Gradio runs the handlers in the value of its HTML component, and translates nothing in it. So each
label is written in both languages, and the style sheet shows the one of the page (``html[lang]``).
"""

import math
from collections.abc import Sequence
from html import escape

from .alignment import is_wide
from .dialog import SEPARATOR, Reply
from .strings import LABELS

MAX_ROWS = MAX_COLUMNS = 40  # words in the heat map

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


def header(card: str) -> str:
    """The mark, the name and the model in one line."""
    return (
        f'<div class="header">{_MARK}<div><h1>{label("title")}</h1>'
        f'<p class="card-line">{escape(card)}</p></div></div>'
    )


def welcome() -> str:
    """What stands in an empty conversation."""
    return f'<div class="welcome"><h2>{label("welcome")}</h2><p>{label("welcome_hint")}</p></div>'


def heat_map(reply: Reply | None) -> str:
    """The alignment as a table: a row for each word of the reply, a column for each it read."""
    if reply is None or (reply.alignment is None and not reply.candidates):
        cells = "".join(f"<tr>{''.join(map(_sample_cell, row))}</tr>" for row in _SAMPLE)
        table = f'<table class="heat sample" aria-hidden="true">{cells}</table>'
        return _panel(f"{table}{_hint('attention_hint')}", empty=True)
    if reply.alignment is None:
        return _panel(_hint("attention_none"), empty=True)
    columns, rows = _message_only(reply)
    head = "".join(map(_column_head, columns))
    body = "".join(
        f'<tr><th scope="row">{escape(word)}</th>{"".join(map(_cell, columns, row))}</tr>'
        for word, row in zip(reply.reply_words[:MAX_ROWS], rows, strict=False)
    )
    size = max(12, min(24, 330 // len(columns) - 3))
    cut = label("attention_cut") if len(reply.reply_words) > MAX_ROWS else ""
    return _panel(
        f'<div class="scroll"><table class="heat" style="--size:{size}px"><thead><tr><td></td>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="note">{label("attention_axes")} {cut}</p>'
    )


def candidates(reply: Reply | None) -> str:
    """The n-best list, best first, with a bar for the probability of each."""
    if reply is None or not reply.candidates:
        return _panel(_hint("candidates_hint"), empty=True)
    rows = "".join(
        f'<li><div class="line"><span class="text">{escape(each.text)}</span>'
        f'<span class="share">{_percent(share)}</span></div>'
        f'<div class="bar"><i style="width:{100 * share:.1f}%"></i></div></li>'
        for each in reply.candidates
        for share in [min(1.0, math.exp(each.score))]
    )
    return _panel(f'<ol class="candidates">{rows}</ol>{_note("candidates_score")}')


def facts(reply: Reply | None) -> str:
    """Time, tokens and tokens per second as chips."""
    if reply is None or not reply.tokens:
        chips = [f"– {label('seconds')}", f"– {label('tokens')}", f"– {label('speed')}"]
        return _chips(chips, "idle")
    speed = reply.tokens / max(reply.seconds, 1e-3)
    return _chips(
        [
            f"<b>{reply.seconds:.2f}</b> {label('seconds')}",
            f"<b>{reply.tokens}</b> {label('tokens')}",
            f"<b>{speed:.0f}</b> {label('speed')}",
        ]
    )


def label(key: str) -> str:
    """A label in both languages."""
    return "".join(
        f'<span class="in-{language}" lang="{language}">{escape(labels[key])}</span>'
        for language, labels in LABELS.items()
    )


def _panel(content: str, *, empty: bool = False) -> str:
    return f'<div class="panel{" empty" if empty else ""}">{content}</div>'


def _hint(key: str) -> str:
    return f'<p class="hint">{label(key)}</p>'


def _note(key: str) -> str:
    return f'<p class="note">{label(key)}</p>'


def _chips(chips: Sequence[str], kind: str = "") -> str:
    return f'<div class="chips {kind}">{"".join(f"<span>{chip}</span>" for chip in chips)}</div>'


def _message_only(reply: Reply) -> tuple[list[str], list[list[float]]]:
    """Columns and rows of the alignment, all that stands before the message in one column."""
    words = reply.source_words
    start = 1 + max((i for i, word in enumerate(words) if word == SEPARATOR), default=-1)
    start = max(start, len(words) - MAX_COLUMNS)
    if start == 0:
        return list(words), [list(row) for row in reply.alignment]
    rows = [[sum(row[:start]), *row[start:]] for row in reply.alignment]
    return [SEPARATOR, *words[start:]], rows


def _column_head(word: str) -> str:
    """Latin words stand on their side; Chinese characters are stacked, never turned."""
    if word == SEPARATOR:
        text = label("attention_past")
        return f'<th scope="col" class="past">{text}</th><td></td>'
    kind = "wide" if is_wide(word) else "latin"
    return f'<th scope="col" class="{kind}"><span>{escape(word)}</span></th>'


def _cell(word: str, weight: float) -> str:
    style, share = f"--w:{100 * weight:.1f}%", _percent(weight)
    if word == SEPARATOR:
        return f'<td class="past" style="{style}" data-tip="{share}"></td><td class="gap"></td>'
    return f'<td style="{style}" data-tip="{escape(f"{word}  {share}")}"></td>'


def _sample_cell(tenths: int) -> str:
    return f'<td style="--w:{10 * tenths}%"></td>'


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"
