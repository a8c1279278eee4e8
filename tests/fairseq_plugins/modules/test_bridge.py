"""Each bridge is its formula, and refuses what it cannot cross."""

import numpy as np
import pytest
import torch

from fairseq_plugins.modules.bridge import BRIDGES, Bridge
from fairseq_plugins.modules.rnn import RNN

BATCH, LENGTH, ENCODER, DECODER, MEMORY = 3, 5, 4, 6, 7
STATES = {"gru": ("hidden",), "lstm": ("hidden", "cell")}
LAYERS = [(1, 1), (2, 2), (1, 3), (3, 1)]  # encoder, decoder
# The top layers correspond; what a deeper decoder has below them starts from the lowest.
SOURCE_LAYERS = {(1, 1): [0], (2, 2): [0, 1], (1, 3): [0, 0, 0], (3, 1): [2]}


def make(option: str, layers: tuple[int, int] = (1, 1), types: str = "gru gru", **sizes) -> Bridge:
    torch.manual_seed(1)
    encoder_type, decoder_type = types.split()
    arguments = {
        "encoder_dim": ENCODER,
        "encoder_layers": layers[0],
        "encoder_states": STATES[encoder_type],
        "memory_dim": MEMORY,
        "bidirectional": True,
        "decoder_dim": DECODER,
        "decoder_layers": layers[1],
        "decoder_states": STATES[decoder_type],
        **sizes,
    }
    return BRIDGES[option](**arguments).double()


def encoded(layers: int = 1, encoder_type: str = "gru") -> dict[str, list[torch.Tensor]]:
    """What an encoder might give: the second row is of length 3, left-padded."""
    torch.manual_seed(2)
    padding_mask = torch.zeros(BATCH, LENGTH, dtype=torch.bool)
    padding_mask[1, :2] = True
    memory = torch.randn(BATCH, LENGTH, MEMORY).double().masked_fill(padding_mask[..., None], 0)
    states = {name: [torch.randn(BATCH, layers, ENCODER).double()] for name in STATES[encoder_type]}
    return {"memory": [memory], "padding_mask": [padding_mask], **states}


def linear(bridge: Bridge, name: str, layer: int, x: np.ndarray) -> np.ndarray:
    weights = bridge.state_dict()
    weight, bias = (weights[f"proj.{name}.{layer}.{part}"].numpy() for part in ("weight", "bias"))
    return x @ weight.T + bias


def assert_state(state: dict[str, torch.Tensor], expected: dict[str, list[np.ndarray]]) -> None:
    """``expected`` holds one (batch, decoder_dim) for each layer."""
    assert state.keys() == expected.keys()
    for name, layers in expected.items():
        np.testing.assert_allclose(state[name].detach().numpy(), np.stack(layers, axis=1))


@pytest.mark.parametrize("types", ["gru gru", "lstm lstm", "gru lstm", "lstm gru"])
@pytest.mark.parametrize("layers", LAYERS)
def test_last_copies_the_corresponding_layers_and_starts_a_missing_cell_at_0(layers, types):
    bridge = make("last", layers, types, decoder_dim=ENCODER)
    encoder_out = encoded(layers[0], types.split()[0])
    given = {name: encoder_out[name][0].numpy() for name in encoder_out if name in STATES["lstm"]}
    zeros = np.zeros((BATCH, ENCODER))
    expected = {
        name: [given[name][:, i] if name in given else zeros for i in SOURCE_LAYERS[layers]]
        for name in bridge.decoder_states
    }
    assert_state(bridge(encoder_out), expected)


@pytest.mark.parametrize("types", ["gru gru", "lstm lstm", "gru lstm", "lstm gru"])
@pytest.mark.parametrize("layers", LAYERS)
def test_transform_last_is_tanh_of_a_linear_map_of_the_corresponding_layer(layers, types):
    bridge = make("transform-last", layers, types)
    encoder_out = encoded(layers[0], types.split()[0])
    hidden = encoder_out["hidden"][0].numpy()
    cell = encoder_out["cell"][0].numpy() if "cell" in encoder_out else hidden
    sources = list(enumerate(SOURCE_LAYERS[layers]))
    expected = {"hidden": [np.tanh(linear(bridge, "hidden", k, hidden[:, i])) for k, i in sources]}
    if types.endswith("lstm"):
        expected["cell"] = [linear(bridge, "cell", k, cell[:, i]) for k, i in sources]
    assert_state(bridge(encoder_out), expected)


