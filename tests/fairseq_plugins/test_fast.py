"""What the fast forms compute is what the plain modules compute: every preset, every option.

The commands that have options of their own for speed are here too.
"""

import copy
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.configs import GenerationConfig
from fairseq.models import BaseFairseqModel
from fairseq.sequence_generator import SequenceGenerator
from fairseq.tasks.translation import TranslationTask
from omegaconf import OmegaConf
from torch import Tensor

from fairseq_plugins.errors import S2SError
from fairseq_plugins.models import s2s
from fairseq_plugins.ops import packed_linear
from fairseq_plugins.ops.packed_linear import has_bf16
from fairseq_plugins.tasks._lean_generator import LeanSequenceGenerator

from .builders import build_model, collate, make_task, random_pairs
from .cases import CASES
from .commands import generate, hypotheses, lines, train

LENGTHS = [(3, 4), (7, 2), (1, 6), (5, 5), (2, 1), (6, 3)]
TASK = make_task()
BATCH = collate(TASK, random_pairs(TASK, LENGTHS))
Hypotheses = list[list[dict[str, Tensor]]]
Models = tuple[BaseFairseqModel, BaseFairseqModel]


def both(arch: str, task: Any = TASK, **options: Any) -> Models:
    """A model as it is built, and one with the same weights and ``--no-fast``.

    Biases, most of which begin as 0, are random numbers.
    """
    fast, plain = (build_model(arch, task, no_fast=no, **options) for no in (False, True))
    torch.manual_seed(5)
    for parameter in fast.parameters():
        if parameter.dim() == 1:
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    plain.load_state_dict(fast.state_dict())
    return fast, plain


@pytest.fixture(
    scope="module",
    params=[case for case, (_, options) in CASES.items() if not options.get("no_fast")],
)
def models(request: pytest.FixtureRequest) -> Models:
    """Both models of a case; a test must leave them as they are."""
    arch, options = CASES[request.param]
    return both(arch, **options)


def with_gradients(model: BaseFairseqModel, batch: dict[str, Any] = BATCH) -> dict[str, Tensor]:
    """Logits, alignment, and the parameters' gradients of a random sum of the two."""
    torch.manual_seed(4)  # for what a model draws itself
    logits, extra = model(**batch["net_input"])
    made = {"logits": logits, "alignment": extra["attn"][0]}
    made = {name: tensor for name, tensor in made.items() if tensor is not None}
    generator = torch.Generator().manual_seed(3)
    total = sum(
        (tensor * torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)).sum()
        for tensor in made.values()
    )
    names, parameters = zip(*model.named_parameters(), strict=True)
    found = torch.autograd.grad(total, parameters, allow_unused=True)
    return made | {name: d for name, d in zip(names, found, strict=True) if d is not None}


def assert_near(found: dict[str, Tensor], expected: dict[str, Tensor], relative: float) -> None:
    """Each tensor relative to its largest number, or to a thousandth of the largest of all."""
    assert list(found) == list(expected)
    floor = 1e-3 * max(float(tensor.abs().max()) for tensor in expected.values())
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        bound = relative * max(float(tensor.abs().max()), floor)
        assert float((found[name] - tensor).abs().max()) <= bound, name


@pytest.mark.parametrize("training", [True, False])
def test_logits_alignments_and_all_gradients_are_the_plain_ones(models, training):
    """In training what is drawn at random is drawn in the same order."""
    fast, plain = (with_gradients(model.train(training)) for model in models)
    for model in models:
        model.eval()
    assert_near(fast, plain, 1e-9)


def search(
    generator: Callable[..., SequenceGenerator],
    model: BaseFairseqModel,
    batch: dict[str, Any] = BATCH,
    task: Any = TASK,
    **options: Any,
) -> Hypotheses:
    """The n-best lists of a batch."""
    options = {"beam_size": 3, "max_len_a": 0, "max_len_b": 8} | options
    return generator([model], task.target_dictionary, **options).generate([model], batch)


def assert_same_lists(found: Hypotheses, expected: Hypotheses, tolerance: float = 1e-6) -> None:
    """Order, tokens, scores (fairseq's are of float32) and alignments."""
    assert [len(hypos) for hypos in found] == [len(hypos) for hypos in expected]
    for mine, other in zip(sum(found, []), sum(expected, []), strict=True):
        assert mine["tokens"].tolist() == other["tokens"].tolist()
        for name in ("score", "positional_scores", "attention"):
            if other[name] is None:
                assert mine[name] is None
            else:
                torch.testing.assert_close(mine[name], other[name], rtol=tolerance, atol=tolerance)


def test_a_search_over_the_prepared_model_finds_what_it_finds_over_the_plain_one(models):
    fast, plain = models
    prepared = copy.deepcopy(fast)
    prepared.make_generation_fast_(need_attn=True)
    expected = search(SequenceGenerator, plain)
    for model in (fast, prepared):
        assert_same_lists(search(SequenceGenerator, model), expected)
    assert_same_lists(search(LeanSequenceGenerator, prepared), expected)


def curve(data: Any, save_dir: Any, *flags: object) -> list[float]:
    """The loss of each update of a training."""
    losses, step = [], TranslationTask.train_step

    def recorded(*args: Any, **kwargs: Any) -> tuple:
        loss, sample_size, log = step(*args, **kwargs)
        losses.append(float(loss) / sample_size)
        return loss, sample_size, log

    flags = ("--arch", "s2s_attn_tiny", "--disable-validation", *flags)
    with mock.patch.object(TranslationTask, "train_step", recorded):
        train(data, save_dir, *flags)
    return losses


