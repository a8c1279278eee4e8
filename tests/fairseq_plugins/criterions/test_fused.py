"""The fused criterion against fairseq's: every number of the log and every gradient."""

import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
from fairseq import checkpoint_utils, options, utils
from fairseq.criterions import build_criterion
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.distributed import LegacyDistributedDataParallel, ModuleProxyWrapper
from omegaconf import OmegaConf
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from fairseq_plugins.criterions import fused
from fairseq_plugins.criterions.fused import NAME, FusedLabelSmoothedCrossEntropy

from ..builders import build_model, collate, make_dictionary, make_task, random_pairs
from ..cases import CASES, build_case
from ..commands import generate, hypotheses, train
from ..ops.largest import LargestTensor

STOCK = "label_smoothed_cross_entropy"
LENGTHS = [(4, 5), (6, 2), (2, 7), (3, 1)]
TASK = make_task()
BATCH = collate(TASK, random_pairs(TASK, LENGTHS))


def wide_log_softmax(x, dim, onnx_trace=False):
    """fairseq's, which is made in float32 even of float64."""
    return torch.log_softmax(x, dim, dtype=torch.promote_types(x.dtype, torch.float32))


@pytest.fixture(autouse=True)
def exact_log_softmax(monkeypatch):
    monkeypatch.setattr(utils, "log_softmax", wide_log_softmax)


def make_criterion(name, **settings):
    settings = {"sentence_avg": False, "label_smoothing": 0.1, **settings}
    return build_criterion(OmegaConf.create({"_name": name, **settings}), TASK)


def run(name, model, batch=BATCH, *, reduce=True, **settings):
    """Loss, sample size and log of a criterion on a model, and the gradients by name."""
    model.zero_grad()
    torch.manual_seed(7)
    loss, sample_size, log = make_criterion(name, **settings)(model, batch, reduce)
    loss.sum().backward()
    gradients = {
        parameter: tensor.grad.clone()
        for parameter, tensor in model.named_parameters()
        if tensor.grad is not None
    }
    return loss.detach(), sample_size, log, gradients


def assert_same(model, batch=BATCH, tolerance=1e-10, **settings):
    """The two criterions agree in everything; returns the fused one's log."""
    loss, sample_size, log, gradients = run(NAME, model, batch, **settings)
    expected, size, stock_log, stock_gradients = run(STOCK, model, batch, **settings)
    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(loss, expected, **close)
    assert (sample_size, list(log)) == (size, list(stock_log))
    for entry, value in stock_log.items():
        torch.testing.assert_close(log[entry], value, **close)
    assert gradients.keys() == stock_gradients.keys()
    for parameter, gradient in stock_gradients.items():
        torch.testing.assert_close(gradients[parameter], gradient, **close)
    return log


@pytest.fixture
def calls(monkeypatch):
    """One entry for each time that a loss was fused, with the chunk of 4 rows that it was given."""
    made = []

    def record(*args, **kwargs):
        made.append(kwargs["chunk"])
        return original(*args, **kwargs)

    original = fused.linear_cross_entropy
    monkeypatch.setattr(fused, "linear_cross_entropy", record)
    monkeypatch.setattr(fused, "CPU_CHUNK", 4)
    return made


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("sentence_avg", [False, True])
@pytest.mark.parametrize("prefix", [0, 2])
@pytest.mark.parametrize("tied", [False, True])
def test_it_equals_fairseqs(calls, training, label_smoothing, sentence_avg, prefix, tied):
    model = build_model("s2s_attn_tiny", TASK, share_decoder_input_output_embed=tied)
    log = assert_same(
        model.train(training),
        label_smoothing=label_smoothing,
        sentence_avg=sentence_avg,
        ignore_prefix_size=prefix,
        report_accuracy=True,
    )
    assert log["total"] == sum(max(length + 1 - prefix, 0) for _, length in LENGTHS)
    assert calls == [4]


def test_it_equals_fairseqs_in_single_precision(calls):
    assert_same(build_model("s2s_attn_tiny", TASK).float(), tolerance=1e-5, report_accuracy=True)
    assert calls == [4]


def test_words_that_are_guessed_right_are_counted(calls):
    model = build_model("s2s_tiny", TASK)
    with torch.no_grad():
        model.decoder.output_proj.weight.zero_()  # a tie: the first word, which is no target
    assert assert_same(model, report_accuracy=True)["n_correct"] == 0
    word, target = 2, BATCH["target"]
    with torch.no_grad():
        features = model(**BATCH["net_input"], features_only=True)[0].flatten(0, 1)
        ones = torch.ones(len(features), 1, dtype=features.dtype)
        model.decoder.output_proj.weight[word] = torch.linalg.lstsq(features, ones).solution[:, 0]
        right = features @ model.decoder.output_proj.weight[word] > 0
    expected = (right & target.flatten().eq(word)).sum()
    assert expected > 0
    assert assert_same(model, report_accuracy=True)["n_correct"] == expected
    assert calls == [4, 4]


