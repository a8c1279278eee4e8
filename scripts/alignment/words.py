"""Text of tokens: joined as people write, with the place of each token in it.

The gold alignments number tokens (``l' auberge , dit -il``), and a model reads text
(``l'auberge, dit-il``). The places lead from the one to the other.
"""

from collections.abc import Sequence

from fairseq_plugins._alignment import Span

TO_PREVIOUS = {
    "fr": frozenset(",.…)]}"),  # a space before ? ! ; : and », as French text has it
    "en": frozenset(",.…)]}?!;:'"),
}
TO_NEXT = frozenset("([{")
QUOTE = '"'


def plain(token: str) -> str:
    """The token with a straight apostrophe, which most text on the net has; equally long."""
    return token.replace("\u2019", "'")


def join(tokens: Sequence[str], language: str) -> tuple[str, list[Span]]:
    """The text of tokens, and where each of them stands in it.

    Args:
        tokens: each without spaces
        language: ``fr`` or ``en``
    """
    tokens = [plain(token) for token in tokens]
    text, spans, quotes = "", [], 0
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        opened = quotes % 2 == 1  # with this token the quotation ends, or has begun before it
        glued = before is None or _goes_on(before, opened) or _follows(token, opened, language)
        text += token if glued else f" {token}"
        spans.append((len(text) - len(token), len(text)))
        quotes += token == QUOTE
    return text, spans


def _goes_on(before: str, opened: bool) -> bool:
    """Whether what follows a token is written to it: an elision, a bracket, an opened quote."""
    elided = len(before) > 1 and before.endswith("'")
    return elided or before in TO_NEXT or (before == QUOTE and opened)


def _follows(token: str, opened: bool, language: str) -> bool:
    """Whether a token is written to the one before: a comma, a clitic, a closing quote."""
    clitic = len(token) > 1 and token[0] in "-'" and token[1].isalpha()
    return clitic or token in TO_PREVIOUS[language] or (token == QUOTE and opened)
