"""The part of a page that is made from the results: of the README, of docs/results.md."""

from pathlib import Path

BEGIN, END = "<!-- results -->", "<!-- /results -->"


def replaced(page: Path, tables: str) -> str:
    """A page's text with these tables between the markers.

    Raises:
        ValueError: where it has not each marker once, the beginning first
    """
    try:
        text = page.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{page} is no text in UTF-8") from None
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{page} needs one line {BEGIN} and after it one line {END}")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables}\n{END}{rest.partition(END)[2]}"
