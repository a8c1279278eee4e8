"""One encoder and one decoder in which every choice is a setting: for options without a paper.

A setting is named and valued as on the command line. What each means: see :mod:`.presets` for a
paper's own combination of them.
"""

from collections.abc import Callable, Sequence

import numpy as np

from .attention import (
    SCORES,
    copying,
    coverage_features,
    fertilities,
    local_p,
    location_features,
    multi_head,
)
from .maths import Matrix, Vector, Weights, maxout, softmax
from .recurrence import Layer, State, cell_of, climb, find_layer, read

READOUTS: dict[str, Callable[[Weights, Vector], Vector]] = {
    "state": lambda w, x: x,
    "linear": lambda w, x: w.linear("decoder.readout.proj", x),
    "tanh": lambda w, x: np.tanh(w.linear("decoder.readout.proj", x)),
    "maxout": lambda w, x: maxout(w.linear("decoder.readout.proj", x)),
}


def kind_of(settings: dict, side: str) -> str:
    """The transition of a side."""
    kind = str(settings[f"{side}_rnn_type"])
    if kind == "rnn":
        return "relu" if str(settings["rnn_nonlinearity"]) == "relu" else "rnn"
    return "gru-before" if kind == "gru" and str(settings["gru_reset"]) == "before" else kind


def mixture(w: Weights, features: Vector, mixtures: int) -> Vector:
    """P = sum_k pi_k softmax(W tanh(W_k h + b_k)): Yang et al. (2018), section 2."""
    prior = softmax(w["decoder.output_proj.prior_proj.weight"] @ features)
    hidden = np.split(np.tanh(w.linear("decoder.output_proj.mixture_proj", features)), mixtures)
    return sum(p * softmax(w.logits(h)) for p, h in zip(prior, hidden, strict=True))


