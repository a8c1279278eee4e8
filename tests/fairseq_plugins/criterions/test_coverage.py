"""The coverage loss against a loop in NumPy, and its criterion against fairseq's own without it."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq import options
from fairseq.criterions import build_criterion
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.distributed import ModuleProxyWrapper
from fairseq.logging import metrics
from omegaconf import OmegaConf
from torch import nn

from fairseq_plugins.criterions.coverage import (
    NAME,
    LabelSmoothedCrossEntropyWithCoverage,
    coverage_loss,
)
from fairseq_plugins.errors import S2SError

from ..builders import make_dictionary
from ..commands import run_alone

TASK = SimpleNamespace(target_dictionary=make_dictionary(5))
PAD = TASK.target_dictionary.pad()
TARGET = torch.tensor([[5, 6, 4, 2], [4, 2, PAD, PAD], [7, 8, 2, PAD]])
NTOKENS = 9


class FixedModel(nn.Module):
    """A model that gives the same logits and alignment whatever it is asked."""

    def __init__(self, extra="attn"):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        shape, dtype = tuple(TARGET.shape), torch.double
        self.logits = nn.Parameter(torch.randn(*shape, 9, generator=generator, dtype=dtype))
        self.energies = nn.Parameter(3 * torch.randn(*shape, 6, generator=generator, dtype=dtype))
        self.extra = extra

    @property
    def alignment(self):
        return self.energies.softmax(dim=-1)

    def forward(self):
        return self.logits, {"attn": [self.alignment]} if self.extra == "attn" else self.extra

    def get_normalized_probs(self, net_output, log_probs):
        return net_output[0].log_softmax(dim=-1)

    def get_targets(self, sample, net_output):
        return sample["target"]


def overlaps(alignment, real):
    """sum_j min(a_tj, sum_{k<t} a_kj) for each real target word, in NumPy."""
    losses = np.zeros(real.shape)
    for row, t in np.argwhere(real):
        seen = sum((alignment[row, k] for k in range(t) if real[row, k]), np.zeros(6))
        losses[row, t] = sum(min(a, c) for a, c in zip(alignment[row, t], seen, strict=True))
    return losses


def run(criterion, model=None, *, reduce=True, **options):
    """The criterion's class on the fixed model; returns loss, sample_size, logging_output."""
    options = {"sentence_avg": False, "label_smoothing": 0.1, **options}
    sample = {"net_input": {}, "target": TARGET, "ntokens": NTOKENS}
    return criterion(TASK, **options)(model or FixedModel(), sample, reduce)


def ours(model=None, **options):
    return run(LabelSmoothedCrossEntropyWithCoverage, model, **options)


def parents(model=None, **options):
    return run(LabelSmoothedCrossEntropyCriterion, model, **options)


EXPECTED = overlaps(FixedModel().alignment.detach().numpy(), TARGET.ne(PAD).numpy())


@pytest.mark.parametrize("left_pad", [False, True])
def test_the_loss_of_a_word_is_the_overlap_with_what_the_words_before_it_looked_at(left_pad):
    target = TARGET.flip(1) if left_pad else TARGET
    alignment = FixedModel().alignment.detach()
    expected = overlaps(alignment.numpy(), target.ne(PAD).numpy())
    found = coverage_loss(alignment, target.eq(PAD))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-14)


def test_looking_somewhere_new_costs_nothing_and_looking_again_everything():
    alignment = torch.eye(3)[torch.tensor([[0, 1, 2], [0, 0, 1]])]
    losses = coverage_loss(alignment, torch.zeros(2, 3, dtype=torch.bool))
    assert losses.tolist() == [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_half_precision_alignments_are_summed_in_single():
    steps = 4000  # their sum leaves what a half can count by thousandths
    alignment = torch.full((1, steps, 2), 0.5, dtype=torch.float16)
    losses = coverage_loss(alignment, torch.zeros(1, steps, dtype=torch.bool))
    assert losses.dtype == torch.float32
    assert losses.sum().item() == steps - 1


def test_gradients_are_those_of_finite_differences():
    alignment = FixedModel().alignment.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: coverage_loss(a, TARGET.eq(PAD)), alignment)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("sentence_avg", [False, True])
@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_the_weighted_sum_is_added_to_fairseqs_loss(label_smoothing, sentence_avg, weight):
    options = {"label_smoothing": label_smoothing, "sentence_avg": sentence_avg}
    options["report_accuracy"] = True
    loss, sample_size, log = ours(coverage_weight=weight, **options)
    parent_loss, parent_size, parent_log = parents(**options)
    assert sample_size == parent_size
    assert loss.item() == pytest.approx(parent_loss.item() + weight * EXPECTED.sum(), rel=1e-12)
    assert log.pop("coverage_loss").item() == pytest.approx(EXPECTED.sum(), rel=1e-12)
    assert log.pop("loss") == loss
    parent_log.pop("loss")
    assert log == parent_log


