"""Graphs by shape, driven on a CPU by a capture whose buffers are overwritten as on a GPU."""

import logging

import pytest
import torch
from torch import autograd, nn

from fairseq_plugins.ops.cuda_graphs import CudaCapture, GraphedByShape


class StaticBuffers:
    """What ``torch.cuda.make_graphed_callables`` makes of one function, without a GPU.

    A replay copies its inputs in, computes, and overwrites the outputs that earlier replays gave
    out; the backward pass reads what the *last* replay left, and overwrites the gradients that
    earlier ones gave out.
    """

    def __init__(self, function, samples):
        assert all(sample.is_leaf and sample.is_contiguous() for sample in samples)
        assert not torch.is_autocast_enabled("cpu")  # the real one refuses it, with its cache
        self.function, self.inputs = function, samples
        self.left = function(*samples)
        self.outputs = [output.detach().clone() for output in self.left]
        self.gradients = self.differentiate([torch.ones_like(output) for output in self.left])

    def differentiate(self, gradients):
        ends = [output for output in self.left if output.requires_grad]
        starts = [g for g, o in zip(gradients, self.left, strict=True) if o.requires_grad]
        wanted = [sample for sample in self.inputs if sample.requires_grad]
        found = iter(autograd.grad(ends, wanted, starts, allow_unused=True) if ends else ())
        return [next(found) if ends and i.requires_grad else None for i in self.inputs]

    def forward(self, inputs):
        for sample, tensor in zip(self.inputs, inputs, strict=True):
            sample.data.copy_(tensor)
        needy = any(sample.requires_grad for sample in self.inputs)
        with torch.set_grad_enabled(needy), torch.autocast("cpu", enabled=False):
            self.left = self.function(*self.inputs)
        for buffer, output in zip(self.outputs, self.left, strict=True):
            buffer.copy_(output.detach())
        return tuple(buffer.detach() for buffer in self.outputs)

    def backward(self, gradients):
        found = self.differentiate(gradients)
        for buffer, gradient in zip(self.gradients, found, strict=True):
            if buffer is not None:
                buffer.copy_(gradient)
        return tuple(None if buffer is None else buffer.detach() for buffer in self.gradients)

    def overwrite(self):
        """What the replay of another graph in the same pool of memory does."""
        for buffer in (*self.outputs, *self.gradients):
            if buffer is not None:
                buffer.fill_(torch.nan)
        self.left = ()


class FakeCapture:
    """Counts captures and replays; its graphs share one pool of memory."""

    def __init__(self):
        self.pool = []
        self.replays = 0

    def __call__(self, function, samples):
        buffers = StaticBuffers(function, samples)
        self.pool.append(buffers)

        class Graphed(autograd.Function):
            @staticmethod
            def forward(ctx, *inputs):
                self.replays += 1
                for other in self.pool:
                    if other is not buffers:
                        other.overwrite()
                return buffers.forward(inputs)

            @staticmethod
            @autograd.function.once_differentiable
            def backward(ctx, *gradients):
                return buffers.backward(gradients)

        return Graphed.apply


def mixture(inputs, weight, bias):
    """Two outputs that depend on every input; a bias, or None."""
    hidden = torch.tanh(inputs @ weight if bias is None else inputs @ weight + bias)
    return hidden, (hidden * inputs).softmax(dim=-1)


def graphed_by_shape(function=mixture, *, capture=None, **options):
    """The function under test, and its capture; the second call of a shape is a replay."""
    capture = FakeCapture() if capture is None else capture
    options = {"after": 1, "on_device": lambda tensor: True, **options}
    return GraphedByShape(function, capture=capture, **options), capture


@pytest.fixture
def parameters():
    """A weight and a bias."""
    torch.manual_seed(1)
    return nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(4))


def batches(*sizes):
    """Inputs of several batch sizes."""
    return [torch.randn(size, 4) for size in sizes]


def loss_of(outputs):
    """A number whose gradient differs from output to output and from entry to entry."""
    return sum(((place + 2) * output.exp()).sum() for place, output in enumerate(outputs))


def gradients(loss, *tensors):
    """The gradients of a loss; the tensors' ``grad`` is left alone."""
    return autograd.grad(loss, tensors)


