"""The hierarchical encoder reads turn by turn, as a hand-written loop over the turns does."""

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.cells import CellOptions
from fairseq_plugins.modules.dropout import Dropout
from fairseq_plugins.modules.embedding import Embedding
from fairseq_plugins.modules.hierarchical_encoder import HierarchicalEncoder
from fairseq_plugins.modules.rnn import RNN
from fairseq_plugins.modules.stack import build_rnn
from fairseq_plugins.modules.word_dropout import WordDropout

from ..builders import make_dictionary

DICTIONARY = make_dictionary(9)
PAD, EOS = DICTIONARY.pad(), DICTIONARY.eos()
S = DICTIONARY.index("0")  # the separator; words are 5, 6, ...
DIALOGUES = {  # a source, by its turns
    "three-turns": [[5, 6, S], [7, S], [8, 9, 10, EOS]],
    "one-turn": [[7, 8, 5, EOS]],
    "leading-separator": [[S], [5, EOS]],
    "consecutive-separators": [[5, S], [S], [S], [6, 7, EOS]],
    "only-separators": [[S], [S], [EOS]],
    "only-the-end": [[EOS]],
    "empty-last-turn": [[5, 6, S], [EOS]],
    "separator-at-the-end": [[5, 6, S]],
}
EMBED, TOKEN, CONTEXT = 3, 4, 5
WIDTH = {"forward": TOKEN, "bidirectional": 2 * TOKEN}


def make(rnn_type: str = "gru", direction: str = "bidirectional", layers: int = 1, **options):
    torch.manual_seed(1)
    bidirectional = direction == "bidirectional"
    token_rnn = RNN(rnn_type, EMBED, TOKEN, num_layers=layers, bidirectional=bidirectional)
    context_rnn = RNN(rnn_type, WIDTH[direction], CONTEXT)
    embed_tokens = Embedding(len(DICTIONARY), EMBED, PAD)
    encoder = HierarchicalEncoder(
        DICTIONARY, embed_tokens, token_rnn, context_rnn, **{"separator": S, **options}
    )
    return encoder.double().eval()


def flat(turns: list[list[int]]) -> list[int]:
    return [word for turn in turns for word in turn]


def pad(sentences: list[list[int]], left: bool, extra: int = 0) -> torch.Tensor:
    length = max(map(len, sentences)) + extra
    rows = [
        [PAD] * (length - len(s)) + s if left else s + [PAD] * (length - len(s)) for s in sentences
    ]
    return torch.tensor(rows)


def gru(weights: dict[str, np.ndarray], prefix: str, suffix: str, inputs: list) -> list[np.ndarray]:
    """The states of one direction over a list of vectors, from zero (Cho et al., 2014)."""
    names = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
    w, b, u, d = (weights[f"{prefix}.rnn.{name}_{suffix}"] for name in names)
    h, states = np.zeros(u.shape[1]), []
    for x in inputs:
        (r1, z1, n1), (r2, z2, n2) = np.split(w @ x + b, 3), np.split(u @ h + d, 3)
        r, z = 1 / (1 + np.exp(-r1 - r2)), 1 / (1 + np.exp(-z1 - z2))
        h = (1 - z) * np.tanh(n1 + r * n2) + z * h
        states.append(h)
    return states


def reference(encoder: HierarchicalEncoder, turns: list[list[int]], direction: str):
    """The memory (len, output_dim) and the last state (context_dim,) of one dialogue."""
    weights = {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}
    words, vectors = [], []
    for turn in turns:
        inputs = [weights["embed_tokens.weight"][word] * np.sqrt(EMBED) for word in turn]
        states = gru(weights, "token_rnn", "l0", inputs)
        vector = states[-1]
        if direction == "bidirectional":
            back = gru(weights, "token_rnn", "l0_reverse", inputs[::-1])
            states = [np.concatenate(pair) for pair in zip(states, back[::-1], strict=True)]
            vector = np.concatenate([vector, back[-1]])
        words.append(states)
        vectors.append(vector)
    contexts = gru(weights, "context_rnn", "l0", vectors)
    memory = [
        np.concatenate([state, context])
        for states, context in zip(words, contexts, strict=True)
        for state in states
    ]
    return np.stack(memory), contexts[-1]


@pytest.mark.parametrize("direction", WIDTH)
@pytest.mark.parametrize("name", DIALOGUES)
def test_a_dialogue_agrees_with_a_loop_over_its_turns_in_numpy(name, direction):
    encoder = make(direction=direction)
    memory, hidden = reference(encoder, DIALOGUES[name], direction)
    encoder_out = encoder(torch.tensor([flat(DIALOGUES[name])]))
    np.testing.assert_allclose(encoder_out["memory"][0][0].detach().numpy(), memory, atol=1e-12)
    found = encoder_out["hidden"][0][0].detach().numpy()
    np.testing.assert_allclose(found, hidden[None], atol=1e-12)
    assert encoder_out["memory"][0].size(-1) == encoder.output_dim


