"""The docstrings' marks become Markdown."""

import pytest

pytest.importorskip("griffe")

from scripts.documenting.docstrings import to_markdown  # noqa: E402


def test_roles():
    paths = {"Attention": "package.attention.Attention"}
    text = to_markdown("See :class:`Attention`, :func:`other` and ``plain``.", paths.get)
    assert text == (
        'See <autoref optional identifier="package.attention.Attention"><code>Attention</code>'
        "</autoref>, `other` and ``plain``."
    )


def test_a_block_of_mathematics_and_what_follows_it():
    text = to_markdown("Before.\n\n.. math::\n    a_t = 1, \\quad\n    b = 2\n\nAfter.\n")
    assert text == (
        'Before.\n\n<p class="formula"><i>a</i><sub><i>t</i></sub> = 1,<br><i>b</i> = 2</p>\n\n'
        "After.\n"
    )


def test_an_underscore_of_a_formula_is_no_emphasis():
    assert "_" not in to_markdown(r":math:`\mathrm{a\_b}`")


def test_a_session_is_code():
    assert to_markdown(">>> one()\n... two()") == "```python\n>>> one()\n... two()\n```"
