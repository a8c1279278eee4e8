"""The Transformer encoder keeps the contract, whatever form fairseq gives its output."""

import io

import numpy as np
import pytest
import torch
from torch import nn

from fairseq_plugins.modules.embedding import Embedding
from fairseq_plugins.modules.transformer_encoder import TransformerMemoryEncoder
from fairseq_plugins.modules.word_dropout import WordDropout

from ..builders import make_dictionary

DICTIONARY = make_dictionary(9)
PAD, EOS = DICTIONARY.pad(), DICTIONARY.eos()
SENTENCES = [[4, 5, 6, 7, 8, 9, EOS], [10, 4, EOS], [EOS], [5, 5, 5, 5, EOS]]
DIM, HEADS, FFN, LAYERS = 12, 3, 20, 2


def make(**options) -> TransformerMemoryEncoder:
    torch.manual_seed(1)
    sizes = {"layers": LAYERS, "heads": HEADS, "ffn_dim": FFN, **options}
    embed_tokens = Embedding(len(DICTIONARY), DIM, PAD)
    return TransformerMemoryEncoder(DICTIONARY, embed_tokens, **sizes).double().eval()


def pad(sentences: list[list[int]], left: bool, extra: int = 0) -> torch.Tensor:
    length = max(map(len, sentences)) + extra
    rows = [
        [PAD] * (length - len(s)) + s if left else s + [PAD] * (length - len(s)) for s in sentences
    ]
    return torch.tensor(rows)


def sinusoids(length: int) -> np.ndarray:
    """Positions of the words as fairseq counts them: the first is padding's index + 1."""
    positions = np.arange(PAD + 1, PAD + 1 + length)[:, None]
    angles = positions * np.exp(-np.log(10000) * np.arange(DIM // 2) / (DIM // 2 - 1))
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def library_layer(weights: dict[str, torch.Tensor], layer: int, first: bool) -> nn.Module:
    """torch's own layer with the weights of one of ours."""
    ours = {
        name.removeprefix(f"transformer.layers.{layer}."): tensor
        for name, tensor in weights.items()
        if name.startswith(f"transformer.layers.{layer}.")
    }
    library = nn.TransformerEncoderLayer(
        DIM, HEADS, FFN, dropout=0.0, batch_first=True, norm_first=first
    ).double()
    theirs = {
        f"self_attn.in_proj_{part}": torch.cat(
            [ours[f"self_attn.{name}_proj.{part}"] for name in "qkv"]
        )
        for part in ("weight", "bias")
    }
    names = {
        "self_attn.out_proj": "self_attn.out_proj",
        "linear1": "fc1",
        "linear2": "fc2",
        "norm1": "self_attn_layer_norm",
        "norm2": "final_layer_norm",
    }
    for their_name, name in names.items():
        for part in ("weight", "bias"):
            theirs[f"{their_name}.{part}"] = ours[f"{name}.{part}"]
    library.load_state_dict(theirs)
    return library


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("normalize_before", [False, True])
def test_memory_agrees_with_torchs_layers_on_embeddings_scaled_once(normalize_before, training):
    encoder = make(normalize_before=normalize_before).train(training)
    weights = encoder.state_dict()
    sentence = SENTENCES[0]
    # The table of positions is made in float32.
    embedded = weights["embed_tokens.weight"][sentence].numpy() * np.sqrt(DIM)
    states = torch.from_numpy(embedded + sinusoids(len(sentence)))[None]
    for layer in range(LAYERS):
        states = library_layer(weights, layer, normalize_before)(states)
    if normalize_before:
        norm = nn.LayerNorm(DIM).double()
        norm.weight.data.copy_(weights["transformer.layer_norm.weight"])
        norm.bias.data.copy_(weights["transformer.layer_norm.bias"])
        states = norm(states)
    memory = encoder(torch.tensor([sentence]))["memory"][0]
    torch.testing.assert_close(memory, states, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("left", [True, False])
def test_padding_order_and_batch_size_change_nothing(left, training):
    encoder = make(normalize_before=True).train(training)
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        tokens = pad([SENTENCES[i] for i in order], left, extra=2)
        with torch.no_grad():  # where the library has a fast path, it takes it
            together = encoder(tokens)
        real = tokens.ne(PAD)
        assert torch.equal(together["padding_mask"][0], ~real)
        assert torch.equal(together["src_tokens"][0], tokens)
        for row, index in enumerate(order):
            alone = encoder(torch.tensor([SENTENCES[index]]))["memory"][0][0]
            assert together["memory"][0][row, ~real[row]].eq(0).all()
            torch.testing.assert_close(together["memory"][0][row, real[row]], alone)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_reach_every_parameter(training):
    encoder = make().train(training)
    encoder(pad(SENTENCES, left=True))["memory"][0].sin().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


def test_the_checkpoint_holds_tensors_only_and_the_embedding_once():
    encoder, file = make(), io.BytesIO()
    torch.save(encoder.state_dict(), file)
    file.seek(0)
    weights = torch.load(file, weights_only=True)
    assert [name for name in weights if "embed_tokens" in name] == ["embed_tokens.weight"]
    other = make()
    for parameter in other.parameters():
        parameter.data.zero_()
    other.load_state_dict(weights)
    tokens = pad(SENTENCES, left=False)
    torch.testing.assert_close(other(tokens)["memory"], encoder(tokens)["memory"])


def test_each_dropout_acts_in_training_only():
    tokens = torch.tensor([SENTENCES[0]])
    for option in ("dropout", "attention_dropout", "activation_dropout"):
        encoder = make(**{option: 0.5})
        torch.testing.assert_close(encoder(tokens)["memory"], make()(tokens)["memory"])
        encoder.train()
        first, second = encoder(tokens)["memory"][0], encoder(tokens)["memory"][0]
        assert not torch.equal(first, second), option


def test_a_source_may_be_longer_than_the_positions_made_at_first():
    tokens = torch.full((1, 60), DICTIONARY.nspecial)
    memory = make(max_positions=50)(tokens)["memory"][0]
    longer = make(max_positions=100)(tokens)["memory"][0]
    torch.testing.assert_close(memory, longer)


def test_a_dropped_word_is_an_unknown_one_and_padding_stays():
    encoder = make(word_dropout=WordDropout(1.0, DICTIONARY.unk())).train()
    unknown = [[DICTIONARY.unk()] * len(sentence) for sentence in SENTENCES]
    found, expected = encoder(pad(SENTENCES, left=True)), make()(pad(unknown, left=True))
    torch.testing.assert_close(found["memory"], expected["memory"])


@pytest.mark.parametrize(
    "options, match",
    [
        ({"heads": 5}, r"\(12\).*\(5\)"),
        ({"heads": 0}, "heads.*0"),
        ({"layers": 0}, "layers.*0"),
    ],
)
def test_impossible_sizes_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        make(**options)


def test_an_embedding_too_small_for_sinusoids_is_refused():
    embed_tokens = Embedding(len(DICTIONARY), 2, PAD)
    with pytest.raises(ValueError, match=r"\(2\).*at least 4"):
        TransformerMemoryEncoder(DICTIONARY, embed_tokens, layers=1, heads=1, ffn_dim=4)
