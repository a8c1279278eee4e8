"""The head of a model card is YAML that means what it says."""

import pytest
import yaml

from fairseq_plugins.export.readme import describe_package
from fairseq_plugins.model_card import ModelCard


def head(licence="CC0-1.0", languages=("de", "en")):
    card = ModelCard({"_name": "s2s_attn"}, "", licence, "2025-01-01", {})
    text = describe_package(
        card,
        languages=languages,
        parameters=1,
        vocabularies=(5, 5),
        attends=True,
        graphs=None,
        sizes={},
    )
    return yaml.safe_load(text.split("---\n")[1])


@pytest.mark.parametrize("languages", [("no", "en"), ("en", "on"), ("zh-CN", "y"), ("de", "1")])
def test_a_language_is_a_text_whatever_its_letters(languages):
    assert head(languages=languages)["language"] == list(languages)


@pytest.mark.parametrize(
    ("licence", "value"),
    [("CC0-1.0", "cc0-1.0"), ("No", "no"), ("2.0", "2.0"), ('"x": {', "unknown"), ("", "unknown")],
)
def test_a_licence_is_a_text_too(licence, value):
    assert head(licence=licence)["license"] == value
