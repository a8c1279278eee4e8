"""Each preset's forward pass, from its paper: weights and words in, logits and alignments out.

Biases that a paper omits "to keep the equations uncluttered" are there; what the preset's own
docstring leaves out of its paper, or adds, is said at the place. ``kind`` is the cell in the
paper's place (``gru-before`` where the preset's gru has its reset gate there).
"""

from collections.abc import Callable, Sequence

import numpy as np

from .attention import additive, dot, general, local_p, multi_head
from .maths import Matrix, Vector, Weights, convolve, maxout, sigmoid, softmax
from .recurrence import Layer, State, cell_of, climb, find_layer, read

Outputs = tuple[Matrix, Matrix | None]


def embeddings(w: Weights, source: Sequence[int]) -> list[Vector]:
    return [w.embed("encoder", x) for x in source]


def learned(w: Weights, kind: str, summaries: Sequence[Vector]) -> State:
    """tanh(W x + b) for the hidden state; for an LSTM's cell W x + b of the second summary."""
    name = "decoder.bridge.proj"
    hidden = np.tanh(w.linear(f"{name}.hidden.0", summaries[0]))
    return (hidden, w.linear(f"{name}.cell.0", summaries[-1])) if kind == "lstm" else (hidden,)


def mix(energies: Vector, memory: Matrix) -> tuple[Vector, Vector]:
    """a = softmax(e), c = sum_j a_j h_j: Bahdanau et al. (2015), eq. 5 and 6."""
    alignment = softmax(energies)
    return sum(a * h for a, h in zip(alignment, memory, strict=True)), alignment


def attending_layer(w: Weights, kind: str, **how) -> Layer:
    """The decoder layer whose input is [E y_{t-1}; c_t]."""
    parts = [w["decoder.embed_gates.weight"], w["decoder.context_gates.weight"]]
    bias = w.get("decoder.embed_gates.bias", 0.0)
    return Layer(cell_of(w, "decoder.cell", kind, **how), np.concatenate(parts, axis=1), bias)


def sutskever2014(w: Weights, kind: str, source: list, previous: list, *, depth: int) -> Outputs:
    """Sutskever et al. (2014), sections 2, 3.3 and 3.4.

    The source is read backwards by a deep LSTM; v, the last states of its layers, is the first of
    the decoder's; p(y_t | v, y_1 .. y_{t-1}) (eq. 1) is a softmax over the top layer.
    """
    _, states = read(w, "encoder.rnn", kind, embeddings(w, source), ["backward"] * depth)
    layers = [find_layer(w, "decoder.rnn", kind, i) for i in range(depth)]
    logits = []
    for y in previous:
        top, states = climb(layers, w.embed("decoder", y), states)
        logits.append(w.logits(top))
    return np.stack(logits), None


def cho2014(w: Weights, kind: str, source: list, previous: list) -> Outputs:
    """Cho et al. (2014), eq. 5-8 and appendix A.1, A.2.

    c = tanh(V h_N); h'_0 = tanh(V' c);
    r', z' = sigmoid(W' e(y_{t-1}) + U' h'_{t-1} + C c);
    h~ = tanh(W' e(y_{t-1}) + r' (U' h'_{t-1} + C c)); h'_t = z' h'_{t-1} + (1 - z') h~;
    s_t = maxout(O_h h'_t + O_y y_{t-1} + O_c c), p(y_t) = softmax(G s_t).
    """
    states, _ = read(w, "encoder.rnn", kind, embeddings(w, source), ["forward"])
    c = np.tanh(w.linear("decoder.bridge.summary_proj", states[-1]))
    h = np.tanh(w.linear("decoder.bridge.proj.hidden.0", c))
    logits = []
    for y in previous:
        e = w.embed("decoder", y)
        g_r, g_z, g_n = np.split(w.linear("decoder.rnn.input", e), 3)
        u = w.linear("decoder.rnn.cell.recurrent", h) + w.linear("decoder.rnn.cell.context", c)
        u_r, u_z, u_n = np.split(u, 3)
        r, z = sigmoid(g_r + u_r), sigmoid(g_z + u_z)
        h = z * h + (1 - z) * np.tanh(g_n + r * u_n)
        s = maxout(w.linear("decoder.readout.proj", np.concatenate([h, e, c])))
        logits.append(w.logits(s))
    return np.stack(logits), None


