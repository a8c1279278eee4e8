"""The head of a model card is YAML that means what it says."""

import pytest
import yaml

from fairseq_plugins.export.readme import describe_package
from fairseq_plugins.model_card import ModelCard


@pytest.mark.parametrize("languages", [("no", "en"), ("en", "on"), ("zh-CN", "y"), ("de", "1")])
def test_a_language_is_a_text_whatever_its_letters(languages):
    card = ModelCard({"_name": "s2s_attn"}, "", "CC0-1.0", "2025-01-01", {})
    text = describe_package(
        card,
        languages=languages,
        parameters=1,
        vocabularies=(5, 5),
        attends=True,
        graphs=None,
        sizes={},
    )
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["language"] == list(languages)
    assert head["license"] == "cc0-1.0"