@pytest.mark.parametrize("layers", [1, 2])
def test_with_lstms_the_top_layer_gives_the_turns_vectors_and_there_is_a_cell(layers):
    encoder = make("lstm", layers=layers)
    turns = DIALOGUES["three-turns"]
    results = [encoder.token_rnn.rnn(encoder.embed_tokens(torch.tensor([turn]))) for turn in turns]
    # The kernel's last states are (layers * directions, 1, dim), the top layer's two come last.
    vectors = torch.stack([torch.cat([h[-2, 0], h[-1, 0]]) for _, (h, _) in results])
    contexts, (hidden, cell) = encoder.context_rnn.rnn(vectors[None])
    words = torch.cat([states[0] for states, _ in results])
    own = torch.cat([contexts[0, n].expand(len(turn), -1) for n, turn in enumerate(turns)])
    encoder_out = encoder(torch.tensor([flat(turns)]))
    torch.testing.assert_close(encoder_out["memory"][0][0], torch.cat([words, own], dim=-1))
    torch.testing.assert_close(encoder_out["hidden"][0], hidden.transpose(0, 1))
    torch.testing.assert_close(encoder_out["cell"][0], cell.transpose(0, 1))
    assert (encoder.state_names, encoder.state_layers) == (("hidden", "cell"), 1)
    assert encoder.state_dim == CONTEXT


def make_of_stacks() -> HierarchicalEncoder:
    """One whose layers are not the kernel's."""
    torch.manual_seed(1)
    options = CellOptions("gru", layer_norm=True)
    directions = ("bidirectional", "forward")
    token_rnn = build_rnn(options, EMBED, TOKEN, num_layers=2, directions=directions)
    context_rnn = build_rnn(options, TOKEN, CONTEXT)
    embed_tokens = Embedding(len(DICTIONARY), EMBED, PAD)
    encoder = HierarchicalEncoder(DICTIONARY, embed_tokens, token_rnn, context_rnn, separator=S)
    return encoder.double().eval()


@pytest.mark.parametrize("rnn_type", ["rnn", "gru", "lstm", "stacks"])
@pytest.mark.parametrize("left", [True, False])
def test_padding_order_and_batch_size_change_nothing(rnn_type, left):
    encoder = make_of_stacks() if rnn_type == "stacks" else make(rnn_type)
    sources = [flat(turns) for turns in DIALOGUES.values()]
    for order in (range(len(sources)), reversed(range(len(sources)))):
        order = list(order)
        tokens = pad([sources[i] for i in order], left, extra=2)
        together = encoder(tokens)
        real = tokens.ne(PAD)
        assert torch.equal(together["padding_mask"][0], ~real)
        assert torch.equal(together["src_tokens"][0], tokens)
        for row, index in enumerate(order):
            alone = encoder(torch.tensor([sources[index]]))
            assert together["memory"][0][row, ~real[row]].eq(0).all()
            torch.testing.assert_close(together["memory"][0][row, real[row]], alone["memory"][0][0])
            for name in encoder.state_names:
                torch.testing.assert_close(together[name][0][row], alone[name][0][0])


def test_a_turn_is_read_without_the_others_but_its_context_knows_those_before_it():
    encoder = make(direction="forward")
    sources = torch.tensor([[5, S, 6, S, 7, EOS], [5, S, 8, S, 7, EOS]])  # the second turn differs
    memory = encoder(sources)["memory"][0]
    changed = (memory[0] - memory[1]).abs().gt(1e-9)
    assert changed[:, :TOKEN].any(dim=1).tolist() == [False, False, True, True, False, False]
    assert changed[:, TOKEN:].any(dim=1).tolist() == [False, False, True, True, True, True]


def test_gradients_reach_every_parameter():
    encoder = make("lstm").train()
    encoder_out = encoder(pad([flat(turns) for turns in DIALOGUES.values()], left=True))
    sum(encoder_out[name][0].sin().sum() for name in ("memory", "hidden", "cell")).backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_a_dropped_separator_still_ends_its_turn():
    encoder = make(word_dropout=WordDropout(1.0, DICTIONARY.unk(), keep=(PAD,))).train()
    turns = DIALOGUES["three-turns"]
    unknown = [[DICTIONARY.unk()] * len(turn) for turn in turns]
    memory, _ = reference(encoder, unknown, "bidirectional")
    found = encoder(torch.tensor([flat(turns)]))["memory"][0][0]
    np.testing.assert_allclose(found.detach().numpy(), memory, atol=1e-12)


@pytest.mark.parametrize("option", ["dropout_in", "dropout_out"])
def test_dropout_acts_in_training_only(option):
    encoder = make(**{option: Dropout(0.5)})
    tokens = torch.tensor([flat(DIALOGUES["three-turns"])])
    torch.testing.assert_close(encoder(tokens)["memory"], make()(tokens)["memory"])
    encoder.train()
    first, second = encoder(tokens)["memory"][0], encoder(tokens)["memory"][0]
    assert not torch.equal(first, second)


@pytest.mark.parametrize("separator", [PAD, DICTIONARY.unk(), -1, len(DICTIONARY)])
def test_a_separator_that_no_word_is_is_refused(separator):
    message = rf"\({separator}\).*{len(DICTIONARY)} symbols"
    with pytest.raises(ValueError, match=message):
        make(separator=separator)
