"""``--task translation_s2s`` gives what ``--task translation`` gives, in every command."""

import io
import re
from argparse import Namespace
from unittest import mock

import pytest
import torch
from fairseq.dataclass.configs import GenerationConfig
from fairseq.sequence_generator import SequenceGenerator, SequenceGeneratorWithAlignment
from fairseq.sequence_scorer import SequenceScorer
from torch.serialization import get_unsafe_globals_in_checkpoint

from fairseq_plugins.tasks import TranslationS2SConfig, TranslationS2STask, _lean_generator
from fairseq_plugins.tasks._lean_generator import LeanSequenceGenerator

from ..builders import build_model, make_dictionary
from ..commands import generate, hypotheses, run, train

TASK = "translation_s2s"


def make_task() -> TranslationS2STask:
    cfg = TranslationS2SConfig(source_lang="src", target_lang="tgt")
    return TranslationS2STask(cfg, make_dictionary(6), make_dictionary(9))


def built(args, **options):
    task = make_task()
    return task.build_generator([build_model("s2s_attn_tiny", task)], args, **options)


class OwnGenerator(SequenceGenerator):
    """A class that a caller might ask for."""


@pytest.mark.parametrize(
    "args, cls",
    [
        (GenerationConfig(), LeanSequenceGenerator),
        (Namespace(), LeanSequenceGenerator),  # as --eval-bleu asks
        (Namespace(sampling=True), LeanSequenceGenerator),  # which leaves it to fairseq
        (GenerationConfig(print_alignment="soft"), SequenceGeneratorWithAlignment),
        (GenerationConfig(score_reference=True), SequenceScorer),
    ],
)
def test_the_generator_is_the_lean_one_where_fairseqs_would_be_the_plain_one(args, cls):
    assert type(built(args)) is cls


def test_a_callers_class_and_its_arguments_are_kept():
    assert type(built(Namespace(), seq_gen_cls=OwnGenerator)) is OwnGenerator
    options = {"extra_gen_cls_kwargs": {"tokens_to_suppress": ("3",)}}
    for cls in (None, OwnGenerator):
        generator = built(Namespace(), seq_gen_cls=cls, **options)
        assert generator.token_indices_to_suppress.tolist() == [7]


def test_the_options_reach_the_generator():
    generator = built(GenerationConfig(beam=7, lenpen=0.3, unkpen=2.0, max_len_b=33, min_len=3))
    assert (generator.beam_size, generator.len_penalty, generator.unk_penalty) == (7, 0.3, 2.0)
    assert (generator.max_len_b, generator.min_len) == (33, 3)


@pytest.fixture
def searches():
    """Counts the searches that were ours."""
    count = []
    search = _lean_generator.Search

    def counted(*args):
        count.append(1)
        return search(*args)

    with mock.patch.object(_lean_generator, "Search", counted):
        yield count


@pytest.mark.parametrize(
    "flags, lean",
    [
        (["--beam", 5, "--nbest", 5], True),
        (["--beam", 1], True),
        (["--beam", 4, "--lenpen", 2.0, "--unkpen", 1.0, "--temperature", 2.0], True),
        (["--beam", 3, "--min-len", 3, "--max-len-b", 6, "--unnormalized"], True),
        (["--beam", 3, "--nbest", 2, "--print-alignment"], False),
        (["--beam", 3, "--print-alignment", "soft"], False),
        (["--beam", 3, "--match-source-len"], False),
        (["--beam", 4, "--diverse-beam-groups", 2], False),
        (["--beam", 3, "--no-repeat-ngram-size", 2], True),
        (["--beam", 3, "--prefix-size", 1], False),
        (["--beam", 3, "--sampling", "--nbest", 3], False),
        (["--score-reference"], False),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else None,
)
def test_every_line_of_fairseq_generate_is_the_same(digits, trained, searches, flags, lean):
    path = trained / "checkpoint_best.pt"
    flags = ["--num-workers", 0, "--batch-size", 16, *flags]
    expected = generate(digits / "bin", path, "--task", "translation", *flags)
    assert not searches
    found = generate(digits / "bin", path, "--task", TASK, *flags)
    assert bool(searches) is lean
    assert len(hypotheses(found)) == 100 and found == expected


def test_an_ensemble_generates_the_same(digits, trained, trained_plain, searches):
    paths = f"{trained / 'checkpoint_best.pt'}:{trained_plain / 'checkpoint_best.pt'}"
    flags = ["--num-workers", 0, "--beam", 4, "--nbest", 4]
    expected = generate(digits / "bin", paths, "--task", "translation", *flags)
    assert generate(digits / "bin", paths, "--task", TASK, *flags) == expected
    assert searches


def test_every_line_of_fairseq_interactive_is_the_same(monkeypatch, digits, trained, searches):
    def answer(task):
        monkeypatch.setattr("sys.stdin", io.StringIO("1 2 3\n4 5\n9\n"))
        flags = ["--path", trained / "checkpoint_best.pt", "--beam", 3, "--max-len-b", 20]
        output = run("interactive", digits / "bin", "--task", task, *flags)
        return re.sub(r"^W-.*$", "", output, flags=re.MULTILINE)  # the time that it took

    assert answer(TASK) == answer("translation")
    assert searches


def test_a_training_validates_with_the_same_bleu(digits, tmp_path, searches, caplog):
    def scores(task):
        caplog.clear()
        flags = ["--arch", "s2s_attn_tiny", "--max-epoch", 2, "--task", task, "--eval-bleu"]
        flags += ["--eval-bleu-args", '{"beam": 3, "max_len_b": 10}', "--eval-tokenized-bleu"]
        with caplog.at_level("INFO"):
            train(digits / "bin", tmp_path / task, *flags)
        return re.findall(r"\| bleu ([0-9.]+)", caplog.text)

    expected = scores("translation")
    assert len(expected) == 2 and not searches
    assert scores(TASK) == expected
    assert searches


def test_fairseqs_task_reads_a_checkpoint_of_this_one(digits, tmp_path):
    train(digits / "bin", tmp_path, "--arch", "s2s_attn_tiny", "--max-epoch", 2, "--task", TASK)
    path = tmp_path / "checkpoint_last.pt"
    found = generate(digits / "bin", path, "--task", TASK)
    assert len(hypotheses(found)) == 100
    assert found == generate(digits / "bin", path, "--task", "translation")


def test_a_checkpoint_of_a_training_that_measures_bleu_can_be_read_and_trained_on(digits, tmp_path):
    """fairseq saves the counts of its BLEU, NumPy arrays; see compat.plain_checkpoints."""
    flags = ["--arch", "s2s_attn_tiny", "--task", TASK, "--eval-bleu", "--eval-tokenized-bleu"]
    flags += ["--eval-bleu-args", '{"beam": 2, "max_len_b": 10}']
    for epochs in (1, 2):
        train(digits / "bin", tmp_path, *flags, "--max-epoch", epochs)
        path = tmp_path / "checkpoint_last.pt"
        assert get_unsafe_globals_in_checkpoint(path) == []
        state = torch.load(path, weights_only=True)
        assert state["extra_state"]["train_iterator"]["epoch"] == epochs + 1
        logged = state["extra_state"]["metrics"]["valid"]
        valid = {name: meter for _, name, _, meter in logged}
        assert len(valid["_bleu_counts"]["sum"]) == 4
    assert len(hypotheses(generate(digits / "bin", path, "--task", TASK))) == 100