def test_a_training_over_interleaved_shapes_is_that_of_the_plain_function(parameters):
    graphed, capture = graphed_by_shape()
    inputs = batches(2, 3, 2, 3, 3, 5, 2, 2, 5, 5)

    def train(function):
        for parameter in parameters:
            parameter.grad = None
        losses = []
        for batch in inputs:
            loss = loss_of(function(batch, *parameters))
            loss.backward()  # and the gradients are summed
            losses.append(loss.detach())
        return [*losses, *(parameter.grad.clone() for parameter in parameters)]

    torch.testing.assert_close(train(graphed), train(mixture))
    assert len(capture.pool) == 3
    assert capture.replays == len(inputs) - 3


@pytest.mark.parametrize("sizes", [(2, 2), (2, 3), (2, 3, 2, 2)])
def test_several_forward_passes_before_their_backward_passes_disturb_nothing(parameters, sizes):
    graphed, capture = graphed_by_shape(after=0)
    inputs = batches(*sizes)
    losses = [loss_of(graphed(batch, *parameters)) for batch in inputs]
    for loss, batch in zip(losses, inputs, strict=True):
        expected = gradients(loss_of(mixture(batch, *parameters)), *parameters)
        torch.testing.assert_close(gradients(loss, *parameters), expected)
    assert capture.replays == 1


def test_gradients_that_were_given_out_stay_as_they_are(parameters):
    graphed, capture = graphed_by_shape(after=0)
    inputs = batches(2, 2, 3)
    given = [gradients(loss_of(graphed(batch, *parameters)), *parameters) for batch in inputs]
    plain = [gradients(loss_of(mixture(batch, *parameters)), *parameters) for batch in inputs]
    torch.testing.assert_close(given, plain)
    assert capture.replays == 3


def test_outputs_that_were_given_out_stay_as_they_are(parameters):
    graphed, capture = graphed_by_shape(after=0)
    inputs = batches(2, 2, 3)
    with torch.no_grad():
        given = [graphed(batch, *parameters) for batch in inputs]
        torch.testing.assert_close(given, [mixture(batch, *parameters) for batch in inputs])
    assert capture.replays == 3


def test_a_graph_waits_for_whatever_was_made_of_its_outputs_and_for_no_longer(parameters):
    graphed, capture = graphed_by_shape(after=0)
    first, second = batches(2, 2)
    loss = loss_of(graphed(first, *parameters))  # the outputs themselves are gone
    graphed(second, *parameters)
    assert capture.replays == 1
    expected = gradients(loss_of(mixture(first, *parameters)), *parameters)
    torch.testing.assert_close(gradients(loss, *parameters), expected)
    graphed(second, *parameters)  # dropped: its backward pass never runs
    assert capture.replays == 2
    outputs = graphed(first, *parameters)
    assert capture.replays == 3
    torch.testing.assert_close(outputs, mixture(first, *parameters))


def test_a_second_backward_pass_is_right_though_the_graph_has_moved_on(parameters):
    graphed, capture = graphed_by_shape(after=0)
    first, second = batches(2, 2)
    loss = loss_of(graphed(first, *parameters))
    expected = gradients(loss_of(mixture(first, *parameters)), *parameters)
    torch.testing.assert_close(autograd.grad(loss, parameters, retain_graph=True), expected)
    gradients(loss_of(graphed(second, *parameters)), *parameters)
    assert capture.replays == 2
    torch.testing.assert_close(gradients(loss, *parameters), expected)


def test_a_gradient_can_itself_be_differentiated(parameters):
    graphed, capture = graphed_by_shape(after=0)
    [batch] = batches(2)

    def penalty(function):
        first = autograd.grad(loss_of(function(batch, *parameters)), parameters, create_graph=True)
        return gradients(sum(gradient.square().sum() for gradient in first), *parameters)

    torch.testing.assert_close(penalty(graphed), penalty(mixture))
    assert capture.replays == 1


@pytest.mark.parametrize("retain_graph", [False, True])
def test_a_tensor_in_two_places_gets_the_gradient_of_both(retain_graph):
    graphed, capture = graphed_by_shape(after=0)
    square = torch.randn(4, 4, requires_grad=True)
    loss = loss_of(graphed(square, square, None))
    if retain_graph:
        autograd.grad(loss, square, retain_graph=True)
    expected = gradients(loss_of(mixture(square, square, None)), square)
    torch.testing.assert_close(gradients(loss, square), expected)
    assert capture.replays == 1


