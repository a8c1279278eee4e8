"""A pure function of tensors as a CUDA graph per shape, so that a GPU need not wait for us.

A loop over a target launches a thousand small kernels, and the launches take longer than the work.
A CUDA graph launches them at once, but only over tensors of the same shapes at the same addresses.
"""

import logging
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, autograd

logger = logging.getLogger(__name__)

Function = Callable[..., tuple[Tensor | None, ...]]
TensorFunction = Callable[..., tuple[Tensor, ...]]  # without None among its outputs
Capture = Callable[[TensorFunction, tuple[Tensor, ...]], TensorFunction]

Arguments = tuple[Tensor | Hashable, ...]


def is_on_current_gpu(tensor: Tensor) -> bool:
    """Whether a tensor is where a capture would put its graph."""
    return tensor.is_cuda and tensor.device.index == torch.cuda.current_device()


class CudaCapture:
    """Captures a function of tensors, forward and backward, by torch's ``make_graphed_callables``.

    All captures share one pool of memory, which is therefore as large as the largest shape needs:
    a replay overwrites what every other replay has left there.
    """

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(self, function: TensorFunction, samples: tuple[Tensor, ...]) -> TensorFunction:
        """The graphed function.

        Raises:
            RuntimeError: if the function does what cannot be captured, such as waiting for the GPU
        """
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        # A capture that fails leaves its own stream behind; this puts ours back.
        with torch.cuda.stream(torch.cuda.current_stream()):
            graphed = torch.cuda.make_graphed_callables(
                function, samples, allow_unused_input=True, pool=self._pool
            )
        return cast(TensorFunction, graphed)


class Graph(NamedTuple):
    """A captured function."""

    plain: Function  # of the tensors alone, without a graph
    replayed: TensorFunction  # of the tensors alone, to those outputs that are tensors
    is_tensor: tuple[bool, ...]  # for each output, whether it is a tensor or None


class GraphedByShape:
    """A differentiable function that runs as a CUDA graph for the shapes that come often.

    Each call gives what the function gives, and its gradients. It *is* the function on a CPU, in
    inference mode, under tracing and ``torch.compile``, inside another capture, the first
    ``after`` times that a shape is seen, when ``limit`` shapes have been captured, where a capture
    has failed, and while an earlier call still waits for its backward pass.

    A graph writes to the same addresses whenever it is replayed, so nothing of it is handed out:
    outputs and gradients are copies (autograd would take a gradient for a parameter's ``grad`` as
    it is). What the backward pass reads inside the graph belongs to a :class:`Replay`, which the
    autograd node of the call owns. Only a weak reference to it is kept here: it is dead as soon as
    the outputs, and all that was made of them, are gone; and it is marked when its backward pass
    has run. Until either, no graph is replayed. A second backward pass (``retain_graph``), or one
    that is to be differentiated itself (``create_graph``), computes the function again, plainly.

    Inputs are copied to the graph's own, which are contiguous: strides do not matter. All calls
    come from one thread and one stream.

    Args:
        function: from tensors and hashable constants, such as None, to a tuple of tensors, or None;
            without side effects, random numbers or looking at a tensor's content on the host; it
            closes over no tensor that requires a gradient. Under autocast, its forward pass runs
            under the caller's autocast and its backward pass under none.
        after: how many calls of a shape run plainly
        limit: how many shapes are captured
        capture: makes the graphed function of a function and samples of its tensors
        on_device: whether a tensor is where graphs can run
    """

    def __init__(
        self,
        function: Function,
        *,
        after: int = 3,
        limit: int = 64,
        capture: Capture | None = None,
        on_device: Callable[[Tensor], bool] = is_on_current_gpu,
    ) -> None:
        self.function = function
        self.after = after
        self.limit = limit
        self._capture = CudaCapture() if capture is None else capture
        self._on_device = on_device
        self._seen: Counter[int] = Counter()
        self._graphs: dict[Hashable, Graph | None] = {}  # None where the capture failed
        self._last: Callable[[], Replay | None] = lambda: None

    def __call__(self, *arguments: Tensor | Hashable) -> tuple[Tensor | None, ...]:
        """The function's outputs."""
        tensors = tuple(a for a in arguments if isinstance(a, Tensor))
        if self._must_run_plainly(tensors):
            return self.function(*arguments)
        graph = self._graph(arguments, tensors)
        if graph is None:
            return self.function(*arguments)
        replay = Replay(graph, tensors)
        self._last = weakref.ref(replay)
        outputs = iter(GraphedFunction.apply(replay, *tensors))  # type: ignore[no-untyped-call]
        return tuple(next(outputs) if is_tensor else None for is_tensor in graph.is_tensor)

    def _must_run_plainly(self, tensors: tuple[Tensor, ...]) -> bool:
        """Whether this call, whatever its shapes, cannot be a replay."""
        if torch.compiler.is_compiling():
            return True
        if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            return True
        if not tensors or not all(map(self._on_device, tensors)):
            return True
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
            return True
        last = self._last()
        return torch.is_inference_mode_enabled() or (last is not None and last.pending)

    def _graph(self, arguments: Arguments, tensors: tuple[Tensor, ...]) -> Graph | None:
        """The graph for such arguments, captured now if it is time; or None."""
        autocast = autocast_state(tensors[0].device.type)
        key = (autocast, *map(describe, arguments))
        if key not in self._graphs:
            seen = hash(key)  # there may be many more shapes than graphs
            self._seen[seen] += 1
            if self._seen[seen] <= self.after or len(self._graphs) >= self.limit:
                return None
            self._graphs[key] = self._captured(bind(self.function, arguments, autocast), tensors)
        return self._graphs[key]

    def _captured(self, plain: Function, tensors: tuple[Tensor, ...]) -> Graph | None:
        """A new graph, or None, with a line in the log, if the capture fails."""
        is_tensor: list[bool] = []

        def without_none(*samples: Tensor) -> tuple[Tensor, ...]:
            outputs = plain(*samples)
            is_tensor[:] = [output is not None for output in outputs]
            return tuple(output for output in outputs if output is not None)

        try:
            # The plain function enters the caller's autocast; the rest of the capture, the backward
            # pass above all, has none, as in training.
            with torch.autocast(tensors[0].device.type, enabled=False):
                replayed = self._capture(without_none, tuple(map(make_sample, tensors)))
        except RuntimeError as error:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            logger.warning("No CUDA graph for tensors of the shapes %s: %s", shapes, error)
            return None
        return Graph(plain, replayed, tuple(is_tensor))


