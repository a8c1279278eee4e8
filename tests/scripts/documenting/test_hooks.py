"""A link to a file of the repository leads to a page of the site."""

from types import SimpleNamespace

import pytest

pytest.importorskip("mkdocs")

from scripts.documenting import hooks  # noqa: E402


def page(name: str) -> SimpleNamespace:
    return SimpleNamespace(file=SimpleNamespace(src_uri=name))


@pytest.mark.parametrize(
    ("name", "link", "led"),
    [
        ("serving.md", "[a](../chatbot/dialog.py)", "[a](source/chatbot/dialog.py.md)"),
        ("reference/hub.md", "[a](../../setup.py)", "[a](../source/setup.py.md)"),
        ("reference/hub.md", "[a](../python.md#stream)", "[a](../python.md#stream)"),
        ("serving.md", "[a](../no/such/file)", "[a](../no/such/file)"),
        ("serving.md", "[a](https://example.org/../x)", "[a](https://example.org/../x)"),
    ],
)
def test_a_link(name, link, led):
    assert hooks.on_page_markdown(link, page(name), None, None) == led