def test_an_input_that_is_not_used_has_no_gradient(parameters):
    def ignoring(inputs, weight, bias):
        return mixture(inputs, weight, None)

    graphed, capture = graphed_by_shape(ignoring, after=0)
    loss_of(graphed(*batches(2), *parameters)).backward()
    assert [parameter.grad is None for parameter in parameters] == [False, True]
    assert capture.replays == 1


def test_the_gradient_of_one_output_alone_is_that_of_the_plain_function(parameters):
    graphed, capture = graphed_by_shape(after=0)
    [batch] = batches(2)
    loss = graphed(batch, *parameters)[1].square().sum()
    expected = gradients(mixture(batch, *parameters)[1].square().sum(), *parameters)
    torch.testing.assert_close(gradients(loss, *parameters), expected)
    assert capture.replays == 1


def test_who_needs_gradients_makes_graphs_of_their_own(parameters):
    weight, bias = parameters
    graphed, capture = graphed_by_shape(after=0)
    [batch] = batches(2)
    with torch.no_grad():
        assert not any(output.requires_grad for output in graphed(batch, weight, bias))
    needy = batch.clone().requires_grad_()
    for inputs, wanted in ((batch, (weight,)), (needy, (needy, weight)), (batch, (weight,))):
        given = gradients(loss_of(graphed(inputs, weight, bias)), *wanted)
        expected = gradients(loss_of(mixture(inputs, weight, bias)), *wanted)
        torch.testing.assert_close(given, expected)
    assert (len(capture.pool), capture.replays) == (3, 4)


def test_none_among_the_arguments_makes_a_graph_of_its_own_and_none_is_given_back(parameters):
    weight, bias = parameters

    def with_none(inputs, weight, bias):
        hidden, mixed = mixture(inputs, weight, bias)
        return hidden, None if bias is None else bias * 2, mixed

    graphed, capture = graphed_by_shape(with_none, after=0)
    [batch] = batches(2)
    for given in (bias, None, bias, None):
        with torch.no_grad():
            outputs, expected = graphed(batch, weight, given), with_none(batch, weight, given)
        assert [output is None for output in outputs] == [False, given is None, False]
        kept = [output for output in outputs if output is not None]
        torch.testing.assert_close(kept, [output for output in expected if output is not None])
    assert (len(capture.pool), capture.replays) == (2, 4)


def test_a_strided_input_is_taken_for_its_numbers(parameters):
    graphed, capture = graphed_by_shape(after=0)
    [batch] = batches(4)
    for inputs in (batch.t(), batch, batch[:1].expand(4, 4)):
        outputs = [output.detach() for output in graphed(inputs, *parameters)]
        expected = [output.detach() for output in mixture(inputs, *parameters)]
        torch.testing.assert_close(outputs, expected)
    assert (len(capture.pool), capture.replays) == (1, 3)


def test_under_autocast_it_is_the_function_under_autocast(parameters):
    graphed, capture = graphed_by_shape(after=0)
    [batch] = batches(2)
    for enabled in (True, False):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            outputs, expected = graphed(batch, *parameters), mixture(batch, *parameters)
        assert [o.dtype for o in outputs] == [o.dtype for o in expected]
        given = gradients(loss_of(outputs), *parameters)
        torch.testing.assert_close(given, gradients(loss_of(expected), *parameters))
    assert (len(capture.pool), capture.replays) == (2, 2)


def test_a_capture_that_fails_is_reported_once_and_never_tried_again(parameters, caplog):
    tried = []

    def capture(function, samples):
        tried.append([tuple(sample.shape) for sample in samples])
        raise RuntimeError("operation not permitted when stream is capturing")

    graphed, _ = graphed_by_shape(capture=capture)
    [batch] = batches(2)
    with caplog.at_level(logging.WARNING):
        outputs = [graphed(batch, *parameters) for _ in range(4)]
    torch.testing.assert_close(outputs, [mixture(batch, *parameters)] * 4)
    assert tried == [[(2, 4), (4, 4), (4,)]]
    assert [("(2, 4)" in r.message, "not permitted" in r.message) for r in caplog.records] == [
        (True, True)
    ]