class Replay:
    """One replay of a graph, which keeps the graph's memory to itself while it is ``pending``.

    Args:
        graph: the graph
        tensors: its inputs
    """

    def __init__(self, graph: Graph, tensors: tuple[Tensor, ...]) -> None:
        self.plain = graph.plain
        self.inputs = [tensor.detach().requires_grad_(needs_grad(tensor)) for tensor in tensors]
        self.outputs = graph.replayed(*self.inputs)
        self.pending = any(tensor.requires_grad for tensor in self.inputs)

    def backward(self, gradients: tuple[Tensor, ...]) -> list[Tensor | None]:
        """The gradients of the inputs, for those of the outputs; only once."""
        found = differentiate(self.outputs, self.inputs, gradients)
        self.pending = False
        self.outputs = ()
        return [None if gradient is None else gradient.clone() for gradient in found]


class GraphedFunction(autograd.Function):
    """A replay as a function of its tensors: copies of its outputs, and of its gradients."""

    @staticmethod
    def forward(ctx: Any, replay: Replay, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.replay = replay
        ctx.save_for_backward(*tensors)
        return tuple(output.detach().clone() for output in replay.outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        create_graph = torch.is_grad_enabled()
        if ctx.replay.pending and not create_graph:
            return None, *ctx.replay.backward(gradients)
        with torch.enable_grad():
            # Views, as one tensor may stand in several places and each has a gradient of its own.
            inputs = [tensor.view_as(tensor) for tensor in ctx.saved_tensors]
            outputs = [output for output in ctx.replay.plain(*inputs) if output is not None]
            return None, *differentiate(outputs, inputs, gradients, create_graph=create_graph)


def differentiate(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    gradients: Sequence[Tensor],
    **options: bool,
) -> list[Tensor | None]:
    """The gradient of each input, None where there is none."""
    pairs = [(o, g) for o, g in zip(outputs, gradients, strict=True) if o.requires_grad]
    wanted = [tensor for tensor in inputs if tensor.requires_grad]
    ends, starts = [end for end, _ in pairs], [start for _, start in pairs]
    found = iter(autograd.grad(ends, wanted, starts, allow_unused=True, **options))
    return [next(found) if tensor.requires_grad else None for tensor in inputs]


def needs_grad(tensor: Tensor) -> bool:
    """Whether autograd would ask for the gradient of this input now."""
    return tensor.requires_grad and torch.is_grad_enabled()


def describe(argument: Tensor | Hashable) -> Hashable:
    """What a graph depends on: of a tensor all but its numbers, of a constant the constant."""
    if not isinstance(argument, Tensor):
        return argument
    return tuple(argument.shape), argument.dtype, argument.device, needs_grad(argument)


def make_sample(tensor: Tensor) -> Tensor:
    """A leaf of the graph's own, with the tensor's numbers."""
    sample = tensor.detach().clone(memory_format=torch.contiguous_format)
    return sample.requires_grad_(needs_grad(tensor))


def autocast_state(device_type: str) -> tuple[str, torch.dtype, bool]:
    """The autocast that is in force, as the first arguments of ``torch.autocast``."""
    enabled = torch.is_autocast_enabled(device_type)
    return device_type, torch.get_autocast_dtype(device_type), enabled


def bind(
    function: Function, arguments: Arguments, autocast: tuple[str, torch.dtype, bool]
) -> Function:
    """The function of the tensors among the arguments alone, always under the same autocast."""
    constants = [None if isinstance(a, Tensor) else a for a in arguments]
    places = [place for place, a in enumerate(arguments) if isinstance(a, Tensor)]

    def bound(*tensors: Tensor) -> tuple[Tensor | None, ...]:
        filled = list(constants)
        for place, tensor in zip(places, tensors, strict=True):
            filled[place] = tensor
        with torch.autocast(*autocast, cache_enabled=False):  # a cached cast is not in the graph
            return function(*filled)

    return bound
