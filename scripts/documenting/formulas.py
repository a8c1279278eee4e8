"""Formulas of the docstrings, LaTeX of few words, as plain HTML: no page needs a script."""

import re
from html import escape

SYMBOLS = {
    **{name: name for name in ("exp", "ln", "log", "max", "min", "sgn", "tanh")},
    "alpha": "α",
    "cdot": "·",
    "dots": "…",
    "ell": "ℓ",
    "epsilon": "ε",
    "ge": "≥",
    "in": "∈",
    "lambda": "λ",
    "le": "≤",
    "mid": " | ",
    "odot": " ⊙ ",
    "partial": "∂",
    "Phi": "Φ",
    "pi": "π",
    "prod": "∏",
    "propto": "∝",
    "sigma": "σ",
    "sim": " ∼ ",
    "sum": "Σ",
    "tau": "τ",
    "top": "ᵀ",
    "quad": "\u2003",
    ",": "\u2009",
    ";": "\u2009",
    " ": " ",
    "|": "‖",
    "_": "_",
    "{": "{",
    "}": "}",
}
IGNORED = ("big", "Big", "left", "right", "textstyle")  # sizes
ACCENTS = {"tilde": "\u0303", "bar": "\u0304", "hat": "\u0302", "overleftarrow": "\u20d6"}
STYLES = {"mathrm": "span", "text": "span", "mathbf": "b", "mathcal": "i"}
OPERATORS = {"-": " − ", "+": " + ", "=": " = ", "<": " &lt; ", ">": " &gt; "}
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\s+|.", re.S)


def to_html(formula: str) -> str:
    """A formula as HTML with ``<sub>``, ``<sup>`` and ``<i>`` only.

    Raises:
        ValueError: for a command that is not known here
    """
    html = re.sub(" {2,}", " ", _Reader(formula).sequence()).strip()
    return re.sub(r"(?<=[a-z]) \(", "(", html)


class _Reader:
    """Reads the tokens of a formula one by one."""

    def __init__(self, formula: str) -> None:
        self.formula = formula
        self.tokens = [each for each in TOKEN.findall(formula) if not each.isspace()]
        self.place = 0

    def sequence(self) -> str:
        """All up to the end or a closing brace."""
        found = []
        while self.place < len(self.tokens) and self.tokens[self.place] != "}":
            found.append(self.atom())
        return "".join(found)

    def atom(self) -> str:
        """The next token with what belongs to it."""
        if self.place == len(self.tokens):
            raise ValueError(f"a formula ends too early: {self.formula}")
        token = self.tokens[self.place]
        self.place += 1
        if token == "{":
            inside = self.sequence()
            self.place += 1
            return inside
        if token in ("_", "^"):
            return self.script(token)
        if token.startswith("\\"):
            return self.command(token[1:])
        if token in OPERATORS:
            return OPERATORS[token]
        if token == ",":
            return ", "
        return f"<i>{token}</i>" if token.isalpha() else escape(token.replace("'", "′"))

    def script(self, token: str) -> str:
        """What stands below or above."""
        inside = re.sub(r"\s*([−+=])\s*", r"\1", self.atom())
        if inside == "ᵀ" and token == "^":
            return inside
        tag = "sub" if token == "_" else "sup"
        return f"<{tag}>{inside}</{tag}>"

    def command(self, name: str) -> str:
        """A command with its arguments."""
        if name in SYMBOLS:
            symbol = SYMBOLS[name]
            return f" {symbol} " if len(symbol) > 1 and symbol.isalpha() else symbol
        if name in IGNORED:
            return ""
        if name in ACCENTS:
            return self.atom().replace("</i>", f"{ACCENTS[name]}</i>", 1)
        if name in STYLES:
            inside = re.sub("</?i>", "", self.atom())
            return f"<{STYLES[name]}>{inside}</{STYLES[name]}>"
        if name == "frac":
            return f"{_bracket(self.atom())} / {_bracket(self.atom())}"
        if name == "sqrt":
            return f"√{_bracket(self.atom())}"
        raise ValueError(
            f"\\{name} is not known to scripts/documenting/formulas.py: {self.formula}"
        )


def _bracket(part: str) -> str:
    """A part that is more than one letter or number, in brackets."""
    text = re.sub("<[^>]+>", "", part)
    return part if len(text) == 1 or text.isdigit() else f"({part})"