def bahdanau2015(w: Weights, kind: str, source: list, previous: list) -> Outputs:
    """Bahdanau et al. (2015), eq. 4-7 and appendix A.1, A.2.

    h_j = [h_j forward; h_j backward]; s_0 = tanh(W_s h_1 backward) (A.2.2);
    a_t, c_t of e_tj = v' tanh(W_a s_{t-1} + U_a h_j) (A.1.2); s_t = f(s_{t-1}, y_{t-1}, c_t)
    (A.2.2); t_t = maxout(U_o s_{t-1} + V_o E y_{t-1} + C_o c_t), p(y_t) = softmax(W_o t_t) (A.2.2,
    whose left side, like eq. 4, has s_t).
    """
    memory, last = read(w, "encoder.rnn", kind, embeddings(w, source), ["bidirectional"])
    state = learned(w, kind, [np.split(part, 2)[1] for part in last[0]])
    return attend_first(w, kind, np.stack(memory), state, previous, maxout, write_first=True)


def attend_first(
    w: Weights,
    kind: str,
    memory: Matrix,
    state: State,
    previous: list,
    activation: Callable[[Vector], Vector],
    write_first: bool = False,
) -> Outputs:
    """Bahdanau's decoder from a first state, with some activation of its deep output, which is
    made of the state after the step or, ``write_first``, before it."""
    layer, logits, alignments = attending_layer(w, kind), [], []
    for y in previous:
        e = w.embed("decoder", y)
        context, alignment = mix(additive(w, state[0], memory), memory)
        before, state = state, layer.step(np.concatenate([e, context]), state)
        known = before if write_first else state
        deep = w.linear("decoder.readout.proj", np.concatenate([known[0], context, e]))
        logits.append(w.logits(activation(deep)))
        alignments.append(alignment)
    return np.stack(logits), np.stack(alignments)


def luong2015(
    w: Weights,
    kind: str,
    source: list,
    previous: list,
    *,
    depth: int,
    score: str = "general",
    width: float | None = None,
) -> Outputs:
    """Luong et al. (2015), section 3.

    s_t = LSTM([y_{t-1}; h~_{t-1}], s_{t-1}) (3.3, h~_0 = 0), from the encoder's states; a_t of the
    score(s_t, h_j) (eq. 7), within a window with ``width`` (eq. 9-10); h~_t = tanh(W_c [c_t; s_t])
    (eq. 5, here with a bias, and s_t before c_t); p(y_t) = softmax(W_s h~_t) (eq. 6).
    """
    scores = {"general": general, "dot": dot, "additive": additive}
    memory, states = read(w, "encoder.rnn", kind, embeddings(w, source), ["backward"] * depth)
    memory = np.stack(memory)
    layers = [find_layer(w, "decoder.rnn", kind, i) for i in range(depth)]
    feed = np.zeros(len(w["decoder.readout.proj.bias"]))
    logits, alignments = [], []
    for y in previous:
        top, states = climb(layers, np.concatenate([w.embed("decoder", y), feed]), states)
        energies = scores[score](w, top, memory)
        alignment = softmax(energies) if width is None else local_p(w, top, energies, width)
        context = alignment @ memory
        feed = np.tanh(w.linear("decoder.readout.proj", np.concatenate([top, context])))
        logits.append(w.logits(feed))
        alignments.append(alignment)
    return np.stack(logits), np.stack(alignments)