def test_a_shape_is_captured_only_after_it_came_often(parameters):
    graphed, capture = graphed_by_shape(after=3)
    for calls, batch in enumerate(batches(2, 2, 2, 2, 2), start=1):
        graphed(batch, *parameters)
        assert capture.replays == max(0, calls - 3)


def test_beyond_the_limit_shapes_run_plainly_and_captured_ones_go_on(parameters):
    graphed, capture = graphed_by_shape(after=0, limit=2)
    for batch in batches(2, 3, 5, 5, 2, 3):
        outputs = graphed(batch, *parameters)
        torch.testing.assert_close(outputs, mixture(batch, *parameters))
        del outputs
    assert (len(capture.pool), capture.replays) == (2, 4)


def test_on_a_cpu_nothing_is_captured(parameters):
    capture = FakeCapture()
    graphed = GraphedByShape(mixture, after=0, capture=capture)
    for batch in batches(2, 2):
        torch.testing.assert_close(graphed(batch, *parameters), mixture(batch, *parameters))
    assert capture.pool == []


def test_one_tensor_elsewhere_is_enough_to_run_plainly(parameters):
    weight, _ = parameters
    graphed, capture = graphed_by_shape(after=0, on_device=lambda tensor: tensor is not weight)
    graphed(*batches(2), *parameters)
    assert capture.pool == []


def test_under_tracing_nothing_is_captured(parameters):
    graphed, capture = graphed_by_shape(after=0)
    first, second = batches(2, 2)
    constants = [parameter.detach() for parameter in parameters]
    traced = torch.jit.trace(lambda inputs: graphed(inputs, *constants), first, check_trace=False)
    torch.testing.assert_close(traced(second), mixture(second, *constants))
    assert capture.pool == []


def test_under_torch_compile_nothing_is_captured(parameters):
    graphed, capture = graphed_by_shape(after=0)
    [batch] = batches(2)
    compiled = torch.compile(lambda inputs: graphed(inputs, *parameters), backend="eager")
    torch.testing.assert_close(compiled(batch), mixture(batch, *parameters))
    assert capture.pool == []


def test_in_inference_mode_nothing_is_captured(parameters):
    graphed, capture = graphed_by_shape(after=0)
    [batch] = batches(2)
    with torch.inference_mode():
        torch.testing.assert_close(graphed(batch, *parameters), mixture(batch, *parameters))
    assert capture.pool == []


def test_inside_another_capture_nothing_is_captured(parameters, monkeypatch):
    graphed, capture = graphed_by_shape(after=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    [batch] = batches(2)
    torch.testing.assert_close(graphed(batch, *parameters), mixture(batch, *parameters))
    assert capture.pool == []


def test_torchs_own_capture_gets_one_pool_and_our_stream_back(monkeypatch):
    made, streams = [], ["ours"]

    class Stream:
        def __init__(self, stream):
            self.stream = stream

        def __enter__(self):
            self.before = streams[-1]

        def __exit__(self, *error):
            streams.append(self.before)

    def make_graphed_callables(function, samples, **options):
        made.append((function, samples, options))
        streams.append("the capture's")
        raise RuntimeError("the capture's stream is left current")

    monkeypatch.setattr(torch.cuda, "graph_pool_handle", object)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: streams[-1])
    monkeypatch.setattr(torch.cuda, "stream", Stream)
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", make_graphed_callables)
    capture = CudaCapture()
    for samples in (batches(2), batches(3)):
        with pytest.raises(RuntimeError, match="left current"):
            capture(mixture, tuple(samples))
        assert streams[-1] == "ours"
    options = [given for _, _, given in made]
    assert options[0] == options[1]
    assert options[0]["allow_unused_input"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_a_training_is_that_of_the_plain_function():
    torch.manual_seed(1)
    parameters = [torch.randn(4, 4, device="cuda"), torch.randn(4, device="cuda")]
    inputs = [batch.cuda() for batch in batches(2, 3, 2, 3, 2, 3, 2, 3)]
    graphed = GraphedByShape(mixture, after=1)

    def train(function):
        leaves = [parameter.clone().requires_grad_() for parameter in parameters]
        for batch in inputs:
            loss_of(function(batch, *leaves)).backward()
        return [leaf.grad for leaf in leaves]

    torch.testing.assert_close(train(graphed), train(mixture))
