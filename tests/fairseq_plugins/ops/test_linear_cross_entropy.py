"""The fused loss against fairseq's own over all logits, and what it must never hold."""

import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from fairseq_plugins.ops import linear_cross_entropy as module
from fairseq_plugins.ops.linear_cross_entropy import linear_cross_entropy

PAD, ROWS, DIM, VOCABULARY = 1, 11, 5, 13
TARGET = torch.tensor([4, PAD, 12, 7, 7, PAD, 0, 2, 9, PAD, 5])
OPTIONS = {"label_smoothing": 0.1, "padding_idx": PAD}


def tensors(dtype=torch.double, *, bias=True, requires_grad=True):
    """Features, weight and bias."""
    generator = torch.Generator().manual_seed(3)
    shapes = [(ROWS, DIM), (VOCABULARY, DIM), *([(VOCABULARY,)] if bias else [])]
    made = [torch.randn(shape, generator=generator, dtype=torch.double) for shape in shapes]
    made = [tensor.to(dtype).requires_grad_(requires_grad) for tensor in made]
    return made if bias else [*made, None]


def fused(features, weight, bias, target=TARGET, **options):
    return linear_cross_entropy(features, weight, target, bias=bias, **{**OPTIONS, **options})


def fairseqs(features, weight, bias, target=TARGET, *, label_smoothing=0.1):
    """Loss, nll_loss and number correct as fairseq's criterion has them, but in float64."""
    log_probs = functional.linear(features, weight, bias).log_softmax(dim=1)
    losses = label_smoothed_nll_loss(log_probs, target, label_smoothing, ignore_index=PAD)
    correct = log_probs.argmax(dim=1).eq(target) & target.ne(PAD)
    return *losses, correct.sum()


def gradients(loss, inputs):
    return torch.autograd.grad(loss, [x for x in inputs if x is not None])


def assert_close_to(found, expected, tolerance):
    """Relative to the largest number of each tensor."""
    for one, other in zip(found, expected, strict=True):
        error = (one.double() - other.double()).abs().max() / other.double().abs().max()
        assert error < tolerance


@pytest.mark.parametrize("chunk", [1, 3, 8, 100])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype, tolerance", [(torch.double, 1e-13), (torch.float, 1e-5)])
def test_it_equals_fairseqs_loss_and_its_gradients(bias, label_smoothing, chunk, dtype, tolerance):
    exact = tensors(bias=bias)
    *expected, correct = fairseqs(*exact, label_smoothing=label_smoothing)
    inputs = tensors(dtype, bias=bias)
    options = {"label_smoothing": label_smoothing, "chunk": chunk, "count_correct": True}
    loss, nll_loss, number = fused(*inputs, **options)
    assert_close_to([loss, nll_loss], expected, tolerance)
    assert number == correct
    assert_close_to(gradients(loss, inputs), gradients(expected[0], exact), tolerance)


@pytest.mark.parametrize("chunk", [2, 100])
def test_first_and_second_derivatives_are_those_of_finite_differences(chunk):
    def loss(*inputs):
        return fused(*inputs, chunk=chunk).loss

    assert torch.autograd.gradcheck(loss, tensors())
    assert torch.autograd.gradgradcheck(loss, tensors())


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_second_derivatives_do_not_need_every_input(frozen):
    inputs = tensors()
    inputs[frozen].requires_grad_(False)
    assert torch.autograd.gradgradcheck(lambda *inputs: fused(*inputs).loss, inputs)


def test_rows_of_zeros_for_padding_change_nothing(monkeypatch):
    """What a GPU gets in place of the dropped rows."""
    inputs = tensors()
    expected = fused(*inputs, count_correct=True)
    monkeypatch.setattr(module, "drop_padding", module.blank_padding)
    found = fused(*inputs, count_correct=True, chunk=2)
    assert_close_to(found, expected, 1e-13)
    assert_close_to(gradients(found[0], inputs), gradients(expected[0], inputs), 1e-13)


