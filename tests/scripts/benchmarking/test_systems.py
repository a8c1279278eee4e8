"""The contenders: equal sizes, and a reason for whoever cannot take part."""

import pytest
import torch
from torch import nn

from scripts.benchmarking.data import equal_batch, make_up
from scripts.benchmarking.generation import Generation
from scripts.benchmarking.peers import import_peer
from scripts.benchmarking.sizes import FULL, TINY
from scripts.benchmarking.systems import BASE, GENERATION, TRAINING, Absent, build, ours, theirs
from scripts.benchmarking.training import Training

DATA = make_up(TINY)
PEERS = [name for name in TRAINING if name.startswith(("joeynmt", "opennmt"))]
OURS = [name for name in TRAINING if name not in PEERS]


def build_or_skip(name: str, systems: dict):
    try:
        return build(systems[name], TINY, DATA.dictionary)
    except Absent as reason:
        pytest.skip(str(reason))


def test_an_option_that_is_not_there_is_the_parser_s_reason() -> None:
    with pytest.raises(Absent, match="^unrecognized arguments: --no-such-option$"):
        build(ours("--arch", "s2s", "--no-such-option"), TINY, DATA.dictionary)


def test_a_name_that_is_not_there_is_told_without_the_list_of_names() -> None:
    with pytest.raises(Absent, match="^argument --criterion: invalid choice: 'no_such_loss'$"):
        build(ours("--arch", "s2s", loss="no_such_loss"), TINY, DATA.dictionary)


def test_a_peer_that_is_not_installed_names_the_script_that_installs_it() -> None:
    def build_peer(*given: object) -> nn.Module:
        raise ImportError("joeynmt is not installed")

    with pytest.raises(Absent, match=r"not installed; scripts/setup_peers\.sh"):
        build(theirs(build_peer), TINY, DATA.dictionary)


def test_an_unknown_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(import_peer.__globals__["STUBS"], "no_such_package", ())
    with pytest.raises(ImportError, match="no_such_package is not installed"):
        import_peer("no_such_package", "model")


@pytest.mark.parametrize("name", TRAINING)
def test_every_system_learns_a_batch_with_the_same_loss_and_optimiser(name: str) -> None:
    training = Training(*build_or_skip(name, TRAINING))
    batch = equal_batch(DATA, 4, 5, 6)
    losses = []
    for _ in range(40):
        assert training(batch).tokens == 24
        losses.append(training.last_loss)
    assert losses[-1] < losses[0]
    assert training.criterion.eps == FULL.label_smoothing
    assert type(training.optimizer).__name__ == "FairseqAdam"


@pytest.mark.parametrize("name", [*OURS, *(name for name in PEERS if name.endswith("tied"))])
def test_embedding_and_output_are_one_matrix(name: str) -> None:
    model = build_or_skip(name, TRAINING)[2]
    matrices = [
        weight
        for weight in model.parameters()  # a shared one comes once
        if weight.size(0) == len(DATA.dictionary)
    ]
    assert [weight.size() for weight in matrices] == [(len(DATA.dictionary), TINY.embed_dim)]


@pytest.mark.parametrize("name", TRAINING)
def test_recurrent_states_are_equally_wide(name: str) -> None:
    model = build_or_skip(name, TRAINING)[2]
    layers = [module for module in model.modules() if isinstance(module, nn.RNNBase | nn.LSTMCell)]
    assert {layer.hidden_size for layer in layers} == {TINY.hidden_dim}


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_sees_the_source_without_its_padding(name: str) -> None:
    model = build_or_skip(name, TRAINING)[2].eval()
    net_input = equal_batch(DATA, 2, 5, 4)["net_input"]
    padding = torch.full((2, 3), DATA.dictionary.pad())
    padded = {**net_input, "src_tokens": torch.cat([padding, net_input["src_tokens"]], dim=1)}
    with torch.no_grad():
        torch.testing.assert_close(model(**padded)[0], model(**net_input)[0])


@pytest.mark.parametrize("name", GENERATION)
def test_every_search_makes_the_same_number_of_words(name: str) -> None:
    generation = Generation(*build_or_skip(name, GENERATION), beam=3)
    batches = [equal_batch(DATA, 4, 5, 3), equal_batch(DATA, 1, 7, 3)]
    # The source without its </s>, two words more, and </s>.
    assert generation(batches).tokens == 4 * (5 - 1 + 3) + 1 * (7 - 1 + 3)


def test_fairseq_s_lstm_is_the_stock_one() -> None:
    model = build(TRAINING[BASE], TINY, DATA.dictionary)[2]
    assert type(model).__module__ == "fairseq.models.lstm"