@pytest.mark.slow
@pytest.mark.parametrize("rnn_type", ["lstm", "gru"])
def test_two_hundred_updates_have_the_losses_of_the_plain_modules(digits, tmp_path, rnn_type):
    flags = ["--rnn-type", rnn_type, "--max-update", 200, "--max-tokens", 300, "--no-save"]
    flags += ["--lr", 0.001, "--dropout", 0]  # no loss so small that rounding decides it
    fast, plain = (curve(digits / "bin", tmp_path, *flags, *no) for no in ((), ("--no-fast",)))
    assert len(fast) == len(plain) == 200
    assert plain[-1] < plain[0] / 2
    assert fast == pytest.approx(plain, rel=1e-3)
    assert fast != plain  # another order of the sums


needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="needs AVX512-BF16 or AMX")


@pytest.fixture
def without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that multiplies no bfloat16."""
    for module in (s2s, packed_linear):
        monkeypatch.setattr(module, "has_bf16", lambda: False)


@pytest.fixture(scope="module")
def trained_in_bf16(digits: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A checkpoint of a short training in bfloat16."""
    folder = tmp_path_factory.mktemp("bf16")
    flags = ["--arch", "s2s_attn_tiny", "--cpu-bf16", "--max-update", 5, "--disable-validation"]
    train(digits / "bin", folder, *flags)
    return folder / "checkpoint_last.pt"


@needs_bf16
def test_a_training_in_bfloat16_has_nearly_the_same_losses(digits, tmp_path):
    flags = ["--max-update", 10, "--no-save"]
    half, full = (curve(digits / "bin", tmp_path, *flags, *f) for f in (("--cpu-bf16",), ()))
    assert len(half) == 10
    assert half == pytest.approx(full, rel=0.02)
    assert half != pytest.approx(full, rel=1e-6)


@needs_bf16
def test_weights_trained_in_bfloat16_are_saved_in_single_precision(trained_in_bf16):
    state = checkpoint_utils.load_checkpoint_to_cpu(str(trained_in_bf16))
    assert {tensor.dtype for tensor in state["model"].values()} == {torch.float32}
    averages = state["last_optimizer_state"]["state"].values()
    assert all(average["exp_avg"].dtype == torch.float32 for average in averages)
    weight = state["model"]["decoder.cell.recurrent.weight"]
    assert not torch.equal(weight, weight.bfloat16().float())


@needs_bf16
def test_bfloat16_changes_nothing_in_evaluation_and_something_in_training():
    half, full = (build_model("s2s_attn_tiny", cpu_bf16=f).float() for f in (True, False))
    with torch.no_grad():
        found, expected = (model(**BATCH["net_input"])[0] for model in (half, full))
        assert torch.equal(found, expected)
        found, expected = (model.train()(**BATCH["net_input"])[0] for model in (half, full))
    assert 0 < float((found.float() - expected).abs().max()) < 0.05


def test_a_processor_without_bfloat16_is_told_so_in_one_sentence_and_only_in_training(without_bf16):
    model = build_model("s2s_attn_tiny", cpu_bf16=True).float()
    model(**BATCH["net_input"])
    with pytest.raises(S2SError, match=r"^--cpu-bf16 needs a processor .*: leave it out\.$"):
        model.train()(**BATCH["net_input"])


@needs_bf16
def test_a_checkpoint_trained_in_bfloat16_generates_on_any_processor(
    digits, trained_in_bf16, without_bf16
):
    assert len(hypotheses(generate(digits / "bin", trained_in_bf16, "--num-workers", 0))) == 100


@pytest.mark.parametrize("task", ["translation", "translation_s2s"])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_generation_in_less_precision_gives_nearly_the_same_answers(
    digits, trained, task, precision
):
    """Scores are mean log-probabilities; a random score would be off by 1 and more."""
    flags = (digits / "bin", trained / "checkpoint_best.pt", "--task", task)
    flags += ("--beam", 5, "--num-workers", 0)
    override = ("--model-overrides", f"{{'decode_precision': '{precision}'}}")
    with mock.patch.object(s2s, "prepare", wraps=s2s.prepare) as prepare:
        exact, rough = generate(*flags), generate(*flags, *override)
    asked = [arg for call in prepare.call_args_list for arg in call.args if isinstance(arg, str)]
    assert asked == ["fp32", precision]
    exact, rough = (dict(lines(output, "H")) for output in (exact, rough))
    assert exact.keys() == rough.keys() == set(range(100))
    same = [n for n in exact if exact[n][1] == rough[n][1]]
    assert len(same) >= 95
    scores = [(float(exact[n][0]), float(rough[n][0])) for n in same]
    assert max(abs(one - other) for one, other in scores) < 0.05
    assert any(one != other for one, other in scores)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({}, False), ({"print_alignment": "soft"}, True), ({"replace_unk": ""}, True)],
    ids=["neither", "print-alignment", "replace-unk"],
)
def test_alignments_are_given_only_to_who_reads_them(options, wanted):
    model = build_model("s2s_attn_tiny")
    generation = OmegaConf.structured(GenerationConfig(**options))
    model.prepare_for_inference_(OmegaConf.create({"generation": generation}))
    [hypo, *_], *_ = search(SequenceGenerator, model)
    assert (hypo["attention"] is not None and hypo["attention"].numel() > 0) is wanted
    _, extra = model(**BATCH["net_input"])
    assert (extra["attn"][0] is not None) is wanted


def test_a_model_made_fast_for_generation_trains_no_more():
    model = build_model("s2s_attn_tiny")
    model.make_generation_fast_()
    model.eval()
    with pytest.raises(RuntimeError, match="cannot train after make_generation_fast"):
        model.train()