@pytest.mark.parametrize("name", ["drop_padding", "blank_padding"])
def test_whatever_stands_on_padding_is_not_seen(monkeypatch, name):
    monkeypatch.setattr(module, "drop_padding", getattr(module, name))
    features, weight, bias = tensors()
    loss = fused(features, weight, bias).loss
    odd = features.detach().masked_fill(TARGET.eq(PAD).unsqueeze(1), float("nan"))
    odd.requires_grad_()
    torch.testing.assert_close(fused(odd, weight, bias).loss, loss)
    (found,) = torch.autograd.grad(fused(odd, weight, bias).loss, odd)
    assert found[TARGET.eq(PAD)].abs().sum() == 0
    assert found[TARGET.ne(PAD)].abs().min() > 0


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ["drop_padding", "blank_padding"])
def test_nothing_but_padding_costs_nothing_and_is_never_right(monkeypatch, name, bias):
    monkeypatch.setattr(module, "drop_padding", getattr(module, name))
    inputs = [x for x in tensors(bias=bias) if x is not None]
    padding = torch.full((ROWS,), PAD)
    loss, nll_loss, correct = fused(*inputs, *[None] * (not bias), padding, count_correct=True)
    assert (loss, nll_loss, correct) == (0, 0, 0)
    for gradient, like in zip(gradients(loss, inputs), inputs, strict=True):
        assert torch.equal(gradient, torch.zeros_like(like))


def test_the_gradient_that_comes_in_multiplies_those_that_go_out():
    inputs = tensors()
    expected = gradients(fairseqs(*inputs)[0] * 2.5, inputs)
    assert_close_to(gradients(fused(*inputs).loss * 2.5, inputs), expected, 1e-13)


def test_a_second_backward_pass_gives_the_same_again():
    inputs = tensors()
    loss = 3 * fused(*inputs).loss
    expected = gradients(3 * fairseqs(*inputs)[0], inputs)
    for _ in range(3):
        again = torch.autograd.grad(loss, inputs, retain_graph=True)
        assert_close_to(again, expected, 1e-13)
        for gradient in again:
            gradient.zero_()  # whoever gets a gradient may write into it


def test_a_second_backward_pass_of_a_graph_that_was_not_kept_is_refused():
    inputs = tensors()
    loss = fused(*inputs).loss
    loss.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_the_loss_without_smoothing_is_for_the_log_only():
    loss, nll_loss, correct = fused(*tensors())
    assert loss.requires_grad
    assert not nll_loss.requires_grad
    assert correct is None


class Recorder(TorchDispatchMode):
    """The sizes of all that is made, not of views, and the names of the functions that make it."""

    def __init__(self):
        super().__init__()
        self.shapes, self.names = [], []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        outputs = made if isinstance(made, (tuple, list)) else [made]
        given = {x.untyped_storage().data_ptr() for x in args if isinstance(x, torch.Tensor)}
        tensors = [x for x in outputs if isinstance(x, torch.Tensor)]
        new = [x for x in tensors if x.untyped_storage().data_ptr() not in given]
        self.shapes += [tuple(x.shape) for x in new]
        self.names.append(func.overloadpacket.__name__)
        return made

    @property
    def largest(self):
        return max(torch.Size(shape).numel() for shape in self.shapes)


def big(rows=64, dim=4, vocabulary=50):
    features, weight = torch.randn(rows, dim), torch.randn(vocabulary, dim)
    target = torch.randint(2, vocabulary, (rows,))
    return features.requires_grad_(), weight.requires_grad_(), None, target


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_no_tensor_is_larger_than_a_chunk_of_logits(dtype):
    inputs = big()
    with Recorder() as all_at_once:
        fairseqs(*inputs)[0].backward()
    with Recorder() as recorder:
        fused(*inputs, chunk=8, dtype=dtype, count_correct=True).loss.backward()
    assert all_at_once.largest == 64 * 50
    assert recorder.largest == 8 * 50


def test_without_gradients_nothing_of_the_weights_size_is_made():
    inputs = big()
    with torch.no_grad(), Recorder() as recorder:
        loss = fused(*inputs, chunk=2).loss
    assert not loss.requires_grad
    assert recorder.names.count("mm") == 32  # no product but the logits
    assert (50, 4) not in recorder.shapes
    assert_close_to([loss], fairseqs(*inputs)[:1], 1e-5)


@pytest.mark.parametrize("frozen, shape", [(0, (64, 4)), (1, (50, 4))])
def test_a_gradient_that_nobody_wants_is_not_made(frozen, shape):
    inputs = big()
    inputs[frozen].requires_grad_(False)
    with Recorder() as recorder:
        fused(*inputs, chunk=2).loss.backward()
    assert inputs[frozen].grad is None
    assert shape not in recorder.shapes


WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "index"}


