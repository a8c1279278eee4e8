"""Tests that translation_from_pretrained_bart has its options; test_other_tasks.py trains it."""

from argparse import Namespace

from fairseq.data import Dictionary
from fairseq.tasks.translation_from_pretrained_bart import TranslationFromPretrainedBARTTask

from fairseq_plugins.compat import pretrained_bart_args


def test_upstream_still_leaves_the_options_out() -> None:
    assert pretrained_bart_args.needed()


def test_the_task_has_its_options_and_its_symbols() -> None:
    args, dictionary = Namespace(langs="en,de"), Dictionary()
    task = TranslationFromPretrainedBARTTask(args, dictionary, Dictionary())
    assert task.args is task.cfg is args
    assert all(symbol in dictionary for symbol in ("[en]", "[de]", "<mask>"))