def cgru(w: Weights, kind: str, source: list, previous: list) -> Outputs:
    """Sennrich et al. (2017), section 2: the conditional GRU with attention.

    s_0 = tanh(W_init mean_j h_j) (eq. 1); s'_t = GRU_1(y_{t-1}, s_{t-1}), the reset gate behind U;
    c_t = ATT(C, s'_t) with e_tj = v' tanh(U_a s'_t + W_a h_j); s_t = GRU_2(s'_t, c_t);
    t_t = tanh(s_t W_t1 + E y_{t-1} W_t2 + c_t W_t3), p(y_t) = softmax(t_t W_o).
    """
    memory, _ = read(w, "encoder.rnn", kind, embeddings(w, source), ["bidirectional"])
    memory = np.stack(memory)
    state = learned(w, kind, [memory.mean(axis=0)])
    first, second = (cell_of(w, f"decoder.{name}", kind) for name in ("first_cell", "cell"))
    logits, alignments = [], []
    for y in previous:
        e = w.embed("decoder", y)
        between = first(w.linear("decoder.embed_gates", e), state)
        context, alignment = mix(additive(w, between[0], memory), memory)
        state = second(w["decoder.context_gates.weight"] @ context, between)
        deep = np.tanh(w.linear("decoder.readout.proj", np.concatenate([state[0], context, e])))
        logits.append(w.logits(deep))
        alignments.append(alignment)
    return np.stack(logits), np.stack(alignments)


def gnmt(
    w: Weights, kind: str, source: list, previous: list, *, depth: int, residual_from: int = 3
) -> Outputs:
    """Wu et al. (2016), section 3.

    The lowest encoder layer reads both ways (3.2); from the third layer on x^i = m^i + x^{i-1}
    (eq. 6, 3.1); the attention is queried by the lowest decoder layer's previous output (eq. 4),
    its context goes to all decoder layers (3, figure 1). The decoder starts at 0.
    """
    directions = ["bidirectional"] + ["forward"] * (depth - 1)
    inputs = embeddings(w, source)
    memory, _ = read(w, "encoder.rnn", kind, inputs, directions, residual_from)
    memory = np.stack(memory)
    layers = [attending_layer(w, kind)]
    layers += [find_layer(w, "decoder.upper", kind, i) for i in range(depth - 1)]
    states = [layer.cell.zero() for layer in layers]
    logits, alignments = [], []
    for y in previous:
        context, alignment = mix(additive(w, states[0][0], memory), memory)
        top, states = climb(layers, w.embed("decoder", y), states, residual_from, context)
        logits.append(w.logits(top))
        alignments.append(alignment)
    return np.stack(logits), np.stack(alignments)


def rnmtplus(
    w: Weights,
    kind: str,
    source: list,
    previous: list,
    *,
    depth: int,
    heads: int,
    residual_from: int = 3,
) -> Outputs:
    """Chen et al. (2018), section 4.1.

    Bidirectional encoder layers, residual connections from the third layer on, several additive
    heads, queried as in GNMT, their context to all decoder layers and to the softmax.

    The layer normalisation is per gate, no non-linearity is applied to the LSTM's output, and a
    projection is added to the encoder's final output.
    """
    how = {"squashed": kind != "lstm"}
    inputs, directions = embeddings(w, source), ["bidirectional"] * depth
    memory, _ = read(w, "encoder.rnn", kind, inputs, directions, residual_from, **how)
    memory = [w.linear("encoder.output_proj", h) for h in memory]
    layers = [attending_layer(w, kind, **how)]
    layers += [find_layer(w, "decoder.upper", kind, i, **how) for i in range(depth - 1)]
    states = [layer.cell.zero() for layer in layers]
    logits, alignments = [], []
    for y in previous:
        context, alignment = multi_head(w, states[0][0], np.stack(memory), heads)
        top, states = climb(layers, w.embed("decoder", y), states, residual_from, context)
        features = w.linear("decoder.readout.proj", np.concatenate([top, context]))
        logits.append(w.logits(features))
        alignments.append(alignment)
    return np.stack(logits), np.stack(alignments)


