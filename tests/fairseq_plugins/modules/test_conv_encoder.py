"""The convolutional encoder is its formula, and sees words and positions, never padding."""

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.conv_encoder import ConvEncoder
from fairseq_plugins.modules.embedding import Embedding
from fairseq_plugins.modules.word_dropout import WordDropout

from ..builders import make_dictionary

DICTIONARY = make_dictionary(9)
PAD, EOS = DICTIONARY.pad(), DICTIONARY.eos()
SENTENCES = [[4, 5, 6, 7, 8, 9, EOS], [10, 4, EOS], [EOS], [5, 5, 5, 5, EOS]]
DIM = 6


def make(**options) -> ConvEncoder:
    torch.manual_seed(1)
    sizes = {"hidden_dim": 8, "key_layers": 3, "value_layers": 2, "kernel_size": 3}
    embed_tokens = Embedding(len(DICTIONARY), DIM, PAD)
    return ConvEncoder(DICTIONARY, embed_tokens, **{**sizes, **options}).double().eval()


def pad(sentences: list[list[int]], left: bool, extra: int = 0) -> torch.Tensor:
    length = max(map(len, sentences)) + extra
    rows = [
        [PAD] * (length - len(s)) + s if left else s + [PAD] * (length - len(s)) for s in sentences
    ]
    return torch.tensor(rows)


def reference_net(weights: dict[str, np.ndarray], prefix: str, e: np.ndarray) -> np.ndarray:
    """A stack of convolutions over one sentence e (len, dim), word by word."""
    z, layers = e, sum(name.startswith(f"{prefix}.conv") for name in weights) // 2
    if f"{prefix}.in_proj.weight" in weights:
        z = z @ weights[f"{prefix}.in_proj.weight"].T + weights[f"{prefix}.in_proj.bias"]
    for layer in range(layers):
        weight = weights[f"{prefix}.convolutions.{layer}.weight"]  # (out, in, k)
        bias = weights[f"{prefix}.convolutions.{layer}.bias"]
        reach = weight.shape[2] // 2
        summed = []
        for j in range(len(z)):
            total = bias.copy()
            for offset in range(-reach, reach + 1):
                if 0 <= j + offset < len(z):
                    total += weight[:, :, offset + reach] @ z[j + offset]
            summed.append(total)
        z = np.tanh(np.stack(summed) + (z if layer < layers - 1 else 0))
    if f"{prefix}.out_proj.weight" in weights:
        z = z @ weights[f"{prefix}.out_proj.weight"].T + weights[f"{prefix}.out_proj.bias"]
    return z


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("hidden_dim", [DIM, 8])
@pytest.mark.parametrize("layers", [(1, 1), (4, 2)])
def test_memory_and_key_memory_agree_with_numpy(kernel_size, hidden_dim, layers):
    key_layers, value_layers = layers
    encoder = make(
        kernel_size=kernel_size,
        hidden_dim=hidden_dim,
        key_layers=key_layers,
        value_layers=value_layers,
    )
    weights = {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}
    sentence = SENTENCES[0]
    e = (
        weights["embed_tokens.weight"][sentence]
        + weights["embed_positions.weight"][: len(sentence)]
    )
    encoder_out = encoder(torch.tensor([sentence]))
    for entry, net in (("memory", "value_net"), ("key_memory", "key_net")):
        expected = reference_net(weights, net, e * np.sqrt(DIM))
        np.testing.assert_allclose(encoder_out[entry][0][0].detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("left", [True, False])
def test_padding_order_and_batch_size_change_nothing(left):
    encoder = make()
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        tokens = pad([SENTENCES[i] for i in order], left, extra=2)
        together = encoder(tokens)
        real = tokens.ne(PAD)
        assert torch.equal(together["padding_mask"][0], ~real)
        assert torch.equal(together["src_tokens"][0], tokens)
        for row, index in enumerate(order):
            alone = encoder(torch.tensor([SENTENCES[index]]))
            for entry in ("memory", "key_memory"):
                assert together[entry][0][row, ~real[row]].eq(0).all()
                torch.testing.assert_close(together[entry][0][row, real[row]], alone[entry][0][0])


def test_a_word_is_seen_as_far_as_the_layers_reach_and_no_further():
    encoder = make(key_layers=2, value_layers=1, kernel_size=5)
    before, after = [4, 5, 6, 7, 8, 9, 10, 11, EOS], [12, 5, 6, 7, 8, 9, 10, 11, EOS]
    before, after = encoder(torch.tensor([before])), encoder(torch.tensor([after]))
    for entry, reach in (("memory", 2), ("key_memory", 4)):
        changed = (before[entry][0] - after[entry][0])[0].abs().sum(dim=-1).ne(0)
        assert changed.tolist() == [j <= reach for j in range(9)]


def test_equal_words_differ_by_their_positions():
    memory = make(kernel_size=1)(torch.tensor([[5, 5, 5, EOS]]))["memory"][0][0]
    assert (memory[0] - memory[1]).abs().max() > 1e-3
    assert (memory[1] - memory[2]).abs().max() > 1e-3


def test_gradients_reach_every_parameter():
    encoder = make().train()
    encoder_out = encoder(pad(SENTENCES, left=True))
    (encoder_out["memory"][0].sin().sum() + encoder_out["key_memory"][0].sin().sum()).backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_a_source_may_be_as_long_as_there_are_positions_and_no_longer():
    encoder = make(max_positions=7)
    assert encoder.max_positions() == 7
    exact, padded = encoder(torch.tensor([SENTENCES[0]])), encoder(pad(SENTENCES, True, extra=5))
    torch.testing.assert_close(padded["memory"][0][0, 5:], exact["memory"][0][0])
    with pytest.raises(ValueError, match=r"8 tokens.*\(7\)"):
        encoder(torch.tensor([[4, *SENTENCES[0]]]))


def test_dropout_acts_on_the_embeddings_in_training_only():
    encoder = make(dropout=0.5)
    tokens = torch.tensor([SENTENCES[0]])
    torch.testing.assert_close(encoder(tokens)["memory"], make()(tokens)["memory"])
    encoder.train()
    first, second = encoder(tokens)["memory"][0], encoder(tokens)["memory"][0]
    assert not torch.equal(first, second)


def test_a_dropped_word_is_an_unknown_one_and_padding_stays():
    encoder = make(word_dropout=WordDropout(1.0, DICTIONARY.unk())).train()
    unknown = [[DICTIONARY.unk()] * len(sentence) for sentence in SENTENCES]
    found, expected = encoder(pad(SENTENCES, left=True)), make()(pad(unknown, left=True))
    torch.testing.assert_close(found["key_memory"], expected["key_memory"])


@pytest.mark.parametrize(
    "options, match",
    [
        ({"kernel_size": 4}, "conv-kernel-size.*4"),
        ({"key_layers": 0}, "0"),
        ({"value_layers": 0}, "0"),
    ],
)
def test_impossible_networks_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        make(**options)