@pytest.mark.parametrize("case", CASES)
def test_every_model_has_fairseqs_numbers_and_is_fused_unless_its_output_is_mixed(calls, case):
    _, options = CASES[case]
    mixed = {"pointer_generator", "softmax_mixtures", "no_fast"} & set(options)
    assert_same(build_case(case, TASK).train(), report_accuracy=True)
    assert calls == ([] if mixed else [4])


def test_an_adaptive_softmax_has_fairseqs_own(calls):
    model = build_model("s2s_tiny", TASK, adaptive_softmax_cutoff="6")
    assert_same(model)
    assert calls == []


def test_losses_of_single_words_are_fairseqs_own(calls):
    assert_same(build_model("s2s_attn_tiny", TASK), reduce=False)
    assert calls == []


def test_no_fast_gives_fairseqs_own(calls, monkeypatch):
    assert_same(build_model("s2s_attn_tiny", TASK, no_fast=True))
    monkeypatch.setenv("S2S_NO_FAST", "1")
    assert_same(build_model("s2s_attn_tiny", TASK))
    assert calls == []


class Foreign(nn.Module):
    """A model of somebody else's: it takes what fairseq gives, and no more."""

    def __init__(self):
        super().__init__()
        self.decoder = nn.Embedding(len(TASK.target_dictionary), len(TASK.target_dictionary))

    def forward(self, src_tokens, src_lengths, prev_output_tokens):
        return self.decoder(prev_output_tokens), None

    def get_normalized_probs(self, net_output, log_probs):
        return net_output[0].log_softmax(dim=-1)

    def get_targets(self, sample, net_output):
        return sample["target"]


def test_a_model_of_somebody_elses_has_fairseqs_own(calls):
    assert_same(Foreign(), tolerance=1e-5, report_accuracy=True)
    assert calls == []


def test_the_model_runs_once_and_the_alignment_stays_in_what_it_returns():
    model, outputs = build_model("s2s_attn_tiny", TASK), []
    with model.register_forward_hook(lambda *call: outputs.append(call[-1])):
        make_criterion(NAME)(model, BATCH)
    ((features, extra),) = outputs
    assert features.shape == (*BATCH["target"].shape, model.decoder.output_proj.in_features)
    alignment = model(**BATCH["net_input"])[1]["attn"][0]
    torch.testing.assert_close(extra["attn"][0], alignment)


def test_no_tensor_of_all_rows_and_all_words_is_ever_made(monkeypatch):
    task = make_task(target=make_dictionary(3996))
    batch = collate(task, random_pairs(task, [(5, 20)] * 8))
    model = build_model("s2s_attn_tiny", task, share_decoder_input_output_embed=True)
    all_logits = batch["target"].numel() * 4000
    monkeypatch.setattr(fused, "CPU_CHUNK", 16)
    with LargestTensor() as stock:
        run(STOCK, model, batch)
    with LargestTensor() as ours:
        run(NAME, model, batch)
    assert stock.numel >= all_logits
    assert ours.numel <= all_logits / 4


def test_the_command_line_and_a_hydra_config_build_the_same_criterion():
    flags = ["data", "--criterion", NAME, "--label-smoothing", "0.2", "--report-accuracy"]
    flags += ["--ignore-prefix-size", "1", "--sentence-avg", "--arch", "transformer_tiny"]
    arguments = options.parse_args_and_arch(options.get_training_parser(), flags)
    by_arguments = convert_namespace_to_omegaconf(arguments).criterion
    by_hydra = OmegaConf.create(
        {
            "_name": NAME,
            "label_smoothing": 0.2,
            "report_accuracy": True,
            "ignore_prefix_size": 1,
            "sentence_avg": True,
        }
    )
    for config in (by_arguments, by_hydra):
        criterion = build_criterion(config, TASK)
        assert type(criterion) is FusedLabelSmoothedCrossEntropy
        assert (criterion.eps, criterion.ignore_prefix_size) == (0.2, 1)
        assert criterion.report_accuracy is criterion.sentence_avg is True


def wrap(model, backend):
    """A model as fairseq wraps it for several processes, but on a CPU."""
    if backend == "legacy_ddp":
        return ModuleProxyWrapper(LegacyDistributedDataParallel(model, distributed.group.WORLD))
    search = backend == "find_unused_parameters"
    return ModuleProxyWrapper(DistributedDataParallel(model, find_unused_parameters=search))


BACKENDS = ("pytorch_ddp", "legacy_ddp", "find_unused_parameters")


def tied_or_not(tied):
    return build_model("s2s_attn_tiny", TASK, share_decoder_input_output_embed=tied).train()