def test_with_rows_of_zeros_the_forward_pass_never_asks_for_a_number(monkeypatch):
    """On a GPU every one of these functions would make the program wait."""
    inputs = tensors()
    with Recorder() as recorder:
        fused(*inputs, count_correct=True)
    assert WAITING & set(recorder.names)
    monkeypatch.setattr(module, "drop_padding", module.blank_padding)
    with Recorder() as recorder:
        fused(*inputs, count_correct=True)
    assert not WAITING & set(recorder.names)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_it_equals_the_cpu_and_never_waits():
    inputs = [x.detach().cuda().requires_grad_() for x in tensors()]
    target = TARGET.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss = fused(*inputs, target, count_correct=True).loss
        found = gradients(loss, inputs)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    exact = tensors()
    expected = gradients(fairseqs(*exact)[0], exact)
    assert_close_to([x.cpu() for x in found], expected, 1e-12)


def test_bfloat16_operands_leave_loss_and_sums_in_single():
    exact, inputs = tensors(), tensors(torch.float)
    expected = fairseqs(*exact)
    loss, nll_loss, _ = fused(*inputs, dtype=torch.bfloat16)
    assert loss.dtype == nll_loss.dtype == torch.float
    assert loss != fused(*inputs).loss
    assert_close_to([loss, nll_loss], expected[:2], 5e-3)
    found = gradients(loss, inputs)
    assert all(gradient.dtype == torch.float for gradient in found)
    assert_close_to(found, gradients(expected[0], exact), 2e-2)


def test_a_weights_gradient_is_summed_over_chunks_in_single():
    """In bfloat16 a sum of ones ends at 256: the next one is lost in rounding."""
    rows = 1024
    features, weight = torch.ones(rows, 1), torch.zeros(2, 1, requires_grad=True)
    target = torch.zeros(rows, dtype=torch.long)
    options = {"label_smoothing": 0.0, "dtype": torch.bfloat16, "chunk": 1}
    fused(features, weight, None, target, **options).loss.backward()
    assert weight.grad.tolist() == [[-rows / 2], [rows / 2]]


def test_autocast_chooses_the_operands_and_leaves_float64_alone():
    inputs = tensors(torch.float)
    expected = fused(*inputs, dtype=torch.bfloat16).loss
    with torch.autocast("cpu", torch.bfloat16):
        loss = fused(*inputs).loss
        double = fused(*tensors()).loss
    assert torch.equal(loss, expected)
    assert all(map(torch.equal, gradients(loss, inputs), gradients(expected, inputs)))
    assert torch.equal(double, fused(*tensors()).loss)


def test_a_type_that_is_given_goes_before_autocasts():
    inputs = tensors(torch.float)
    expected = fused(*inputs, dtype=torch.half).loss
    with torch.autocast("cpu", torch.bfloat16):
        loss = fused(*inputs, dtype=torch.half).loss
    assert torch.equal(loss, expected)
    assert all(map(torch.equal, gradients(loss, inputs), gradients(expected, inputs)))


def test_features_in_bfloat16_choose_the_operands_too():
    features, weight, bias = tensors(torch.float)
    expected = fused(features, weight, bias, dtype=torch.bfloat16).loss
    assert torch.equal(fused(features.bfloat16(), weight, bias).loss, expected)


def test_a_scaled_loss_in_float16_keeps_gradients_that_a_half_alone_would_lose():
    """The probability of one word in 400,000 is a subnormal half, good to a hundredth only."""
    generator = torch.Generator().manual_seed(5)
    features, weight = (torch.randn(size, 2, generator=generator) for size in (3, 400_000))
    half = [x.half().requires_grad_() for x in (features, weight * 0.01)]
    target, scale = torch.tensor([5, 6, 7]), 4096.0
    loss = fused(*half, None, target).loss
    assert loss.dtype == torch.float
    found = gradients(loss * scale, half)
    assert all(gradient.dtype == torch.half for gradient in found)
    exact = [x.detach().double().requires_grad_() for x in half]
    expected = gradients(fairseqs(*exact, None, target)[0], exact)
    for rows in (slice(0, 8), slice(8, None)):  # with the targets, and without
        assert_close_to([found[1][rows].double() / scale], [expected[1][rows]], 2e-3)
    assert_close_to([found[0].double() / scale], expected[:1], 2e-3)


@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_logits_far_apart_neither_overflow_nor_vanish(scale):
    features, weight, bias = tensors()
    features = (features * scale).detach().requires_grad_()
    inputs = (features, weight, bias)
    loss, nll_loss, _ = fused(*inputs)
    expected = fairseqs(*inputs)
    assert_close_to([loss, nll_loss], expected[:2], 1e-12)
    assert_close_to(gradients(loss, inputs), gradients(expected[0], inputs), 1e-12)


def test_a_chunk_below_one_is_refused():
    with pytest.raises(ValueError, match=r"chunk \(0\)"):
        fused(*tensors(), chunk=0)
