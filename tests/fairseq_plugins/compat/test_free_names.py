"""Tests that a taken name is an error."""

import importlib
import sys

import pytest
from fairseq import models, tasks
from fairseq.models import MODEL_REGISTRY, FairseqEncoderDecoderModel
from fairseq.tasks import TASK_REGISTRY, FairseqTask

from fairseq_plugins import S2SError
from fairseq_plugins.compat import free_names

from .conftest import of_the_fork

pytestmark = of_the_fork


def test_upstream_still_ignores_another_class() -> None:
    assert free_names.needed()


def test_a_taken_model_name_names_both_classes() -> None:
    class Mine(FairseqEncoderDecoderModel):
        pass

    with pytest.raises(S2SError, match=r"'lstm' belongs to fairseq.models.lstm.LSTMModel.*Mine"):
        models.register_model("lstm")(Mine)
    assert MODEL_REGISTRY["lstm"].__name__ == "LSTMModel"


def test_a_taken_task_name_names_both_classes() -> None:
    class Mine(FairseqTask):
        pass

    with pytest.raises(S2SError, match=r"'translation' belongs to .*TranslationTask.*Mine"):
        tasks.register_task("translation")(Mine)


def test_the_same_module_can_be_imported_again(checkpoint) -> None:
    name = "copy_plugin.models.copy_model"
    first = MODEL_REGISTRY["compat_copy"]
    assert importlib.reload(sys.modules[name]).CopyModel is first


def test_a_free_name_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(FairseqTask):
        pass

    monkeypatch.setattr(tasks, "TASK_CLASS_NAMES", set())
    assert tasks.register_task("compat_free_name")(Mine) is Mine
    assert TASK_REGISTRY.pop("compat_free_name") is Mine