def conv_net(w: Weights, name: str, inputs: Matrix, layers: int) -> Matrix:
    """Gehring et al. (2017a), section 3.2: tanh(conv(x) + x) ("the non-linearities are not
    bypassed"), the last layer without the residual, as the package says of the authors' code."""
    projected = f"{name}.in_proj.weight" in w
    states = np.stack([w.linear(f"{name}.in_proj", x) for x in inputs]) if projected else inputs
    for i in range(layers):
        weight, bias = (w[f"{name}.convolutions.{i}.{part}"] for part in ("weight", "bias"))
        total = convolve(states, weight, bias)
        states = np.tanh(total + states if i + 1 < layers else total)
    return np.stack([w.linear(f"{name}.out_proj", x) for x in states]) if projected else states


def conv_attn(
    w: Weights, kind: str, source: list, previous: list, *, key_layers: int, value_layers: int
) -> Outputs:
    """Gehring et al. (2017a), sections 2 and 3.

    e_j = w_j + l_j; z = CNN-a(e), h = CNN-c(e); d_t = W_d s_{t-1} + b_d + g_{t-1}, with g the
    embedding of the previous word; a_tj = softmax_j(d_t' z_j), c_t = sum_j a_tj h_j;
    s_t = LSTM([g_{t-1}; c_t], s_{t-1}), s_0 = 0; p(y_t) = softmax(W_o s_t).
    """
    places = w["encoder.embed_positions.weight"]
    places = np.sqrt(places.shape[1]) * places[: len(source)]
    embedded = np.stack(embeddings(w, source)) + places
    keys = conv_net(w, "encoder.key_net", embedded, key_layers)
    memory = conv_net(w, "encoder.value_net", embedded, value_layers)
    layer = attending_layer(w, kind)
    state, logits, alignments = layer.cell.zero(), [], []
    for y in previous:
        g = w.embed("decoder", y)
        alignment = softmax(dot(w, w.linear("decoder.query_proj", state[0]) + g, keys))
        state = layer.step(np.concatenate([g, alignment @ memory]), state)
        logits.append(w.logits(state[0]))
        alignments.append(alignment)
    return np.stack(logits), np.stack(alignments)


def transformer_attn(w: Weights, kind: str, memory: Matrix, previous: list) -> Outputs:
    """Bahdanau's decoder (see :func:`bahdanau2015`) over a memory that is given.

    It starts from tanh(W mean_j h_j), and its deep output is tanh.
    """
    state = learned(w, kind, [memory.mean(axis=0)])
    return attend_first(w, kind, memory, state, previous, np.tanh)


def hred(w: Weights, kind: str, source: list, previous: list, *, separator: int) -> Outputs:
    """Serban et al. (2016), section 3, with attention.

    h_{n,j}, the token RNN over turn n alone; s_n = g(s_{n-1}, h_n), the context RNN over the
    turns' last states; d_0 = tanh(D_0 s_N + b_0). Added: Bahdanau's decoder over [h_{n,j}; s_n].
    """
    turns, words = [], []
    for x in source:
        words.append(x)
        if x == separator:
            turns, words = [*turns, words], []
    turns = [*turns, words] if words else turns
    context_rnn = find_layer(w, "encoder.context_rnn", kind, 0)
    state, memory = context_rnn.cell.zero(), []
    for turn in turns:
        inputs = embeddings(w, turn)
        hidden, last = read(w, "encoder.token_rnn", kind, inputs, ["bidirectional"])
        state = context_rnn.step(last[0][0], state)
        memory += [np.concatenate([h, state[0]]) for h in hidden]
    return attend_first(w, kind, np.stack(memory), learned(w, kind, state), previous, np.tanh)
