"""Formulas of the docstrings become HTML that says the same."""

import re
from pathlib import Path

import pytest

pytest.importorskip("griffe")

from scripts.documenting.docstrings import BLOCK, ROLE  # noqa: E402
from scripts.documenting.formulas import to_html  # noqa: E402

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("formula", "html"),
    [
        ("s_t", "<i>s</i><sub><i>t</i></sub>"),
        ("s_{t-1}", "<i>s</i><sub><i>t</i>−1</sub>"),
        (r"v^\top", "<i>v</i>ᵀ"),
        (r"2^{16}", "2<sup>16</sup>"),
        (r"\tanh(W x)", "tanh(<i>W</i><i>x</i>)"),
        (r"\mathrm{softmax}(e)", "<span>softmax</span>(<i>e</i>)"),
        (r"\frac{1}{T} \sum_j", "1 / <i>T</i>Σ<sub><i>j</i></sub>"),
        (r"\frac{a + b}{c}", "(<i>a</i> + <i>b</i>) / <i>c</i>"),
        (r"\tilde t", "<i>t\u0303</i>"),
        (r"\sqrt{\mathrm{query\_dim}}", "√(<span>query_dim</span>)"),
        ("a < b", "<i>a</i> &lt; <i>b</i>"),
    ],
)
def test_a_formula_as_html(formula, html):
    assert to_html(formula) == html


@pytest.mark.parametrize("formula", [r"\unheard of", "a_"])
def test_what_is_not_known_is_refused(formula):
    with pytest.raises(ValueError):
        to_html(formula)


def test_every_formula_of_the_package_can_be_read():
    found = 0
    for path in (ROOT / "fairseq_plugins").rglob("*.py"):
        text = path.read_text("utf-8")
        formulas = [block[2] + block[3] for block in BLOCK.finditer(text)]
        formulas += [role[2] for role in ROLE.finditer(text) if role[1] == "math"]
        for formula in formulas:
            assert "\\" not in re.sub("<[^>]+>", "", to_html(formula)), path
        found += len(formulas)
    assert found > 100
