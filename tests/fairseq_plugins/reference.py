"""The models in NumPy, float64, one sentence at a time, written from the papers' equations.

It shares no code with the package: it reads only the weights, by their names in the state dict.
Sources: LSTM (Gers et al., 2000), GRU in cuDNN's form (Cho et al., 2014), Bahdanau et al. (2015).
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cell(rnn_type, gates, recurrent, state, nonlinearity=np.tanh):
    """s_t from g_t = W x_t + b and U s_{t-1} + b'; state is (h,) or (h, c)."""
    if rnn_type == "rnn":
        return (nonlinearity(gates + recurrent),)
    if rnn_type == "gru":
        (r1, z1, n1), (r2, z2, n2) = np.split(gates, 3), np.split(recurrent, 3)
        r, z = sigmoid(r1 + r2), sigmoid(z1 + z2)
        n = np.tanh(n1 + r * n2)
        return ((1 - z) * n + z * state[0],)
    i, f, g, o = np.split(gates + recurrent, 4)
    c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
    return (sigmoid(o) * np.tanh(c), c)


class Reference:
    """One of the package's models, from its weights and a few facts about its shape."""

    def __init__(self, model, *, encoder_type, decoder_type, bidirectional, bridge, every_step):
        self.w = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
        self.encoder_type, self.decoder_type = encoder_type, decoder_type
        self.bidirectional, self.bridge, self.every_step = bidirectional, bridge, every_step
        self.attention = "decoder.attention.energy.weight" in self.w

    def run(self, rnn_type, prefix, suffix, inputs, state):
        """A library layer over a list of vectors: the states h_t, and the last state."""
        w_ih, b_ih = self.w[f"{prefix}.weight_ih_{suffix}"], self.w[f"{prefix}.bias_ih_{suffix}"]
        w_hh, b_hh = self.w[f"{prefix}.weight_hh_{suffix}"], self.w[f"{prefix}.bias_hh_{suffix}"]
        outputs = []
        for x in inputs:
            state = cell(rnn_type, w_ih @ x + b_ih, w_hh @ state[0] + b_hh, state)
            outputs.append(state[0])
        return outputs, state

    def embed(self, side, symbol):
        """A symbol's embedding, of size 1 for each of its numbers (Vaswani et al., 2017, 3.4)."""
        vector = self.w[f"{side}.embed_tokens.weight"][symbol]
        return vector * np.sqrt(len(vector))

    def zeros(self, rnn_type, prefix):
        size = self.w[f"{prefix}.weight_hh_l0"].shape[1]
        return tuple(np.zeros(size) for _ in range(2 if rnn_type == "lstm" else 1))

    def encode(self, source):
        """h_1..h_T, and the last state of the one layer."""
        inputs = [self.embed("encoder", x) for x in source]
        zero = self.zeros(self.encoder_type, "encoder.rnn.rnn")
        memory, last = self.run(self.encoder_type, "encoder.rnn.rnn", "l0", inputs, zero)
        if self.bidirectional:
            back, last_back = self.run(
                self.encoder_type, "encoder.rnn.rnn", "l0_reverse", inputs[::-1], zero
            )
            memory = [np.concatenate(pair) for pair in zip(memory, back[::-1], strict=True)]
            last = tuple(np.concatenate(pair) for pair in zip(last, last_back, strict=True))
        return np.stack(memory), last

    def first_state(self, memory, last):
        """The bridge."""
        names = ["hidden", "cell"][: 2 if self.decoder_type == "lstm" else 1]
        if self.bridge == "last":
            return tuple(last[i] if i < len(last) else 0 * last[0] for i in range(len(names)))
        state = []
        for i, name in enumerate(names):
            x = (
                memory.mean(axis=0)
                if self.bridge == "transform-all"
                else last[min(i, len(last) - 1)]
            )
            weight, bias = (
                self.w[f"decoder.bridge.proj.{name}.0.{part}"] for part in ("weight", "bias")
            )
            state.append(np.tanh(weight @ x + bias) if name == "hidden" else weight @ x + bias)
        return tuple(state)

    def attend(self, query, memory):
        """e_tj = v' tanh(W_s s_{t-1} + W_h h_j), a_t = softmax(e_t), c_t = sum_j a_tj h_j."""
        w_s, w_h = (self.w[f"decoder.attention.{n}.weight"] for n in ("query_proj", "key_proj"))
        b_h, v = (
            self.w["decoder.attention.key_proj.bias"],
            self.w["decoder.attention.energy.weight"][0],
        )
        energies = np.array([v @ np.tanh(w_s @ query + w_h @ h + b_h) for h in memory])
        exp = np.exp(energies - energies.max())
        alignment = exp / exp.sum()
        return alignment @ memory, alignment

    def __call__(self, source, previous):
        """Logits (tgt_len, vocabulary) and alignments (tgt_len, src_len) or None."""
        memory, last = self.encode(source)
        state = self.first_state(memory, last)
        semantic = state[0]
        logits, alignments = [], []
        for y in previous:
            embedding = self.embed("decoder", y)
            if self.attention:
                context, alignment = self.attend(state[0], memory)
                alignments.append(alignment)
                gates = (
                    self.w["decoder.embed_gates.weight"] @ embedding
                    + self.w["decoder.embed_gates.bias"]
                    + self.w["decoder.context_gates.weight"] @ context
                )
                recurrent = (
                    self.w["decoder.cell.recurrent.weight"] @ state[0]
                    + self.w["decoder.cell.recurrent.bias"]
                )
                state = cell(self.decoder_type, gates, recurrent, state)
                readout = [state[0], context, embedding]
            else:
                x = np.concatenate([embedding, semantic]) if self.every_step else embedding
                _, state = self.run(self.decoder_type, "decoder.rnn.rnn", "l0", [x], state)
                readout = [state[0], semantic, embedding] if self.every_step else [state[0]]
            features = np.tanh(
                self.w["decoder.readout.proj.weight"] @ np.concatenate(readout)
                + self.w["decoder.readout.proj.bias"]
            )
            logits.append(self.w["decoder.output_proj.weight"] @ features)
        return np.stack(logits), np.stack(alignments) if alignments else None