@pytest.mark.parametrize("has_state", [True, False])
def test_transform_all_is_tanh_of_a_linear_map_of_the_mean_over_real_words(has_state):
    none = {"encoder_dim": 0, "encoder_layers": 0, "encoder_states": ()}
    bridge = make("transform-all", (0, 2), "gru lstm", **({} if has_state else none))
    encoder_out = encoded()
    memory = encoder_out["memory"][0].numpy()
    mean = np.stack([memory[0].mean(axis=0), memory[1, 2:].mean(axis=0), memory[2].mean(axis=0)])
    expected = {
        "hidden": [np.tanh(linear(bridge, "hidden", layer, mean)) for layer in range(2)],
        "cell": [linear(bridge, "cell", layer, mean) for layer in range(2)],
    }
    assert_state(bridge(encoder_out), expected)


@pytest.mark.parametrize("rnn_type", ["gru", "lstm"])
def test_transform_backward_starts_from_the_backward_state_at_the_first_word(rnn_type):
    torch.manual_seed(3)
    rnn = RNN(rnn_type, 3, ENCODER // 2, bidirectional=True).double()
    inputs, lengths = torch.randn(BATCH, LENGTH, 3).double(), torch.tensor([5, 3, 1])
    outputs, state = rnn.forward_padded(inputs, lengths)
    bridge = make("transform-backward", types=f"{rnn_type} {rnn_type}")
    found = bridge({name: [tensor] for name, tensor in state.items()})
    backward = outputs[:, 0, ENCODER // 2 :].detach().numpy()
    expected = np.tanh(linear(bridge, "hidden", 0, backward))
    np.testing.assert_allclose(found["hidden"][:, 0].detach().numpy(), expected)
    if rnn_type == "lstm":
        cell = state["cell"][:, 0, ENCODER // 2 :].detach().numpy()
        expected = linear(bridge, "cell", 0, cell)
        np.testing.assert_allclose(found["cell"][:, 0].detach().numpy(), expected)


@pytest.mark.parametrize("types", ["gru gru", "lstm lstm"])
@pytest.mark.parametrize("layers", LAYERS)
def test_summary_is_c_of_the_top_layer_and_a_state_from_c(layers, types):
    bridge = make("summary", layers, types)
    encoder_out = encoded(layers[0], types.split()[0])
    weights = {name: tensor.numpy() for name, tensor in bridge.state_dict().items()}
    top = encoder_out["hidden"][0][:, -1].numpy()
    c = np.tanh(top @ weights["summary_proj.weight"].T + weights["summary_proj.bias"])
    decoder_layers = range(layers[1])
    expected = {"hidden": [np.tanh(linear(bridge, "hidden", k, c)) for k in decoder_layers]}
    if types.endswith("lstm"):
        expected["cell"] = [linear(bridge, "cell", k, c) for k in decoder_layers]
    state = bridge(encoder_out)
    np.testing.assert_allclose(state.pop("context").detach().numpy(), c)
    assert_state(state, expected)
    assert "context" not in encoder_out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_is_0_in_the_memorys_type_for_encoders_with_and_without_a_state(dtype):
    for states in ((), ("hidden",)):
        bridge = make("zero", (0, 2), "gru lstm", encoder_states=states)
        state = bridge({"memory": [torch.ones(BATCH, LENGTH, MEMORY, dtype=dtype)]})
        expected = torch.zeros(BATCH, 2, DECODER, dtype=dtype)
        torch.testing.assert_close(state, {"hidden": expected, "cell": expected})


@pytest.mark.parametrize("option", [option for option in BRIDGES if option != "zero"])
def test_gradients_reach_every_parameter_and_what_the_bridge_reads(option):
    sizes = {"decoder_dim": ENCODER} if option == "last" else {}
    bridge = make(option, (2, 2), "lstm lstm", **sizes)
    encoder_out = encoded(2, "lstm")
    read = encoder_out["memory" if option == "transform-all" else "hidden"][0].requires_grad_()
    sum(tensor.sin().sum() for tensor in bridge(encoder_out).values()).backward()
    for name, parameter in bridge.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    assert read.grad.abs().sum() > 0


@pytest.mark.parametrize("option", ["last", "transform-last", "transform-backward", "summary"])
def test_a_bridge_that_reads_a_state_refuses_an_encoder_without_one(option):
    with pytest.raises(ValueError, match=f"'{option}'.*has none; use the bridge 'zero'"):
        make(option, encoder_states=(), encoder_dim=0, encoder_layers=0)


def test_transform_backward_refuses_an_encoder_that_reads_forward_only():
    message = "--bridge transform-backward.*--encoder-direction bidirectional, not forward"
    with pytest.raises(ValueError, match=message):
        make("transform-backward", bidirectional=False)


def test_last_refuses_states_of_different_sizes():
    with pytest.raises(ValueError, match=rf"\({ENCODER}, .*\({DECODER}\)"):
        make("last")