def test_without_reduction_each_word_has_its_own_loss():
    loss, _, log = ours(reduce=False, coverage_weight=2.0)
    expected = parents(reduce=False)[0].detach().numpy() + 2 * EXPECTED.reshape(-1, 1)
    np.testing.assert_allclose(loss.detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(log["coverage_loss"].numpy(), EXPECTED.reshape(-1, 1), rtol=1e-12)


@pytest.mark.parametrize("reduce", [True, False])
def test_an_ignored_prefix_costs_nothing_but_has_been_looked_at(reduce):
    options = {"ignore_prefix_size": 1, "reduce": reduce}
    loss = (ours(**options)[0] - parents(**options)[0]).detach().numpy()
    expected = EXPECTED[:, 1:].sum() if reduce else EXPECTED[:, 1:].reshape(-1, 1)
    np.testing.assert_allclose(loss, expected, rtol=1e-10, atol=1e-12)


def test_the_model_runs_once_and_keeps_nothing_of_it():
    model, calls = FixedModel(), []
    model.register_forward_pre_hook(lambda *call: calls.append(call))
    ours(model)
    assert len(calls) == 1
    assert not model._forward_hooks


def test_a_model_in_fairseqs_wrapper_for_several_processes_is_served():
    class Replica(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = FixedModel()

        def forward(self):
            return self.module()

    torch.testing.assert_close(ours(ModuleProxyWrapper(Replica()))[0], ours()[0])


def test_the_log_averages_over_words_in_bits_like_fairseqs_own_losses():
    logs = [ours()[2], ours(sentence_avg=True)[2], {**ours()[2], "coverage_loss": 4.0}]
    with metrics.aggregate(new_root=True) as values:
        LabelSmoothedCrossEntropyWithCoverage.reduce_metrics(logs)
    found = values.get_smoothed_values()
    expected = (2 * EXPECTED.sum() + 4.0) / (3 * NTOKENS) / math.log(2)
    assert float(found["coverage_loss"]) == pytest.approx(expected, abs=5.1e-4)  # it is rounded
    assert {"loss", "nll_loss", "ppl"} <= set(found)
    assert LabelSmoothedCrossEntropyWithCoverage.logging_outputs_can_be_summed()


@pytest.mark.parametrize("extra", [{"attn": [None]}, {"attn": []}, {}, None, torch.zeros(1)])
def test_a_model_without_attention_is_refused_in_one_sentence(extra):
    with pytest.raises(S2SError, match=rf"^--criterion {NAME} [^.]*gives none.*cross_entropy\.$"):
        ours(FixedModel(extra))


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_a_negative_weight_is_refused(weight):
    with pytest.raises(S2SError, match=rf"--coverage-weight is {weight}"):
        ours(coverage_weight=weight)


def test_the_command_line_and_a_hydra_config_build_the_same_criterion():
    flags = ["data", "--criterion", NAME, "--coverage-weight", "0.5", "--label-smoothing", "0.1"]
    arguments = options.parse_args_and_arch(
        options.get_training_parser(), [*flags, "--arch", "transformer_tiny", "--sentence-avg"]
    )
    by_arguments = convert_namespace_to_omegaconf(arguments).criterion
    by_hydra = OmegaConf.create(
        {"_name": NAME, "coverage_weight": 0.5, "label_smoothing": 0.1, "sentence_avg": True}
    )
    for config in (by_arguments, by_hydra):
        criterion = build_criterion(config, TASK)
        assert type(criterion) is LabelSmoothedCrossEntropyWithCoverage
        assert (criterion.coverage_weight, criterion.eps) == (0.5, 0.1)
        assert criterion.sentence_avg is True


def test_the_weight_is_1_where_none_is_given():
    config = OmegaConf.create({"_name": NAME, "sentence_avg": False})
    assert build_criterion(config, TASK).coverage_weight == 1.0


def fairseq_train(digits, save_dir, *flags):
    options = ["--task", "translation", "--source-lang", "src", "--target-lang", "tgt"]
    options += ["--optimizer", "adam", "--max-tokens", 1000, "--max-update", 3]
    options += ["--save-dir", save_dir, "--criterion", NAME]
    return run_alone("train", digits / "bin", *options, *flags)


@pytest.mark.slow
def test_fairseq_train_finds_it_and_logs_it(digits, tmp_path):
    process = fairseq_train(digits, tmp_path, "--arch", "s2s_attn_tiny", "--coverage-weight", 0.5)
    assert process.returncode == 0, process.stderr[-2000:]
    assert "coverage_loss" in process.stdout + process.stderr


@pytest.mark.slow
def test_fairseq_train_refuses_a_model_without_attention(digits, tmp_path):
    process = fairseq_train(digits, tmp_path, "--arch", "s2s_tiny")
    assert process.returncode != 0
    assert f"--criterion {NAME} sums a model's alignments" in process.stderr + process.stdout