class Reference:
    """One model, from its weights and its settings.

    ``target_words`` says for each source word as what the pointer copies it.
    """

    def __init__(self, weights: Weights, settings: dict, target_words: Sequence[int]) -> None:
        self.w, self.target_words = weights, target_words
        self.settings = settings
        self.encoder_kind, self.kind = kind_of(settings, "encoder"), kind_of(settings, "decoder")
        self.residual_from = settings["residual_from"]
        self.attends = "attention_score" in settings
        self.query = str(settings.get("attention_query"))
        self.context_to = self.where_context_goes()
        self.how = {"squashed": self["lstm_output"] != "linear"}
        self.early = self.attends and self.context_to in ("cell", "both")
        self.layers = list(self.find_layers())

    def __getitem__(self, name: str) -> str:
        return str(self.settings[name])

    def where_context_goes(self) -> str:
        """``auto``: to the readout only where the current state attends, else to the cell too."""
        if not self.attends:
            return "both" if self.settings["context_every_step"] else "nowhere"
        if self["context_to"] != "auto":
            return self["context_to"]
        if self.query == "current":
            return "readout"
        return "cell" if self["readout"] == "state" else "both"

    def find_layers(self):
        """The decoder's layers, from the bottom."""
        depth, w = self.settings["decoder_layers"], self.w
        if not self.early:
            yield from (
                find_layer(w, "decoder.rnn", self.kind, i, **self.how) for i in range(depth)
            )
            return
        embed, context = w["decoder.embed_gates.weight"], w["decoder.context_gates.weight"]
        weight = context if self.query == "between" else np.concatenate([embed, context], axis=1)
        bias = w.get("decoder.embed_gates.bias", 0.0)
        bias = 0.0 if self.query == "between" else bias
        yield Layer(cell_of(w, "decoder.cell", self.kind, **self.how), weight, bias)
        yield from (
            find_layer(w, "decoder.upper", self.kind, i, **self.how) for i in range(depth - 1)
        )

    def encode(self, source: Sequence[int]) -> tuple[Matrix, list[State]]:
        """The memory, and the last state of each layer."""
        depth, direction = self.settings["encoder_layers"], self["encoder_direction"]
        directions = [direction] * depth
        if direction == "bidirectional-first":
            directions = ["bidirectional"] + ["forward"] * (depth - 1)
        inputs = [self.w.embed("encoder", x) for x in source]
        kind, prefix = self.encoder_kind, "encoder.rnn"
        residual_from, how = self.residual_from, self.how
        memory, states = read(self.w, prefix, kind, inputs, directions, residual_from, **how)
        if self.settings["encoder_out_dim"]:
            memory = [self.w.linear("encoder.output_proj", h) for h in memory]
        if direction == "bidirectional-first" and depth > 1:
            states = states[1:]  # the lowest layer's is twice as wide
        return np.stack(memory), states

    def start(self, memory: Matrix, lasts: list[State]) -> tuple[list[State], Vector]:
        """The first state of each decoder layer, and C."""
        bridge, depth = self["bridge"], self.settings["decoder_layers"]
        names = ("hidden", "cell") if self.kind == "lstm" else ("hidden",)
        if bridge == "zero":
            return [layer.cell.zero() for layer in self.layers], np.zeros(self.layers[0].cell.dim)
        semantic = None
        if bridge == "summary":
            semantic = np.tanh(self.w.linear("decoder.bridge.summary_proj", lasts[-1][0]))
        states = []
        for layer in range(depth):
            last = lasts[max(0, layer + len(lasts) - depth)]
            state = []
            for i, name in enumerate(names):
                x = last[i] if i < len(last) else last[0]
                if bridge == "last":
                    state.append(x if i < len(last) else 0 * x)
                    continue
                if bridge == "transform-all":
                    x = memory.mean(axis=0)
                elif bridge == "transform-backward":
                    x = np.split(x, 2)[1]
                x = semantic if bridge == "summary" else x
                made = self.w.linear(f"decoder.bridge.proj.{name}.{layer}", x)
                state.append(np.tanh(made) if name == "hidden" else made)
            states.append(tuple(state))
        return states, states[-1][0] if semantic is None else semantic

    def attend(self, query: Vector, memory: Matrix, past: list[Vector]) -> tuple[Vector, Vector]:
        """Context and alignment, with the alignments before."""
        score = self["attention_score"]

        def normalise(energies: Vector) -> Vector:
            energies = energies / self.settings["attention_temperature"]
            if self["attention_window"] == "full":
                return softmax(energies)
            return local_p(self.w, query, energies, self.settings["attention_window_size"])

        if score == "multi-head-additive":
            heads = self.settings["attention_heads"]
            return multi_head(self.w, query, memory, heads, normalise)
        features = self.features(memory, past)
        alignment = normalise(SCORES[score](self.w, query, memory, features))
        return alignment @ memory, alignment

    def features(self, memory: Matrix, past: list[Vector]) -> Matrix | None:
        """What the score knows of the alignments before."""
        history, total = self["attention_history"], sum(past, start=np.zeros(len(memory)))
        if history == "location":
            return location_features(self.w, past[-1] if past else total)
        if history == "fertility-coverage":
            total = total / fertilities(self.w, memory, self.settings["attention_fertility"])
        return None if history == "none" else coverage_features(self.w, total)

    def look_and_move(
        self, e: Vector, states: list[State], memory: Matrix, past: list[Vector]
    ) -> tuple[Vector, list[State], Vector, Vector]:
        """A step whose context enters the cell."""
        bottom = states[0]
        if self.query == "between":
            cell = cell_of(self.w, "decoder.first_cell", self.kind)
            bottom = cell(self.w.linear("decoder.embed_gates", e), bottom)
        context, alignment = self.attend(bottom[0], memory, past)
        inputs = context if self.query == "between" else np.concatenate([e, context])
        bottom = self.layers[0].step(inputs, bottom)
        to_all = context if self["context_layers"] == "all" else None
        # The upper layers are counted on from the attending one, which has no residual.
        residual_from = max(self.residual_from - 1, 0)
        rest = climb(self.layers[1:], bottom[0], states[1:], residual_from, to_all)
        return rest[0], [bottom, *rest[1]], context, alignment

    def probabilities(self, features: Vector) -> Vector:
        """P_vocab."""
        mixtures = self.settings["softmax_mixtures"]
        if mixtures > 1:
            return mixture(self.w, features, mixtures)
        return softmax(self.w.logits(features))

    def __call__(self, source: Sequence[int], previous: Sequence[int]) -> tuple[Matrix, Matrix]:
        """Log-probabilities and alignments (or None)."""
        memory, lasts = self.encode(source)
        states, semantic = self.start(memory, lasts)
        feeding = self.context_to == "input-feeding"
        feed = np.zeros(self.settings["decoder_out_embed_dim"])
        result, past, context, alignment = [], [], semantic, None
        before = states[-1][0]
        for y in previous:
            e = self.w.embed("decoder", y)
            if self.early:
                top, states, context, alignment = self.look_and_move(e, states, memory, past)
            else:
                extra = [feed] if feeding else []
                extra = [semantic] if self.context_to == "both" else extra
                x = np.concatenate([e, *extra])
                top, states = climb(self.layers, x, states, self.residual_from)
                if self.attends:
                    query = before if self.query == "previous" else top
                    before = top
                    context, alignment = self.attend(query, memory, past)
            feed = READOUTS[self["readout"]](self.w, self.readout_input(top, context, e))
            p = self.probabilities(feed)
            if self.settings.get("pointer_generator"):
                words = [self.target_words[x] for x in source]
                p = copying(self.w, p, [top, context, e], alignment, words)
            result.append(np.log(p))
            past = [*past, alignment]
        return np.stack(result), np.stack(past) if self.attends else None

    def readout_input(self, top: Vector, context: Vector, e: Vector) -> Vector:
        """[s_t; c_t; E y_{t-1}], as far as they go there."""
        parts = [top]
        if self.context_to in ("both", "readout", "input-feeding"):
            parts.append(context)
        if self.attends:
            if self["embed_to"] == "both" and self["readout"] != "state":
                parts.append(e)
        elif self.context_to == "both":
            parts.append(e)
        return np.concatenate(parts)
