"""The part of the page about replies, made with a model that talks nonsense."""

import json
from pathlib import Path

import pytest

from fairseq_plugins import S2SError
from scripts.diagnosing import choice, diagnosis
from scripts.diagnosing.settings import DEFAULT, GRID, answer
from scripts.reporting import dialogue
from scripts.reporting.section import Chart, Section, Table
from scripts.reporting.subject import Subject
from tests.scripts.diagnosing.talkers import CHINESE, make_model, make_pairs

FEW = [each for each in GRID if each.name in (DEFAULT, "beam 5", "top-p 0.9, temperature 1")]


@pytest.fixture(scope="module")
def subjects():
    models = [make_model(seed=seed) for seed in (1, 2)]
    yield [
        Subject(name, Path("none.pt"), model, "s2s_attn", 10, 5, None, None)
        for name, model in zip(("Model A", "模型 B"), models, strict=True)
    ]
    for model in models:
        model.close()


@pytest.fixture(scope="module")
def section(subjects):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnosis, "GRID", FEW)
        valid, test = make_pairs(30), make_pairs(12, step=5)
        return dialogue.section(subjects, valid, test, "en", messages=20, seed=3)


def tables(section: Section, columns: str) -> list[Table]:
    parts = [part for part in section.parts if isinstance(part, Table)]
    return [table for table in parts if columns in table.columns]


def test_it_has_a_chart_and_its_tables_for_each_model(section: Section) -> None:
    charts = [part for part in section.parts if isinstance(part, Chart)]
    assert [chart.name for chart in charts] == ["replies-en-model-a", "replies-en-b"]
    assert len(tables(section, "95 %")) == 2
    assert section.name == "dialogue-en"
    assert section.data["messages"] == {"validation": 20, "test": 12}
    assert len(json.loads(json.dumps(section.data))["models"]) == 2


def test_every_setting_has_a_row_with_its_numbers(section: Section) -> None:
    table, _ = tables(section, "95 %")
    names = [str(row[0]).split(" (")[0] for row in table.rows]
    assert names == [*(each.name for each in FEW), "human replies"]
    found = section.data["models"]["Model A"]["validation"]["settings"]["beam 5"]
    row = table.rows[names.index("beam 5")]
    assert row[1] == found["bleu"]["bleu-2"]
    assert row[table.columns.index("distinct-2")] == pytest.approx(found["distinct"][1], abs=6e-4)
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_the_numbers_are_those_of_the_replies_to_the_sample(section, subjects) -> None:
    material = diagnosis.gather(make_pairs(30), make_pairs(12, step=5), "en", 20, 3)
    setting = next(each for each in FEW if each.search.mode == "sampling")
    replies = answer(subjects[0].model, setting, material.valid.sources, seed=3)
    found = section.data["models"]["Model A"]["validation"]["settings"][setting.name]
    expected = material.judge(replies, material.valid)
    assert found == expected.as_data() | {"distance": found["distance"]}
    assert found["distance"] == choice.distance(expected, material.human(material.valid))


def test_the_proposal_is_nearest_among_the_good_and_stands_in_words_and_flags(section) -> None:
    for name, found in section.data["models"].items():
        settings = found["validation"]["settings"]
        best = max(each["bleu"]["bleu-2"] for each in settings.values())
        good = {
            setting: each["distance"]
            for setting, each in settings.items()
            if each["bleu"]["bleu-2"] >= choice.BLEU_KEPT * best
        }
        proposed = found["proposed"]["name"]
        assert good[proposed] == min(good.values())
        (said,) = (text for text in section.text if text.startswith(f"{name}: "))
        assert proposed in said
        assert " ".join(found["proposed"]["fairseq-generate"]) in said
        assert "python -m chatbot" in said
        assert set(found["test"]["settings"]) == {DEFAULT, proposed}
    assert choice.RULE in section.text


def test_no_text_of_the_corpus_is_on_the_page(section: Section) -> None:
    told = json.dumps(section.data) + repr([getattr(part, "rows", "") for part in section.parts])
    for pairs in (make_pairs(30), make_pairs(12, step=5)):
        assert not any(f'"{source}"' in told for source in pairs.sources)
    humans = [each[kind]["human"] for each in section.data["models"].values() for kind in KINDS]
    assert all(not human["frequent"] and not human["examples"] for human in humans)


KINDS = ("validation", "test")


def test_frequent_replies_are_counted_under_the_default_and_the_proposal(section) -> None:
    table, _ = tables(section, "times")
    found = section.data["models"]["Model A"]["validation"]["settings"][DEFAULT]["frequent"]
    shown = {dialogue._short(text): times for text, times in found.items()}
    assert {row[1]: row[2] for row in table.rows if row[1]} == shown


def test_a_language_that_is_not_there_is_one_sentence(subjects) -> None:
    chinese = make_pairs(12, words=CHINESE)
    with pytest.raises(S2SError, match="in the language zh"):
        dialogue.section(subjects, make_pairs(12), chinese, "zh")
    with pytest.raises(S2SError, match="in the language en"):
        dialogue.section(subjects, make_pairs(12), chinese, "en")
    with pytest.raises(S2SError, match="at least 1"):
        dialogue.section(subjects, make_pairs(12), make_pairs(12), "en", messages=0)


def test_long_replies_are_cut_and_examples_are_of_different_settings() -> None:
    assert dialogue._short("a" * 500) == "a" * (dialogue.LONGEST - 1) + "…"
    assert dialogue._short("哈哈哈") == "哈哈哈"
