"""Recurrent transitions and layers."""

from dataclasses import dataclass, field

import numpy as np

from .maths import Matrix, Vector, Weights, layer_norm, sigmoid

State = tuple[Vector, ...]  # (h,) or, of an LSTM, (h, c)


@dataclass
class Transition:
    r"""s_t from g = W x_t + b and s_{t-1}.

    ``kind`` is ``rnn`` or ``relu`` (Elman, 1990), ``lstm`` (Gers et al., 2000), ``gru``, whose
    reset gate stands behind U (Nematus, Sennrich et al., 2017, section 2.1; cuDNN),
    or ``gru-before``, whose reset gate stands before it (Cho et al., 2014, eq. 5-8). An update gate
    near 1 keeps the old state, as in Cho et al. (2014); that of Bahdanau et al. (2015) is 1 - z.

    ``norms`` are those of the layer-normalised cells (Ba et al., 2016, eq. 20-22 and the
    supplement's GRU). RNMT+ (Chen et al., 2018, section 4.1) has others, of each gate's sum on its
    own (``norm_sum``), and an LSTM's state is not ``squashed``.
    """

    kind: str
    weight: Matrix
    bias: Vector | float = 0.0
    norms: dict[str, tuple[Vector, Vector]] = field(default_factory=dict)
    squashed: bool = True

    @property
    def dim(self) -> int:
        return self.weight.shape[1]

    def zero(self) -> State:
        return tuple(np.zeros(self.dim) for _ in range(2 if self.kind == "lstm" else 1))

    def norm(self, name: str, x: Vector) -> Vector:
        if name not in self.norms:
            return x
        groups = len(x) // self.dim if name.startswith("norm_sum") else 1
        return layer_norm(x, *self.norms[name], groups)

    def __call__(self, given: Vector, state: State) -> State:
        step = {"lstm": self.lstm, "gru": self.gru, "gru-before": self.gru_before}
        return step.get(self.kind, self.elman)(given, state)

    def elman(self, given: Vector, state: State) -> State:
        total = self.norm("norm", given + self.weight @ state[0] + self.bias)
        total = self.norm("norm_sum", total)
        return (np.tanh(total) if self.kind == "rnn" else np.maximum(total, 0),)

    def lstm(self, given: Vector, state: State) -> State:
        h, c = state
        recurrent = self.norm("norm_recurrent", self.weight @ h + self.bias)
        total = self.norm("norm_sum", self.norm("norm_input", given) + recurrent)
        i, f, g, o = np.split(total, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        out = self.norm("norm_cell", c)
        return sigmoid(o) * (np.tanh(out) if self.squashed else out), c

    def gates(self, given: Vector, recurrent: Vector) -> tuple[Vector, Vector]:
        """r and z."""
        total = self.norm("norm_input", given) + self.norm("norm_recurrent", recurrent)
        return tuple(np.split(sigmoid(self.norm("norm_sum", total)), 2))

    def gru(self, given: Vector, state: State) -> State:
        [h], n = state, 2 * self.dim
        recurrent = self.weight @ h + self.bias
        r, z = self.gates(given[:n], recurrent[:n])
        inner = self.norm("norm_recurrent_new", recurrent[n:])
        total = self.norm("norm_input_new", given[n:]) + r * inner
        new = np.tanh(self.norm("norm_sum_new", total))
        return (z * h + (1 - z) * new,)

    def gru_before(self, given: Vector, state: State) -> State:
        [h], n = state, 2 * self.dim
        bias = np.broadcast_to(self.bias, len(self.weight))
        r, z = self.gates(given[:n], self.weight[:n] @ h + bias[:n])
        inner = self.norm("norm_recurrent_new", self.weight[n:] @ (r * h) + bias[n:])
        total = self.norm("norm_input_new", given[n:]) + inner
        new = np.tanh(self.norm("norm_sum_new", total))
        return (z * h + (1 - z) * new,)


def cell_of(weights: Weights, prefix: str, kind: str, **how) -> Transition:
    """The transition whose recurrent weights are kept under ``prefix``."""
    names = ("norm", "norm_input", "norm_recurrent", "norm_input_new", "norm_recurrent_new")
    norms = {
        name: (weights[f"{prefix}.{name}.weight"], weights[f"{prefix}.{name}.bias"])
        for name in (*names, "norm_cell", "norm_sum", "norm_sum_new")
        if f"{prefix}.{name}.weight" in weights
    }
    bias = weights.get(f"{prefix}.recurrent.bias", 0.0)
    return Transition(kind, weights[f"{prefix}.recurrent.weight"], bias, norms, **how)


@dataclass
class Layer:
    """A transition with the weights of its input."""

    cell: Transition
    weight: Matrix
    bias: Vector | float = 0.0

    def step(self, x: Vector, state: State) -> State:
        return self.cell(self.weight @ x + self.bias, state)

    def run(self, inputs: list[Vector]) -> tuple[list[Vector], State]:
        """The states over a sequence, from 0, and the last of them."""
        state, outputs = self.cell.zero(), []
        for x in inputs:
            state = self.step(x, state)
            outputs.append(state[0])
        return outputs, state


def find_layer(
    weights: Weights, prefix: str, kind: str, index: int, *, back: bool = False, **how
) -> Layer:
    """Layer ``index`` under ``prefix``, in one of the forms in which a state dict may keep it."""
    inside = f"{prefix}.layers.{index}"
    ending = "_reverse" if back else ""
    kernels = [(f"{prefix}.rnn", f"l{index}{ending}"), (f"{inside}.rnn", f"l0{ending}")]
    if back:
        kernels.append((f"{inside}.layer.rnn", "l0"))
    for path, layer in kernels:
        if f"{path}.weight_ih_{layer}" in weights:
            w, u, b, d = (
                weights[f"{path}.{part}_{layer}"]
                for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            return Layer(Transition(kind, u, d, **how), w, b)
    forward = [inside, f"{inside}.ahead", prefix]
    for path in [f"{inside}.layer", f"{inside}.back.layer"] if back else forward:
        if f"{path}.input.weight" in weights:
            b = weights.get(f"{path}.input.bias", 0.0)
            cell = cell_of(weights, f"{path}.cell", kind, **how)
            return Layer(cell, weights[f"{path}.input.weight"], b)
    raise KeyError(f"no layer {index} under {prefix}")


def read(
    weights: Weights,
    prefix: str,
    kind: str,
    inputs: list[Vector],
    directions: list[str],
    residual_from: int = 0,
    **how,
) -> tuple[list[Vector], list[State]]:
    """A stack of layers over a sequence: the top's outputs, and the last state of each layer.

    From layer ``residual_from`` on a layer's input is added to its output: Wu et al. (2016), eq. 6.
    """
    vectors, lasts = list(inputs), []
    for i, direction in enumerate(directions):
        parts = []
        if direction != "backward":
            parts.append(find_layer(weights, prefix, kind, i, **how).run(vectors))
        if direction != "forward":
            layer = find_layer(weights, prefix, kind, i, back=True, **how)
            outputs, last = layer.run(vectors[::-1])
            parts.append((outputs[::-1], last))
        both_outputs, both_lasts = zip(*parts, strict=True)
        outputs = [np.concatenate(both) for both in zip(*both_outputs, strict=True)]
        lasts.append(tuple(np.concatenate(both) for both in zip(*both_lasts, strict=True)))
        if 0 < residual_from <= i + 1:
            outputs = [y + x for y, x in zip(outputs, vectors, strict=True)]
        vectors = outputs
    return vectors, lasts


def climb(
    layers: list[Layer],
    x: Vector,
    states: list[State],
    residual_from: int = 0,
    context: Vector | None = None,
) -> tuple[Vector, list[State]]:
    """One step through a stack of layers, each given the context too, where there is one.

    The context is no part of the residual (Wu et al., 2016, section 3.2 and figure 1).
    """
    after = []
    for i, (layer, state) in enumerate(zip(layers, states, strict=True), start=1):
        inputs = x if context is None else np.concatenate([x, context])
        state = layer.step(inputs, state)
        after.append(state)
        x = state[0] + x if 0 < residual_from <= i else state[0]
    return x, after