def replicate(rank, backend, tied):
    """In one of two processes: the loss of half the batch, and the gradients of both halves."""
    model = tied_or_not(tied)
    wrapped, criterion = wrap(model, backend), make_criterion(NAME)
    batch = collate(TASK, random_pairs(TASK, LENGTHS)[2 * rank : 2 * rank + 2])
    with mock.patch.object(fused, "linear_cross_entropy", wraps=fused.linear_cross_entropy) as spy:
        for _ in range(2):  # the second pass would meet what the first has left unfinished
            model.zero_grad()
            loss, _, _ = criterion(wrapped, batch)
            loss.backward()
            if backend == "legacy_ddp":
                wrapped.all_reduce_grads()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return loss.detach(), gradients, spy.call_count


def run_replicas(rank, folder):
    """One of two processes, with everything that the test below compares."""
    rank, rendezvous = int(rank), f"file://{folder}/rendezvous"
    distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    with mock.patch.object(utils, "log_softmax", wide_log_softmax):
        cases = [(backend, tied) for backend in BACKENDS for tied in (False, True)]
        torch.save({case: replicate(rank, *case) for case in cases}, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def replicas(tmp_path_factory):
    """What :func:`run_replicas` has saved, by process."""
    folder, root = tmp_path_factory.mktemp("replicas"), Path(__file__).parents[3]
    code = f"import sys; from {__name__} import run_replicas; run_replicas(*sys.argv[1:])"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(rank), folder], cwd=root)
        for rank in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_two_processes_have_the_loss_and_the_gradients_of_one(replicas, backend, tied):
    results = [replica[backend, tied] for replica in replicas]
    losses, gradients, calls = zip(*results, strict=True)
    assert calls == ((0, 0) if backend == "find_unused_parameters" else (2, 2))
    loss, _, _, expected = run(NAME, tied_or_not(tied))
    torch.testing.assert_close(sum(losses), loss, rtol=1e-10, atol=1e-10)
    for found in gradients:  # the mean over the processes
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            torch.testing.assert_close(2 * found[name], gradient, rtol=1e-10, atol=1e-10)


def losses_of(caplog):
    """Loss and perplexity of each epoch, in training and in validation."""
    text = "\n".join(record.getMessage() for record in caplog.records)
    found = re.findall(r"\b(?:valid_|train_)?(loss|nll_loss|ppl|accuracy) ([\d.]+)", text)
    return [(name, float(value)) for name, value in found]


def train_with(criterion, digits, save_dir, caplog, *flags):
    """A few updates; returns the numbers of the log and the weights."""
    caplog.clear()
    settings = ["--arch", "s2s_attn_tiny", "--max-update", 4, "--criterion", criterion]
    settings += ["--label-smoothing", 0.1, "--report-accuracy", "--log-interval", 1]
    with caplog.at_level("INFO"):
        output = train(digits / "bin", save_dir, *settings, *flags)
    state = checkpoint_utils.load_checkpoint_to_cpu(str(save_dir / "checkpoint_last.pt"))
    assert state["optimizer_history"][-1]["num_updates"] == 4
    assert state["cfg"]["criterion"]["_name"] == criterion
    return losses_of(caplog), state["model"], output


@pytest.mark.parametrize("update_freq", [1, 2])
def test_fairseq_train_logs_and_saves_the_same(digits, tmp_path, caplog, calls, update_freq):
    flags = ["--update-freq", update_freq, "--share-decoder-input-output-embed"]
    fused_log, weights, _ = train_with(NAME, digits, tmp_path / "fused", caplog, *flags)
    assert len(calls) > 4 * update_freq  # and validation
    stock_log, expected, _ = train_with(STOCK, digits, tmp_path / "stock", caplog, *flags)
    assert {name for name, _ in fused_log} == {"loss", "nll_loss", "ppl", "accuracy"}
    assert [name for name, _ in fused_log] == [name for name, _ in stock_log]
    for (_, value), (_, other) in zip(fused_log, stock_log, strict=True):
        assert value == pytest.approx(other, rel=1e-3, abs=2e-3)  # they are rounded
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-3, atol=1e-4)
    checkpoint = tmp_path / "fused" / "checkpoint_last.pt"
    assert len(hypotheses(generate(digits / "bin", checkpoint, "--beam", 2))) == 100


def test_weights_in_half_precision_are_trained(digits, tmp_path, caplog, calls):
    """fairseq multiplies the loss by its loss scale, and the gradients come in float16."""
    flags = ["--memory-efficient-fp16", "--disable-validation"]
    fused_log, weights, _ = train_with(NAME, digits, tmp_path / "fused", caplog, *flags)
    assert len(calls) == 4
    stock_log, expected, _ = train_with(STOCK, digits, tmp_path / "stock", caplog, *flags)
    assert fused_log
    for (_, value), (_, other) in zip(fused_log, stock_log, strict=True):
        assert value == pytest.approx(other, rel=0.02)
